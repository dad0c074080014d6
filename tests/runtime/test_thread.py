"""One thread owns the object; callers may leave at any point, and everybody else gets what is theirs."""

import logging
import random
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import anyio
import pytest
from anyio import to_thread
from anyio.lowlevel import checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.runtime.errors import DeadlineExceeded
from troupe.runtime.thread import ThreadStatistics, ThreadStuck, ThreadWorker, WorkerClosed


class Owned:
    """An object that notices when another thread touches it, or two at once, or anybody after it was closed."""

    def __init__(self) -> None:
        self.thread = threading.current_thread()
        self.closed = False
        self.inside = False
        self.log: list[Any] = []

    def touch(self, entry: Any = None) -> Any:
        assert threading.current_thread() is self.thread
        assert not self.inside
        assert not self.closed
        self.inside = True
        self.log.append(entry)
        self.inside = False
        return entry

    def close(self) -> None:
        self.touch("close")
        self.closed = True


class Gate:
    """A function for the thread that waits in it until it is let go."""

    def __init__(self) -> None:
        self._entered = threading.Event()
        self._open = threading.Event()

    def __call__(self, owned: Owned) -> str:
        owned.touch("gate")
        self._entered.set()
        assert self._open.wait(10)
        return "through"

    def open(self) -> None:
        self._open.set()

    async def entered(self) -> None:
        await to_thread.run_sync(self._entered.wait)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await checkpoint()


async def read(
    worker: ThreadWorker[Owned], fn: Callable[[Owned], Iterable[Any]], into: list[Any], **options: Any
) -> None:
    async with worker.stream(fn, **options) as items:
        async for item in items:
            into.append(item)


def owner(**options: Any) -> Any:
    return ThreadWorker.open(Owned, close=Owned.close, name="owner", **options)


async def test_the_object_lives_and_dies_in_one_thread() -> None:
    async with owner() as worker:
        owned = await worker.call(lambda owned: owned)
        assert owned.thread is not threading.current_thread()
        assert owned.thread.name == "owner"
        assert owned.thread.daemon
        assert await worker.call(Owned.touch, 1) == 1
    assert owned.log == [1, "close"]


async def test_calls_run_one_at_a_time_and_in_order() -> None:
    async with owner(capacity=3) as worker:
        async with anyio.create_task_group() as group:
            for number in range(50):
                group.start_soon(worker.call, Owned.touch, number)
                await checkpoint()
        log = await worker.call(lambda owned: owned.log.copy())
    assert sorted(log) == list(range(50))

    async with owner(capacity=3) as worker:
        for number in range(50):
            await worker.call(Owned.touch, number)
        assert await worker.call(lambda owned: owned.log) == list(range(50))


async def test_one_thread_and_no_limiter_of_anyio() -> None:
    before = set(threading.enumerate())
    gate = Gate()
    async with owner() as worker, anyio.create_task_group() as group:
        for number in range(20):
            await worker.call(Owned.touch, number)
        assert [thread.name for thread in set(threading.enumerate()) - before] == ["owner"]
        group.start_soon(worker.call, gate)
        await gate.entered()
        assert to_thread.current_default_thread_limiter().borrowed_tokens == 0
        gate.open()


async def test_an_error_travels_to_the_caller_with_its_traceback() -> None:
    def divide(owned: Owned) -> float:
        return 1 / 0

    async with owner() as worker:
        with pytest.raises(ZeroDivisionError) as caught:
            await worker.call(divide)
        assert "divide" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
        assert await worker.call(Owned.touch, "alive") == "alive"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
async def test_errors_that_would_end_a_thread_travel_too(error: type[BaseException]) -> None:
    def fail(owned: Owned) -> None:
        raise error

    async with owner() as worker:
        with pytest.raises(error):
            await worker.call(fail)
        assert await worker.call(Owned.touch, "alive") == "alive"


async def test_open_fails_when_the_object_cannot_be_made() -> None:
    def factory() -> Owned:
        raise OSError("no such device")

    closed = []
    with pytest.raises(OSError, match="no such device"):
        async with ThreadWorker.open(factory, close=closed.append, name="broken"):
            pytest.fail("it was not made")
    assert not closed


async def test_an_error_of_close_is_raised_at_the_end() -> None:
    def close(owned: Owned) -> None:
        raise OSError("device is busy")

    with pytest.raises(OSError, match="device is busy"):
        async with ThreadWorker.open(Owned, close=close, name="owner"):
            pass


async def test_a_queued_call_of_a_cancelled_caller_never_runs() -> None:
    gate = Gate()
    async with owner() as worker, anyio.create_task_group() as group:
        group.start_soon(worker.call, gate)
        await gate.entered()
        async with anyio.create_task_group() as others:
            others.start_soon(worker.call, Owned.touch, "dropped")
            await until(lambda: worker.statistics() == ThreadStatistics(running="Gate", queued=1, waiting=0))
            others.cancel_scope.cancel()
        gate.open()
        assert await worker.call(lambda owned: owned.log) == ["gate"]


async def test_a_running_call_of_a_cancelled_caller_is_told() -> None:
    entered = threading.Event()
    seen = []

    def until_cancelled(owned: Owned) -> str:
        entered.set()
        while not worker.cancelled():
            pass
        seen.append(owned.touch("left early"))
        return "a result for nobody"

    async with owner() as worker, anyio.create_task_group() as group:
        group.start_soon(worker.call, until_cancelled)
        await to_thread.run_sync(entered.wait)
        group.cancel_scope.cancel()
    assert seen == ["left early"]


async def test_a_cancelled_caller_leaves_at_once_and_the_thread_stays_usable() -> None:
    gate = Gate()
    async with owner() as worker:
        async with anyio.create_task_group() as group:
            group.start_soon(worker.call, gate)
            await gate.entered()
            group.cancel_scope.cancel()
        gate.open()  # so the caller left while the call was running
        assert await worker.call(Owned.touch, "next") == "next"
        assert await worker.call(lambda owned: owned.log) == ["gate", "next"]


async def test_an_error_for_nobody_is_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()

    def fail(owned: Owned) -> None:
        gate(owned)
        raise ValueError("what the user said")

    async with owner() as worker:
        async with anyio.create_task_group() as group:
            group.start_soon(worker.call, fail)
            await gate.entered()
            group.cancel_scope.cancel()
        with caplog.at_level(logging.WARNING, "troupe.runtime"):
            gate.open()
            await worker.call(Owned.touch)
    assert "ErrorSuppressed path=owner error=builtins.ValueError" in caplog.text
    assert "what the user said" not in caplog.text


@pytest.mark.real_time
async def test_a_call_has_a_deadline_in_the_queue_and_in_the_thread() -> None:
    gate = Gate()
    async with owner(capacity=2) as worker:
        with pytest.raises(DeadlineExceeded, match=r"'owner' did not answer Gate within 0\.01 s"):
            await worker.call(gate, timeout=0.01)
        with pytest.raises(DeadlineExceeded):
            await worker.call(Owned.touch, "queued", timeout=0.01)
        assert worker.statistics() == ThreadStatistics(running="Gate", queued=0, waiting=0)
        with pytest.raises(DeadlineExceeded):
            await worker.call(Owned.touch, "waits for a place", timeout=0.01)
        gate.open()
        await worker.call(Owned.touch, "last")
        assert await worker.call(lambda owned: owned.log) == ["gate", "last"]


async def test_callers_wait_when_the_queue_is_full() -> None:
    gate = Gate()
    async with owner(capacity=2) as worker, anyio.create_task_group() as group:
        group.start_soon(worker.call, gate)
        await gate.entered()
        for number in range(5):
            group.start_soon(worker.call, Owned.touch, number)
        await until(lambda: worker.statistics() == ThreadStatistics(running="Gate", queued=1, waiting=4))
        gate.open()


@given(seed=st.integers())
@settings(max_examples=20, deadline=None)
async def test_random_cancellation_neither_loses_nor_repeats_calls(seed: int) -> None:
    dice = random.Random(seed)
    answers: dict[int, int] = {}

    async def caller(number: int, scope: anyio.CancelScope) -> None:
        with scope:
            answers[number] = await worker.call(Owned.touch, number)

    async with owner(capacity=3) as worker:
        scopes = [anyio.CancelScope() for _ in range(30)]
        async with anyio.create_task_group() as group:
            for number, scope in enumerate(scopes):
                group.start_soon(caller, number, scope)
                for _ in range(dice.randrange(3)):
                    await checkpoint()
                if dice.random() < 0.5:
                    dice.choice(scopes[: number + 1]).cancel()
        log = await worker.call(lambda owned: owned.log.copy())
    cancelled = {number for number, scope in enumerate(scopes) if scope.cancelled_caught}
    assert answers == {number: number for number in range(30) if number not in cancelled}
    assert len(log) == len(set(log))
    assert set(answers) <= set(log)


async def test_a_stream_hands_over_all_items_in_order() -> None:
    def count(owned: Owned, end: int) -> Iterator[int]:
        for number in range(end):
            yield owned.touch(number)

    async with owner() as worker, worker.stream(count, 200, buffer=3) as items:
        assert [item async for item in items] == list(range(200))


async def test_readers_may_share_a_stream() -> None:
    async def take() -> None:
        async for item in items:
            taken.append(item)

    taken: list[int] = []
    async with owner() as worker, worker.stream(lambda owned: range(100), buffer=3) as items:
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(take)
    assert sorted(taken) == list(range(100))


async def test_any_iterable_is_a_stream() -> None:
    async with owner() as worker, worker.stream(lambda owned: "abc") as items:
        assert [item async for item in items] == ["a", "b", "c"]


@pytest.mark.parametrize("buffer", [1, 4])
async def test_the_thread_is_at_most_a_buffer_ahead(buffer: int) -> None:
    made = 0

    def count(owned: Owned) -> Iterator[int]:
        nonlocal made
        while True:
            made += 1
            yield made

    async with owner() as worker, worker.stream(count, buffer=buffer) as items:
        async for item in items:
            assert item <= made <= item + buffer
            await anyio.sleep(0.001)
            if item == 20:
                break


@pytest.mark.virtual
async def test_time_passes_while_the_thread_waits_for_a_slow_reader() -> None:
    async with owner() as worker, worker.stream(lambda owned: range(10), buffer=2) as items:
        async for _ in items:
            await anyio.sleep(60)
    assert anyio.current_time() == 600


async def test_leaving_a_stream_closes_the_generator_before_the_next_call() -> None:
    def count(owned: Owned) -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            owned.touch("closed")

    async with owner() as worker:
        async with worker.stream(count) as items:
            async for item in items:
                if item == 5:
                    break
        assert await worker.call(lambda owned: owned.log.copy()) == ["closed"]

        with anyio.CancelScope() as scope:
            async with worker.stream(count) as items:
                async for item in items:
                    if item == 5:
                        scope.cancel()
        assert scope.cancelled_caught
        assert await worker.call(lambda owned: owned.log.copy()) == ["closed", "closed"]


async def test_an_error_of_a_stream_comes_after_its_items() -> None:
    def count(owned: Owned) -> Iterator[int]:
        yield from range(5)
        raise ZeroDivisionError

    async with owner() as worker:
        taken: list[int] = []
        with pytest.raises(ZeroDivisionError):
            await read(worker, count, taken)
        assert taken == [0, 1, 2, 3, 4]


@pytest.mark.real_time
async def test_a_stream_has_a_deadline() -> None:
    gate = Gate()

    def stall(owned: Owned) -> Iterator[int]:
        yield 1
        gate(owned)

    async with owner() as worker:
        taken: list[int] = []
        with pytest.raises(DeadlineExceeded):
            await read(worker, stall, taken, timeout=0.01)
        assert taken == [1]
        gate.open()


async def test_closing_ends_every_call() -> None:
    gate = Gate()
    ended: list[object] = []

    async def expect_closed(*call: Any) -> None:
        with pytest.raises(WorkerClosed):
            await worker.call(*call)
        ended.append(call[-1])

    async def expect_closed_stream() -> None:
        with pytest.raises(WorkerClosed):
            async with worker.stream(lambda owned: range(10)) as items:
                await anext(items)
        ended.append("stream")

    async with anyio.create_task_group() as group:
        async with owner(capacity=3) as worker:
            group.start_soon(expect_closed, gate)
            await gate.entered()
            group.start_soon(expect_closed, Owned.touch, "queued")
            group.start_soon(expect_closed_stream)
            await until(lambda: worker.statistics().queued == 2)
            group.start_soon(expect_closed, Owned.touch, "waits for a place")
            await until(lambda: worker.statistics().waiting == 1)
            group.start_soon(open_when_cancelled, worker, gate)
    assert set(ended) == {gate, "queued", "stream", "waits for a place"}
    with pytest.raises(WorkerClosed):
        await worker.call(Owned.touch)


async def open_when_cancelled(worker: ThreadWorker[Owned], gate: Gate) -> None:
    await until(worker.cancelled)
    gate.open()


async def test_closing_cuts_a_stream_with_an_error() -> None:
    async def read() -> None:
        async with worker.stream(lambda owned: iter(int, 1), buffer=2) as items:
            await anext(items)
            reading.set()
            await closed.wait()
            with pytest.raises(WorkerClosed):
                _ = [item async for item in items]

    reading, closed = anyio.Event(), anyio.Event()
    async with anyio.create_task_group() as group:
        async with owner() as worker:
            group.start_soon(read)
            await reading.wait()
        closed.set()


@pytest.mark.real_time
async def test_a_thread_that_would_not_stop_is_reported() -> None:
    gate = Gate()
    owned: list[Owned] = []

    async def caller() -> None:
        with pytest.raises(ThreadStuck):
            await worker.call(gate)

    async with anyio.create_task_group() as group:
        opened = owner(grace=0.01)
        worker = await opened.__aenter__()
        owned.append(await worker.call(lambda owned: owned))
        group.start_soon(caller)
        await gate.entered()
        with pytest.raises(ThreadStuck, match=r"'owner' would not stop: Gate went on for 0\.01 s") as caught:
            await opened.__aexit__(None, None, None)
    assert caught.value.running == "Gate"
    assert not owned[0].closed
    gate.open()
    await to_thread.run_sync(owned[0].thread.join)
    assert owned[0].closed


async def test_a_cancelled_open_does_not_wait_for_the_factory() -> None:
    gate = Gate()
    made: list[Owned] = []

    def factory() -> Owned:
        made.append(Owned())
        gate(made[0])
        return made[0]

    async with anyio.create_task_group() as group:

        async def open_it() -> None:
            async with ThreadWorker.open(factory, close=Owned.close, name="slow"):
                pytest.fail("it was not made")

        group.start_soon(open_it)
        await gate.entered()
        group.cancel_scope.cancel()
    assert not made[0].closed
    gate.open()
    await to_thread.run_sync(made[0].thread.join)
    assert made[0].closed


async def test_capacity_and_buffer_have_room_for_one() -> None:
    with pytest.raises(ValueError, match="capacity is 0"):
        async with owner(capacity=0):
            pass
    async with owner() as worker:
        with pytest.raises(ValueError, match="buffer is 0"):
            async with worker.stream(lambda owned: "abc", buffer=0):
                pass


def test_a_stuck_thread_does_not_keep_the_process() -> None:
    script = """
import anyio, time
from troupe.runtime.thread import ThreadStuck, ThreadWorker

async def main():
    try:
        async with ThreadWorker.open(object, name="stuck", grace=0.01) as worker:
            with anyio.move_on_after(0.01):
                await worker.call(lambda _: time.sleep(3600))
    except ThreadStuck as error:
        print(error)

anyio.run(main)
"""
    finished = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=20)
    assert "'stuck' would not stop" in finished.stdout
    assert finished.stderr == ""
    assert finished.returncode == 0


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_thread_outlives_its_event_loop_in_silence(backend: str) -> None:
    gate = Gate()
    owned: list[Owned] = []

    async def abandon() -> None:
        async with owner(grace=0) as worker:
            owned.append(await worker.call(lambda owned: owned))
            async with anyio.create_task_group() as group:
                group.start_soon(worker.call, gate)
                await gate.entered()
                group.cancel_scope.cancel()

    run: Callable[..., None] = anyio.run
    with pytest.raises(ThreadStuck):
        run(abandon, backend=backend)
    gate.open()
    owned[0].thread.join(10)
    assert owned[0].closed
