"""What untrusted media may cost."""

import time
from collections.abc import Generator
from contextlib import contextmanager

import msgspec

from .errors import TooSlow


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one asset may cost. The defaults fit uploads of ordinary users; each excess raises its own error.

    The time limits are checked between packets. One packet can't be interrupted in this process; in a sandbox the
    kernel ends the child in the middle of it.
    """

    bytes: int = 512 * 2**20
    """Size of the file."""
    packet: int = 8 * 2**20
    """Size in bytes of one packet, and of what a live stream may hold back while it waits for the rest of one."""
    duration: float = 4 * 3600.0
    """Length in seconds, declared or decoded."""
    pixels: int = 4096 * 2304
    """Width x height of one picture."""
    streams: int = 16
    """Streams of one container."""
    frame_rate: float = 240.0
    """Frames of video per second."""
    cpu: float = 60.0
    """Seconds of CPU time for opening or decoding."""
    wall: float = 120.0
    """Seconds of wall time for opening or decoding."""
    memory: int = 512 * 2**20
    """Bytes of address space that a sandboxed child may add."""


class Stopwatch:
    """CPU time of this thread and wall time since it was made, held against `Limits`.

    Attributes:
        next_look: the value of ``time.monotonic()`` before which a check is not worth its cost.
    """

    __slots__ = ("_cpu_end", "_limits", "_wall_end", "next_look")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._cpu_end = time.thread_time() + limits.cpu
        self._wall_end = time.monotonic() + limits.wall
        self.next_look = 0.0

    def check(self) -> None:
        """Raise `TooSlow` when the time is up."""
        now = time.monotonic()
        self.next_look = now + 0.01
        limits = self._limits
        if now > self._wall_end:
            raise TooSlow(f"more than {limits.wall:g} s passed", limits.wall)
        if time.thread_time() > self._cpu_end:
            raise TooSlow(f"more than {limits.cpu:g} s of CPU time were needed", limits.cpu)

    @contextmanager
    def paused(self) -> Generator[None]:
        """Don't count the time in this block; it may end in another thread than it began in."""
        cpu_left, wall_left = self._cpu_end - time.thread_time(), self._wall_end - time.monotonic()
        try:
            yield
        finally:
            self._cpu_end, self._wall_end = time.thread_time() + cpu_left, time.monotonic() + wall_left
