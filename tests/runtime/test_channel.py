"""Channels: order, bounds, policies, closing, and that no cancellation ever loses or doubles an item."""

import random
from collections import Counter

import pytest
from anyio import CancelScope, create_task_group, fail_after, move_on_after, sleep, wait_all_tasks_blocked
from anyio.lowlevel import checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.runtime.channel import BUDGET, Channel, Overflow
from troupe.runtime.errors import ChannelBroken, ChannelClosed, ChannelFull, EndOfChannel, WouldBlock
from troupe.runtime.testing import run


async def test_items_come_out_in_the_order_they_went_in() -> None:
    channel = Channel[int](10)
    for item in range(10):
        await channel.send(item)
    assert [await channel.receive() for _ in range(10)] == list(range(10))


def test_a_channel_without_room_for_anything_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Channel[int](0)


async def test_a_full_channel_makes_its_sender_wait_until_there_is_room() -> None:
    channel = Channel[int](2)
    done: list[int] = []

    async def send() -> None:
        for item in range(4):
            await channel.send(item)
            done.append(item)

    async with create_task_group() as tasks:
        tasks.start_soon(send)
        await wait_all_tasks_blocked()
        assert done == [0, 1]
        assert channel.statistics().waiting_senders == 1
        assert await channel.receive() == 0
        await wait_all_tasks_blocked()
        assert done == [0, 1, 2]
        assert [await channel.receive() for _ in range(3)] == [1, 2, 3]


async def test_reject_raises_at_once() -> None:
    channel = Channel[int](1, Overflow.REJECT)
    await channel.send(0)
    with pytest.raises(ChannelFull):
        await channel.send(1)
    assert channel.receive_nowait() == 0


async def test_drop_oldest_keeps_the_newest_and_counts() -> None:
    channel = Channel[int](3, Overflow.DROP_OLDEST)
    for item in range(5):
        await channel.send(item)
    assert [channel.receive_nowait() for _ in range(3)] == [2, 3, 4]
    assert channel.statistics().dropped == 2


async def test_latest_keeps_only_the_last() -> None:
    channel = Channel[int](3, Overflow.LATEST)
    for item in range(6):
        await channel.send(item)
    assert list(channel.items) == [3, 4, 5]
    await channel.send(6)
    assert [channel.receive_nowait()] == [6]
    assert channel.statistics().dropped == 6


def test_nowait_says_that_it_would_block() -> None:
    channel = Channel[int](1)
    with pytest.raises(WouldBlock):
        channel.receive_nowait()
    channel.send_nowait(0)
    with pytest.raises(WouldBlock):
        channel.send_nowait(1)


async def test_closing_lets_receivers_have_what_is_there_and_then_the_end() -> None:
    channel = Channel[int](4)
    await channel.send(1)
    channel.close()
    channel.close()
    with pytest.raises(ChannelClosed):
        await channel.send(2)
    assert await channel.receive() == 1
    with pytest.raises(EndOfChannel):
        await channel.receive()
    with pytest.raises(EndOfChannel):
        channel.receive_nowait()


async def test_iterating_ends_with_the_channel() -> None:
    with Channel[int](4) as channel:
        await channel.send(1)
        await channel.send(2)
    assert [item async for item in channel] == [1, 2]


async def test_an_error_it_is_closed_with_comes_after_the_items() -> None:
    channel = Channel[int](4)
    await channel.send(1)
    channel.close(KeyError("why"))
    assert await channel.receive() == 1
    with pytest.raises(KeyError):
        await channel.receive()


async def test_closing_wakes_everybody_who_waits() -> None:
    full, empty = Channel[int](1), Channel[int](1)
    await full.send(0)
    ends: list[str] = []

    async def send() -> None:
        with pytest.raises(ChannelClosed):
            await full.send(1)
        ends.append("sender")

    async def receive() -> None:
        with pytest.raises(EndOfChannel):
            await empty.receive()
        ends.append("receiver")

    async with create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(send)
            tasks.start_soon(receive)
        await wait_all_tasks_blocked()
        full.close()
        empty.close()
    assert Counter(ends) == {"sender": 3, "receiver": 3}


async def test_breaking_off_returns_what_nobody_will_read_and_tells_senders_why() -> None:
    channel = Channel[int](2)
    await channel.send(1)
    await channel.send(2)
    reason = RuntimeError("gone")

    async def send() -> None:
        with pytest.raises(ChannelBroken) as caught:
            await channel.send(3)
        assert caught.value.__cause__ is reason

    async with create_task_group() as tasks:
        tasks.start_soon(send)
        await wait_all_tasks_blocked()
        assert channel.break_off(reason) == [1, 2]
    assert channel.statistics().dropped == 2
    with pytest.raises(RuntimeError, match="gone"):
        await channel.receive()


async def test_senders_are_served_in_the_order_in_which_they_came() -> None:
    channel = Channel[int](1)
    await channel.send(-1)
    async with create_task_group() as tasks:
        for item in range(5):
            tasks.start_soon(channel.send, item)
            await wait_all_tasks_blocked()
        received = []
        for _ in range(6):
            received.append(await channel.receive())
            with pytest.raises(WouldBlock):  # the place is promised to the next in line, whether it has run or not
                channel.send_nowait(99)
            await wait_all_tasks_blocked()
            if len(received) == 5:
                break
        received.append(await channel.receive())
    assert received == [-1, 0, 1, 2, 3, 4]


async def test_a_busy_pair_lets_others_run() -> None:
    channel, turns = Channel[int](10_000), 0

    async def bystander() -> None:
        nonlocal turns
        while True:
            turns += 1
            await checkpoint()

    async with create_task_group() as tasks:
        tasks.start_soon(bystander)
        await checkpoint()
        for item in range(BUDGET * 10):
            await channel.send(item)
        after_sending = turns
        for _ in range(BUDGET * 10):
            await channel.receive()
        tasks.cancel_scope.cancel()
    assert after_sending >= 9
    assert turns - after_sending >= 9


async def test_a_send_that_is_cancelled_at_its_checkpoint_has_sent_nothing() -> None:
    channel = Channel[int](10_000)
    sent = 0
    with CancelScope() as scope:
        scope.cancel()
        while True:
            await channel.send(sent)
            sent += 1
    assert list(channel.items) == list(range(sent))


async def test_force_goes_beyond_the_capacity() -> None:
    channel = Channel[int](1)
    channel.force(1)
    channel.force(2)
    assert [channel.receive_nowait(), channel.receive_nowait()] == [1, 2]
    channel.close()
    with pytest.raises(ChannelClosed):
        channel.force(3)


async def test_statistics_count_everything() -> None:
    channel = Channel[int](4)
    for item in range(4):
        await channel.send(item)
    await channel.receive()
    statistics = channel.statistics()
    assert (statistics.capacity, statistics.depth, statistics.high_water) == (4, 3, 4)
    assert (statistics.sent, statistics.received, statistics.dropped) == (4, 1, 0)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    capacity=st.integers(1, 5),
    senders=st.integers(1, 4),
    receivers=st.integers(1, 4),
    backend=st.sampled_from(["asyncio", "trio"]),
)
def test_no_item_is_lost_or_doubled_whoever_is_cancelled_when(
    seed: int, capacity: int, senders: int, receivers: int, backend: str
) -> None:
    async def main() -> None:
        dice = random.Random(seed)
        channel = Channel[tuple[int, int]](capacity)
        sent: list[tuple[int, int]] = []
        received: list[tuple[int, int]] = []

        async def send(sender: int) -> None:
            for number in range(12):
                while True:
                    with move_on_after(dice.choice([0, 0.001, 0.002, 1])):
                        await channel.send((sender, number))
                        sent.append((sender, number))
                        break
                    if dice.random() < 0.3:
                        return  # gives up for good
                if dice.random() < 0.3:
                    await sleep(dice.choice([0, 0.001, 0.003]))

        async def receive() -> None:
            while True:
                try:
                    with move_on_after(dice.choice([0, 0.001, 0.002, 1])):
                        received.append(await channel.receive())
                except EndOfChannel:
                    return
                if dice.random() < 0.3:
                    await sleep(dice.choice([0, 0.001, 0.003]))

        with fail_after(1000):
            async with create_task_group() as receiving:
                for _ in range(receivers):
                    receiving.start_soon(receive)
                async with create_task_group() as sending:
                    for sender in range(senders):
                        sending.start_soon(send, sender)
                channel.close()
        assert sorted(received) == sorted(sent)
        for sender in range(senders):  # each sender's items keep their order while one receiver takes them
            own = [number for who, number in received if who == sender]
            if receivers == 1:
                assert own == sorted(own)
        statistics = channel.statistics()
        assert statistics.sent == statistics.received == len(sent)
        assert statistics.high_water <= capacity

    run(main, backend=backend, seed=seed)


async def test_an_item_that_was_put_back_is_the_next_one_even_in_a_full_or_closed_channel() -> None:
    channel = Channel[int](2)
    channel.send_nowait(1)
    channel.send_nowait(2)
    item = channel.receive_nowait()
    channel.send_nowait(3)
    channel.put_back(item)
    channel.close()
    assert channel.statistics().depth == 3
    assert channel.statistics().received == 0
    assert [received async for received in channel] == [1, 2, 3]


async def test_putting_back_wakes_a_receiver() -> None:
    channel = Channel[int](1)
    channel.send_nowait(1)
    item = channel.receive_nowait()
    async with create_task_group() as tasks:
        tasks.start_soon(channel.receive)
        await wait_all_tasks_blocked()
        channel.put_back(item)
    assert channel.statistics().received == 1


async def test_what_is_put_back_into_a_channel_that_was_broken_off_is_dropped() -> None:
    channel = Channel[int](1)
    channel.send_nowait(1)
    item = channel.receive_nowait()
    channel.break_off()
    channel.put_back(item)
    assert len(channel) == 0
    assert channel.statistics().dropped == 1


async def test_a_listener_is_called_at_once_and_only_once() -> None:
    channel = Channel[int](8)
    heard: list[int] = []
    channel.listen(lambda: heard.append(channel.take()))
    channel.send_nowait(1)
    assert heard == [1]
    channel.send_nowait(2)
    assert heard == [1]
    assert channel.receive_nowait() == 2


async def test_a_listener_stands_in_line_behind_tasks_that_wait() -> None:
    channel = Channel[int](8)
    heard: list[int] = []
    received: list[int] = []

    async def receive() -> None:
        received.append(await channel.receive())

    async with create_task_group() as tasks:
        tasks.start_soon(receive)
        await wait_all_tasks_blocked()
        channel.listen(lambda: heard.append(channel.take()))
        channel.send_nowait(1)
        await wait_all_tasks_blocked()
        channel.send_nowait(2)
    assert received == [1]
    assert heard == [2]


async def test_a_listener_hears_that_the_channel_closes() -> None:
    channel = Channel[int](1)
    heard: list[bool] = []
    channel.listen(lambda: heard.append(channel.closed))
    channel.close()
    assert heard == [True]


async def test_a_listener_that_was_cancelled_leaves_the_item_to_the_next() -> None:
    channel = Channel[int](1)
    heard: list[str] = []
    first = channel.listen(lambda: heard.append("first"))
    channel.listen(lambda: heard.append("second"))
    first.cancel()
    assert first.done()
    channel.send_nowait(1)
    assert heard == ["second"]
    assert channel.receive_nowait() == 1
