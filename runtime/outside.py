"""Work outside the event loop that the loop is waiting for, such as a call in a thread of ours.

The event loop can't see such work, and a virtual clock (`troupe.runtime.testing`) would take the wait for idleness and
jump. So whoever gives work away says so here, and virtual time stands still until the work is back. In real time
nobody reads these numbers.
"""

from collections.abc import Generator
from contextlib import contextmanager
from threading import Thread
from weakref import WeakKeyDictionary, WeakSet

from anyio.lowlevel import current_token

_under_way: WeakKeyDictionary[object, int] = WeakKeyDictionary()  # by asyncio loop or trio token

threads: WeakSet[Thread] = WeakSet()
"""Threads that announce all their work here, so that one of them which is merely alive is no reason to wait."""


def begin() -> None:
    """One more piece of work is given away. Call it in the event loop's thread."""
    loop = current_token().native_token
    _under_way[loop] = _under_way.get(loop, 0) + 1


def end() -> None:
    """One piece of work is back. Call it in the event loop's thread, once for each `begin`."""
    _under_way[current_token().native_token] -= 1


def under_way(loop: object) -> bool:
    """Whether work given away by this loop (asyncio's loop object, trio's token) is not back yet."""
    return _under_way.get(loop, 0) > 0


@contextmanager
def hold_clock() -> Generator[None]:
    """Virtual time stands still inside the block: something that the event loop can't see is at work.

    Calls in threads hold the clock by themselves. A child process, a container or a peer on a real socket does not:
    wrap the wait for it. With a real clock the block changes nothing.
    """
    begin()
    try:
        yield
    finally:
        end()
