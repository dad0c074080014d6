"""Connections that have not said what they want: for how long, how many in all, and how many of one address.

uvicorn waits for a request for as long as a client likes, so one that sends a byte a second, or nothing, keeps its
socket, and ten thousand of those cost nobody but the server anything (slowloris). Here a connection counts as half open
until the head of a request is complete, and again while the head of a later one is on its way. WebSockets begin as
requests, so this is for them as well. The bodies of requests have a deadline where they are read.
"""

import asyncio
from collections import Counter, OrderedDict
from typing import ClassVar, Protocol

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from .limits import Limits
from .quotas import neighbourhood


class Waiting(Protocol):
    """A connection without a complete request."""

    def drop(self) -> None:
        """Give it up, at once."""
        ...


class HalfOpen:
    """Counts them. Where there are too many, the one that has waited the longest makes room: who means well has sent
    his request long before.

    Args:
        limits: How many there may be, and for how long.
    """

    def __init__(self, limits: Limits) -> None:
        self.timeout = limits.open_timeout
        """Seconds that each has."""
        self.refused = 0
        """Connections that were dropped at once, because there were too many of that address."""
        self.displaced = 0
        """Connections that had to make room for others."""
        self.timed_out = 0
        """Connections that took too long."""
        self._most = limits.half_open
        self._most_per_address = limits.half_open_per_address
        self._of_address: Counter[str] = Counter()
        self._waiting: OrderedDict[Waiting, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def arrive(self, connection: Waiting, place: str) -> bool:
        """Count one more from a place (see `neighbourhood`); return whether there may be one."""
        if self._of_address[place] >= self._most_per_address:
            self.refused += 1
            return False
        if len(self._waiting) >= self._most:
            oldest = next(iter(self._waiting))
            self.leave(oldest)
            oldest.drop()
            self.displaced += 1
        self._waiting[connection] = place
        self._of_address[place] += 1
        return True

    def leave(self, connection: Waiting) -> None:
        """Count it no more."""
        place = self._waiting.pop(connection, None)
        if place is None:
            return
        self._of_address[place] -= 1
        if not self._of_address[place]:
            del self._of_address[place]


class _GuardedHttp(H11Protocol):
    """uvicorn's protocol, with an eye on the clock."""

    half_open: ClassVar[HalfOpen]
    _place = ""
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it, too
        super().connection_made(transport)
        self._place = neighbourhood(self.client[0]) if self.client else ""
        self._arrive()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._arrive()
        else:
            self._leave()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:  # nobody waits for the rest of it
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        super().connection_lost(exc)

    def drop(self) -> None:
        """See `Waiting`."""
        self._leave()
        self.transport.abort()

    def _arrive(self) -> None:
        if self._timer is not None or self.transport.is_closing():
            return
        if self.half_open.arrive(self, self._place):
            self._timer = self.loop.call_later(self.half_open.timeout, self._give_up)
        else:
            self.transport.abort()

    def _leave(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self.half_open.leave(self)

    def _give_up(self) -> None:
        self.half_open.timed_out += 1
        self.drop()


def guarded_http(half_open: HalfOpen) -> type[asyncio.Protocol]:
    """Return the protocol for ``uvicorn.Config(http=...)`` whose connections are counted there."""
    return type("GuardedHttp", (_GuardedHttp,), {"half_open": half_open})
