"""Who waits, and for whom: what is needed to tell a wait from a deadlock."""

import threading
from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from typing import Any

from .. import outside

PATIENCE = 5.0
"""Real seconds for which virtual time stands still for work outside the event loop, once nothing else is left to do.

After them that work is taken to wait for virtual time itself, such as a thread that waits for what a task sends later.
"""


class DeadlockError(Exception):
    """Every task waits, and there is no timer, file descriptor, signal handler or thread that could wake one.

    The text names each task and the line where it waits.

    Args:
        waiting: Name and coroutine of each task.
    """

    def __init__(self, waiting: Iterable[tuple[str, object]]) -> None:
        tasks = sorted(f"  {name} waits in {where(coroutine)}" for name, coroutine in waiting)
        super().__init__("\n".join(["every task waits, and nothing can wake one:", *tasks]))


def where(coroutine: object) -> str:
    """The line at which a suspended coroutine waits: its innermost frame outside the async libraries, if it has one."""
    place = library_place = "unknown"
    current: Any = coroutine
    while (frame := getattr(current, "cr_frame", None) or getattr(current, "gi_frame", None)) is not None:
        library_place = f"{frame.f_code.co_qualname} ({frame.f_code.co_filename}:{frame.f_lineno})"
        if str(frame.f_globals.get("__name__")).partition(".")[0] not in {"asyncio", "trio", "anyio"}:
            place = library_place
        current = getattr(current, "cr_await", None) or getattr(current, "gi_yieldfrom", None)
    return library_place if place == "unknown" else place


def new_threads(before: AbstractSet[threading.Thread]) -> set[threading.Thread]:
    """The threads that have been started since `before` and are at work.

    Idle threads don't count that the async libraries keep for later calls, nor does the current thread.
    """
    new = set(threading.enumerate()) - before - {threading.current_thread()}
    return {thread for thread in new if not _is_pooled(thread)}


def strangers(before: AbstractSet[threading.Thread]) -> set[threading.Thread]:
    """Those of the `new_threads` that don't announce what they do (`troupe.runtime.outside`)."""
    return {thread for thread in new_threads(before) if thread not in outside.threads}


def is_anyio_worker(thread: threading.Thread) -> bool:
    """Whether anyio's asyncio back end started this thread for `anyio.to_thread`."""
    return hasattr(thread, "idle_workers")


def _is_pooled(thread: threading.Thread) -> bool:
    idle: Collection[object] | None = getattr(thread, "idle_workers", None)
    if idle is not None:
        return thread in idle
    # trio's idle threads, and all of asyncio's default executor, which ends with its loop
    return thread.name.startswith(("Trio thread ", "asyncio_"))
