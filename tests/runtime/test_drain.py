"""Handing items to a function: in the sender's step, in order, with its errors kept from the sender."""

import random

import pytest
from anyio import CancelScope, Event, create_task_group, wait_all_tasks_blocked
from anyio.lowlevel import checkpoint
from troupe.runtime import Actor, Duplex, DuplexRequest, child, open_system
from troupe.runtime.channel import BUDGET, Channel
from troupe.runtime.errors import ChannelBroken


async def test_an_item_is_handed_over_in_the_step_that_sends_it() -> None:
    channel, seen = Channel[int](4), list[int]()
    channel.send_nowait(0)
    async with create_task_group() as tasks:
        tasks.start_soon(channel.each, seen.append)
        await wait_all_tasks_blocked()
        assert seen == [0]
        for item in range(1, 20):
            channel.send_nowait(item)  # more than there is room for: each is gone before the next comes
            assert seen[-1] == item
        channel.close()
    assert seen == list(range(20))
    assert channel.statistics().received == 20


async def test_what_was_in_it_when_it_closed_is_still_handed_over() -> None:
    channel, seen = Channel[int](4), list[int]()
    channel.send_nowait(1)
    channel.close()
    await channel.each(seen.append)
    assert seen == [1]


async def test_the_error_it_was_closed_with_is_raised() -> None:
    channel, seen = Channel[int](4), list[int]()
    channel.send_nowait(1)
    channel.close(KeyError("gone"))
    with pytest.raises(KeyError, match="gone"):
        await channel.each(seen.append)
    assert seen == [1]


async def test_an_error_of_the_function_is_the_receivers() -> None:
    channel = Channel[int](4)

    async def receive() -> None:
        with pytest.raises(ZeroDivisionError):
            await channel.each(lambda item: 1 // item)  # type: ignore[arg-type,return-value]
        channel.break_off()

    async with create_task_group() as tasks:
        tasks.start_soon(receive)
        await wait_all_tasks_blocked()
        channel.send_nowait(0)
        channel.send_nowait(1)
        await wait_all_tasks_blocked()
        with pytest.raises(ChannelBroken):
            channel.send_nowait(2)


async def test_the_items_after_one_that_takes_time_wait() -> None:
    channel, seen, go = Channel[int](2), list[int](), Event()

    async def wait(item: int) -> None:
        await go.wait()
        seen.append(-item)

    def handle(item: int):
        seen.append(item)
        return wait(item) if item == 2 else None

    async with create_task_group() as tasks:
        tasks.start_soon(channel.each, handle)
        await wait_all_tasks_blocked()
        for item in (1, 2, 3, 4):
            await channel.send(item)
        assert seen == [1, 2]
        assert not channel.has_room()
        go.set()
        channel.close()
    assert seen == [1, 2, -2, 3, 4]


async def test_a_sender_that_never_waits_does_not_keep_the_loop_to_itself() -> None:
    channel, seen, turns = Channel[int](8), list[int](), 0

    async def others() -> None:
        nonlocal turns
        while len(seen) < 10 * BUDGET:
            turns += 1
            await checkpoint()

    async with create_task_group() as tasks:
        tasks.start_soon(channel.each, seen.append)
        tasks.start_soon(others)
        for item in range(10 * BUDGET):
            await channel.send(item)
        channel.close()
    assert seen == list(range(10 * BUDGET))
    assert turns >= 9


async def test_an_item_that_the_function_sends_itself_comes_after_the_present_one() -> None:
    channel, seen = Channel[int](4), list[int]()

    def handle(item: int) -> None:
        if item < 3:
            channel.send_nowait(item + 1)
        seen.append(item)

    async with create_task_group() as tasks:
        tasks.start_soon(channel.each, handle)
        await wait_all_tasks_blocked()
        channel.send_nowait(0)
        assert seen == [0, 1, 2, 3]
        channel.close()


@pytest.mark.parametrize("seed", range(20))
async def test_cancelling_loses_and_doubles_nothing(seed: int) -> None:
    chance = random.Random(seed)
    channel, seen = Channel[int](3), list[int]()

    def handle(item: int):
        seen.append(item)
        return checkpoint() if chance.random() < 0.3 else None

    async def send() -> None:
        for item in range(100):
            await channel.send(item)
            if chance.random() < 0.3:
                await checkpoint()
        channel.close()

    async def receive() -> None:
        while not (channel.closed and not channel.items):
            with CancelScope() as scope:
                async with create_task_group() as tasks:
                    tasks.start_soon(channel.each, handle)
                    for _ in range(chance.randrange(6)):
                        await checkpoint()
                    scope.cancel()

    async with create_task_group() as tasks:
        tasks.start_soon(receive)
        tasks.start_soon(send)
    assert seen == list(range(100))


class Sum(DuplexRequest[int, int], frozen=True):
    """Answer each number with the sum so far."""


class Adder(Actor):
    async def add(self, request: Sum, caller: Duplex[int, int]) -> None:
        total = 0

        def add(number: int) -> None:
            nonlocal total
            total += number
            caller.send_nowait(total)

        await caller.each(add)


async def test_both_ends_of_a_conversation_can_do_without_a_trip_through_the_loop() -> None:
    async with open_system(child(Adder, name="adder")) as system, system.ref("adder").open(Sum()) as sums:
        seen = list[int]()
        async with create_task_group() as tasks:
            tasks.start_soon(sums.each, seen.append)
            await wait_all_tasks_blocked()
            for number in (1, 2, 3):
                sums.send_nowait(number)
            assert seen == [1, 3, 6]
            sums.finish()
    assert seen == [1, 3, 6]
