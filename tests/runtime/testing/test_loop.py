"""asyncio's promises hold in virtual time, with and without anyio."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Coroutine
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.runtime.testing import DeadlockError, VirtualTimeLoop, loop
from troupe.runtime.testing.waiting import strangers


def run(coroutine: Coroutine[Any, Any, Any], seed: int | None = None) -> Any:
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(seed=seed)) as runner:
        return runner.run(coroutine)


def test_plain_asyncio_runs_in_virtual_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 3600)
        return asyncio.get_running_loop().time()

    assert run(main()) == 3600


def test_the_default_executor_holds_the_clock_and_ends_with_the_loop() -> None:
    async def main() -> float:
        async with asyncio.timeout(1):
            await asyncio.to_thread(time.sleep, 0.02)
        await asyncio.sleep(1)  # its idle thread holds nothing
        return asyncio.get_running_loop().time()

    before = set(threading.enumerate())
    assert run(main()) == 1
    assert set(threading.enumerate()) == before


def test_the_last_word_of_a_thread_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """It speaks and ends after the loop has looked for what is ready, and before it looks for threads."""

    async def main() -> None:
        said = asyncio.Event()
        thread = threading.Thread(target=asyncio.get_running_loop().call_soon_threadsafe, args=[said.set])

        def others(before: set[threading.Thread]) -> set[threading.Thread]:
            if not thread.ident:
                thread.start()
                thread.join()
            return strangers(before)

        monkeypatch.setattr(loop, "strangers", others)
        await said.wait()

    run(main())


def test_a_cancelled_executor_call_does_not_hold_the_clock() -> None:
    release = threading.Event()

    async def main() -> float:
        future = asyncio.get_running_loop().run_in_executor(None, release.wait)
        future.cancel()
        await asyncio.sleep(1)
        release.set()
        return asyncio.get_running_loop().time()

    assert run(main()) == 1


@given(
    seed=st.integers(0, 1000),
    program=st.lists(st.sampled_from(["callback", "task"]), max_size=30),
)
def test_a_seed_moves_tasks_but_never_past_a_callback(seed: int, program: list[str]) -> None:
    """asyncio's transports schedule callbacks in the order in which they have to run."""
    order: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        async def step(number: int) -> None:
            order.append(number)

        tasks: list[asyncio.Task[None]] = []
        for number, kind in enumerate(program):
            if kind == "task":
                tasks.append(loop.create_task(step(number)))
            else:
                loop.call_soon(order.append, number)
        await asyncio.sleep(0)
        await asyncio.gather(*tasks)

    run(main(), seed)
    assert sorted(order) == list(range(len(program)))
    for number, kind in enumerate(program):
        if kind == "callback":
            assert order[number] == number
            assert set(order[:number]) == set(range(number))


def test_a_thread_that_nobody_knows_may_wake_the_loop() -> None:
    async def main() -> str:
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        timer = threading.Timer(0.02, lambda: loop.call_soon_threadsafe(woken.set_result, "woken"))
        timer.start()
        return await woken

    assert run(main()) == "woken"


def test_a_signal_may_wake_the_loop() -> None:
    async def main() -> str:
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        loop.add_signal_handler(signal.SIGUSR1, woken.set_result, "woken")
        threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        return await woken

    assert run(main()) == "woken"


def test_a_child_process_is_no_deadlock() -> None:
    async def main() -> int | None:
        process = await asyncio.create_subprocess_exec("sleep", "0.02")
        return await process.wait()

    assert run(main()) == 0


def test_deadlock_in_plain_asyncio() -> None:
    with pytest.raises(DeadlockError, match=r"Task-\d+ waits in Event.wait"):
        run(asyncio.Event().wait())


def test_the_loop_is_reproducible_with_a_seed_and_many_timers() -> None:
    async def main() -> list[tuple[int, float]]:
        trace: list[tuple[int, float]] = []

        async def tick(number: int) -> None:
            for _ in range(20):
                await anyio.sleep(0.02)
                trace.append((number, asyncio.get_running_loop().time()))

        async with asyncio.TaskGroup() as group:
            for number in range(10):
                group.create_task(tick(number))
        return trace

    assert run(main(), 7) == run(main(), 7)
    assert run(main(), 7) != run(main(), 8)
