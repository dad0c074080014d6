"""What a function left running: tasks that nobody waits for, threads that didn't end."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from anyio.lowlevel import checkpoint

from .waiting import new_threads, where

LINGER = 0.5
"""Real seconds in which a thread that has done its work may end."""


class LeakError(Exception):
    """Tasks or threads are left over; the text names them."""


@asynccontextmanager
async def no_leaks() -> AsyncGenerator[None]:
    """Raises when a task or a thread that was started inside the block still runs after it.

    Idle threads that anyio, trio and asyncio keep for later calls are not leaks. On trio tasks can't leak. An error of
    the block itself goes through unchanged, and nothing is checked.

    Raises:
        LeakError: Something still runs. Leftover tasks are not cancelled here; the event loop's runner does that.
    """
    threads_before = set(threading.enumerate())
    tasks_before = _tasks()
    yield
    left = [f"task {task.get_name()!r} in {where(task.get_coro())}" for task in _tasks() - tasks_before]
    give_up = time.monotonic() + LINGER
    while threads := new_threads(threads_before):
        if time.monotonic() > give_up:
            left += [f"thread {thread.name!r}" for thread in threads]
            break
        await checkpoint()
    if left:
        raise LeakError("still running at the end: " + ", ".join(sorted(left)))


def _tasks() -> set[asyncio.Task[Any]]:
    """The running asyncio loop's tasks, without the current one; none on trio."""
    try:
        return asyncio.all_tasks() - {asyncio.current_task()}
    except RuntimeError:  # no asyncio loop runs
        return set()
