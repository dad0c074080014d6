"""trio's autojump clock, held when it has to be; its scheduler, given back as it was."""

import os
import signal
import threading
from importlib import import_module
from typing import Any

import trio
from troupe.runtime.testing import run


def test_the_scheduler_is_given_back_as_it_was() -> None:
    scheduler: Any = import_module("trio._core._run")
    before = scheduler._ALLOW_DETERMINISTIC_SCHEDULING, scheduler._r.getstate()

    async def main() -> None:
        assert scheduler._ALLOW_DETERMINISTIC_SCHEDULING
        await trio.sleep(1)

    run(main, backend="trio", seed=3)
    assert (scheduler._ALLOW_DETERMINISTIC_SCHEDULING, scheduler._r.getstate()) == before


def test_a_thread_that_nobody_knows_may_wake_the_run() -> None:
    async def main() -> None:
        token, woken = trio.lowlevel.current_trio_token(), trio.Event()
        threading.Timer(0.02, token.run_sync_soon, [woken.set]).start()
        await woken.wait()

    run(main, backend="trio")


def test_a_signal_may_wake_the_run() -> None:
    async def main() -> int:
        with trio.open_signal_receiver(signal.SIGUSR1) as signals:
            threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGUSR1)).start()
            return await anext(signals)

    assert run(main, backend="trio") == signal.SIGUSR1


def test_a_child_process_is_no_deadlock() -> None:
    async def main() -> int:
        process = await trio.run_process(["sleep", "0.02"])
        return process.returncode

    assert run(main, backend="trio") == 0


def test_tasks_that_wait_for_idleness_come_before_the_clock() -> None:
    async def main() -> float:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 60)
            await trio.testing.wait_all_tasks_blocked()
            idle_at = trio.current_time()
        return idle_at

    assert run(main, backend="trio") == 0
