"""One timer for all: who waits in a line for too long is told so, and takes nothing from those behind."""

import pytest
from anyio import create_task_group, move_on_after, sleep, wait_all_tasks_blocked
from troupe.runtime.channel import Channel
from troupe.runtime.deadlines import Deadlines, Patience
from troupe.runtime.errors import DeadlineExceeded

pytestmark = pytest.mark.virtual


async def test_a_wait_ends_when_its_time_is_up_and_the_next_one_gets_the_item() -> None:
    channel, got = Channel[int](4), list[object]()

    async def receive(patience: Patience | None) -> None:
        try:
            got.append(await channel.receive(patience))
        except DeadlineExceeded as late:
            got.append(str(late))

    async with Deadlines.open() as deadlines, create_task_group() as tasks:
        for patience in (Patience(deadlines, 2, "ears", "Hear"), Patience(deadlines, 1, "ears", "Hear"), None):
            tasks.start_soon(receive, patience)
            await wait_all_tasks_blocked()
        await sleep(3)
        channel.send_nowait(7)
        channel.send_nowait(8)
        await wait_all_tasks_blocked()
        assert got == [
            "'ears' did not answer Hear within 1 s",
            "'ears' did not answer Hear within 2 s",
            7,
        ]
        assert await channel.receive() == 8
        assert channel.statistics().waiting_receivers == 0


async def test_an_item_that_comes_as_the_time_is_up_is_not_lost() -> None:
    channel = Channel[int](4)
    async with Deadlines.open() as deadlines, create_task_group() as tasks:

        async def send() -> None:
            await sleep(1)
            channel.send_nowait(1)

        tasks.start_soon(send)
        try:
            got = await channel.receive(Patience(deadlines, 1, "ears", "Hear"))
        except DeadlineExceeded:
            got = await channel.receive()
        assert got == 1
        assert channel.statistics().received == 1


async def test_who_leaves_when_his_time_is_up_keeps_nobody_waiting() -> None:
    """Cancelled in the step in which the time was up: no wake-up is passed on that never was."""
    channel = Channel[int](4)
    async with Deadlines.open() as deadlines:
        for _ in range(3):
            with move_on_after(1):
                await channel.receive(Patience(deadlines, 1 + 1e-12, "ears", "Hear"))
            with move_on_after(1 + 1e-12), pytest.raises(DeadlineExceeded):
                await channel.receive(Patience(deadlines, 1, "ears", "Hear"))
        channel.send_nowait(1)
        assert await channel.receive(Patience(deadlines, 1, "ears", "Hear")) == 1


async def test_who_asks_for_more_time_when_it_is_up_is_heard_again() -> None:
    class Patient:
        timeout = 1.0

        def __init__(self, deadlines: Deadlines) -> None:
            self.times = list[float]()
            self._deadlines = deadlines

        def expire(self) -> None:
            self.times.append(self._deadlines.now())
            if len(self.times) < 3:
                self.timeout = 0.5
                self._deadlines.add(self)

    async with Deadlines.open() as deadlines:
        patient, start = Patient(deadlines), deadlines.now()
        deadlines.add(patient)
        await sleep(5)
        assert [each - start for each in patient.times] == pytest.approx([1, 1.5, 2])


async def test_an_error_of_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError, match="gone"):
        async with Deadlines.open():
            raise KeyError("gone")
