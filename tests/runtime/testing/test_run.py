"""Virtual time and seeded scheduling, the same on both back ends."""

import time
from threading import Event, Thread
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from troupe.runtime.testing import DeadlockError, LeakError, backend_options, hold_clock, run

pytestmark = pytest.mark.parametrize("backend", ["asyncio", "trio"])


async def interleaving() -> str:
    """The order in which four tasks take their steps, and what the clock says after it."""
    order: list[str] = []

    async def walk(name: str) -> None:
        for _ in range(5):
            await checkpoint()
            order.append(name)

    async with anyio.create_task_group() as group:
        for name in "abcd":
            group.start_soon(walk, name)
    return "".join(order)


def test_a_day_of_timers_passes_at_once(backend: Any) -> None:
    async def day() -> list[float]:
        times = [anyio.current_time()]
        for _ in range(24):
            await anyio.sleep(3600)
            times.append(anyio.current_time())
        return times

    started = time.monotonic()
    assert run(day, backend=backend) == [3600 * hour for hour in range(25)]
    assert time.monotonic() - started < 10


def test_timers_fire_in_order(backend: Any) -> None:
    async def timers() -> list[float]:
        fired: list[float] = []

        async def timer(seconds: float) -> None:
            await anyio.sleep(seconds)
            fired.append(anyio.current_time())

        async with anyio.create_task_group() as group:
            for seconds in (0.3, 0.1, 0.2, 1e-9, 1e5):
                group.start_soon(timer, seconds)
        return fired

    assert run(timers, backend=backend) == pytest.approx([1e-9, 0.1, 0.2, 0.3, 1e5])


def test_same_seed_same_order(backend: Any) -> None:
    orders = [run(interleaving, backend=backend, seed=seed) for seed in (1, 1, 2, 3, 4)]
    assert orders[0] == orders[1]
    assert len(set(orders)) > 2
    assert {"".join(sorted(order)) for order in orders} == {"aaaaabbbbbcccccddddd"}


def test_seed_holds_when_a_group_is_cancelled(backend: Any) -> None:
    """A group's tasks are a set, which has no stable order; the trace must not show it."""

    async def cancelled() -> list[int]:
        order: list[int] = []

        async def wait(number: int) -> None:
            try:
                await anyio.sleep_forever()
            finally:
                order.append(number)

        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(wait, number)
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
        return order

    ballast = []
    orders = []
    for size in range(10):
        ballast.append([object() for _ in range(size * 1000)])  # other addresses, and so other hashes
        orders.append(run(cancelled, backend=backend, seed=5))
    assert all(order == orders[0] for order in orders)


def test_clock_waits_for_calls_in_threads(backend: Any) -> None:
    async def call() -> float:
        with anyio.fail_after(1):
            await anyio.to_thread.run_sync(time.sleep, 0.02)
        await anyio.sleep(1)
        return anyio.current_time()

    assert run(call, backend=backend) == 1


def test_idle_threads_do_not_hold_the_clock(backend: Any) -> None:
    async def call_and_sleep() -> float:
        await anyio.to_thread.run_sync(int)
        await anyio.sleep(100)
        return anyio.current_time()

    assert run(call_and_sleep, backend=backend) == 100


def test_held_clock_stands_still(backend: Any) -> None:
    async def child_process() -> float:
        with anyio.move_on_after(5) as scope, hold_clock():
            await anyio.run_process(["sleep", "0.02"])
        assert not scope.cancel_called
        return anyio.current_time()

    assert run(child_process, backend=backend) == 0


def test_ready_file_descriptors_come_before_timers(backend: Any) -> None:
    async def echo() -> tuple[bytes, float]:
        async def answer(stream: anyio.abc.SocketStream) -> None:
            async with stream:
                await stream.send(await stream.receive())

        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        async with listener, anyio.create_task_group() as group:
            group.start_soon(listener.serve, answer)
            with anyio.fail_after(1):
                async with await anyio.connect_tcp("127.0.0.1", port) as client:
                    await client.send(b"hello")
                    answered = await client.receive()
            group.cancel_scope.cancel()
        return answered, anyio.current_time()

    answered, now = run(echo, backend=backend)
    assert answered == b"hello"
    assert now < 1


def test_deadlock_is_an_error_that_names_the_waiting_tasks(backend: Any) -> None:
    async def wait_for(event: anyio.Event) -> None:
        await event.wait()

    async def deadlock() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(wait_for, anyio.Event(), name="left")
            group.start_soon(wait_for, anyio.Event(), name="right")

    with pytest.raises(DeadlockError, match=rf"left waits in .*wait_for \({__file__}:") as caught:
        run(deadlock, backend=backend)
    assert "right waits in" in str(caught.value)


def test_an_error_goes_through(backend: Any) -> None:
    async def fail() -> None:
        await anyio.sleep(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(fail, backend=backend)


def test_leaked_thread_is_reported(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("troupe.runtime.testing.leaks.LINGER", 0.02)
    stop = Event()

    async def leave_a_thread() -> None:
        Thread(target=stop.wait, name="forgotten", daemon=True).start()

    try:
        with pytest.raises(LeakError, match="thread 'forgotten'"):
            run(leave_a_thread, backend=backend)
    finally:
        stop.set()


def test_options_fit_anyio(backend: Any) -> None:
    async def later() -> float:
        await anyio.sleep(60)
        return anyio.current_time()

    options = backend_options(backend)
    assert anyio.run(later, backend=backend, backend_options=options) == 60
    assert anyio.run(later, backend=backend, backend_options=options) == 60


def test_a_thread_that_waits_for_virtual_time_gets_it(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("troupe.runtime.testing.loop.PATIENCE", 0.01)
    monkeypatch.setattr("troupe.runtime.testing.trio_clock.PATIENCE", 0.01)
    alarm = Event()

    async def ring_later() -> None:
        await anyio.sleep(3600)
        alarm.set()

    async def wait_in_a_thread() -> float:
        async with anyio.create_task_group() as group:
            group.start_soon(ring_later)
            await anyio.to_thread.run_sync(alarm.wait)
        return anyio.current_time()

    assert run(wait_in_a_thread, backend=backend) == 3600
