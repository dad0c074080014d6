"""What a wire server remembers of a request, and how it breaks a connection."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
from anyio import sleep

from .answers import Break
from .faults import Strike

Outcome = Literal["under way", "served", "left", "broken"]


@dataclass(slots=True, eq=False)
class Exchange:
    """One request, and what became of its answer; or one WebSocket, from its handshake to its end."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    """The number of the connection it came on; requests that share one have the same."""
    query: dict[str, list[str]] = field(default_factory=dict)
    """What stands behind the path."""
    messages: list[str | bytes] = field(default_factory=list)
    """What came over a WebSocket."""
    sent: int = 0
    """Bytes of the answer's body that went out; of a WebSocket, of frames."""
    outcome: Outcome = "under way"
    """Served to the end, left by the client before that, or broken by a fault."""
    ended: threading.Event = field(default_factory=threading.Event)
    """Set when it is no longer under way; the answer is sent or the connection gone."""
    began: float = field(default_factory=time.monotonic)
    """When it came, by the monotonic clock."""
    struck: Strike | None = None
    """What has befallen it on the way."""
    _on_strike: Callable[[], object] | None = None

    def strike(self, strike: Strike) -> None:
        """Let something befall it now, wherever it is, and whatever the strike counts; from any thread."""
        self.struck = strike
        if self._on_strike is not None:
            self._on_strike()

    def mind(self) -> asyncio.Event:
        """Return what is set, in this event loop, when something befalls it."""
        event, loop = asyncio.Event(), asyncio.get_running_loop()

        def tell() -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(event.set)

        self._on_strike = tell
        if self.struck is not None:  # before anybody minded
            event.set()
        return event

    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)

    def texts(self) -> list[Any]:
        """The text messages that came, decoded."""
        return [msgspec.json.decode(message) for message in self.messages if isinstance(message, str)]

    def audio(self) -> bytes:
        """The binary messages that came, joined."""
        return b"".join(message for message in self.messages if isinstance(message, bytes))


async def break_off(transport: asyncio.Transport, how: Break) -> None:
    """End a connection once all that was sent is out."""
    while transport.get_write_buffer_size():  # noqa: ASYNC110  (no event tells when it is empty)
        await sleep(0.001)
    if how is Break.RESET:
        reset(transport)
    else:
        transport.abort()


def reset(transport: asyncio.Transport) -> None:
    """End a connection with a TCP reset."""
    linger = struct.pack("ii", 1, 0)  # to linger for no time at all is to reset
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
