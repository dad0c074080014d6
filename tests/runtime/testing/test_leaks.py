"""What is left running is named; what is only kept for later is not."""

import asyncio
import threading

import anyio
import pytest
from anyio import to_thread
from troupe.runtime.testing import LeakError, no_leaks, run
from troupe.runtime.thread import ThreadWorker


def test_a_leftover_task_is_named() -> None:
    async def forgotten() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        asyncio.get_running_loop().create_task(forgotten(), name="careless")

    with pytest.raises(LeakError, match=r"task 'careless' in .*forgotten"):
        run(main)


async def test_what_was_there_before_is_no_leak() -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 0.01)
        async with no_leaks():
            pass


async def test_idle_threads_are_no_leak() -> None:
    async with no_leaks():
        await to_thread.run_sync(int)


async def test_a_thread_may_take_a_moment_to_end() -> None:
    async with no_leaks():
        threading.Timer(0.02, int).start()


async def test_an_error_goes_through_unchanged() -> None:
    with pytest.raises(ZeroDivisionError):
        async with no_leaks():
            raise ZeroDivisionError


async def test_an_open_thread_worker_is_a_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("troupe.runtime.testing.leaks.LINGER", 0.02)
    worker = ThreadWorker.open(object, name="left open")

    async def forget_to_close() -> None:
        async with no_leaks():
            await worker.__aenter__()

    with pytest.raises(LeakError, match="thread 'left open'"):
        await forget_to_close()
    await worker.__aexit__(None, None, None)
