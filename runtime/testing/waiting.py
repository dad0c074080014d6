"""Who waits, and for whom: what is needed to tell a wait from a deadlock."""

import threading
from collections.abc import Iterable
from typing import Any


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
    """The line at which a suspended coroutine waits: its innermost frame outside the async libraries."""
    place = "unknown"
    current: Any = coroutine
    while (frame := getattr(current, "cr_frame", None)) is not None:
        library = str(frame.f_globals.get("__name__")).partition(".")[0]
        if place == "unknown" or library not in {"asyncio", "trio", "anyio"}:
            place = f"{frame.f_code.co_qualname} ({frame.f_code.co_filename}:{frame.f_lineno})"
        current = current.cr_await
    return place


def is_pooled(thread: threading.Thread) -> bool:
    """Whether this is an idle thread that an async library keeps for later calls, and so can't wake anybody."""
    idle = getattr(thread, "idle_workers", None)  # anyio's on asyncio: the deque of those without a call
    if idle is not None:
        return thread in idle
    # trio's idle threads and those of asyncio's default executor, which only end with the process or the loop
    return thread.name.startswith(("Trio thread ", "asyncio_"))
