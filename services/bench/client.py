"""One session's connection: as little as a WebSocket client can cost."""

import asyncio
import base64
import os
import ssl
import time
from typing import Final, cast

from msgspec import Struct

from ..talk.address import tls_context
from .echo import Echo
from .frames import BINARY, CLOSE, PING, PONG, TEXT, FrameReader, frame
from .measures import Seen
from .observer import Observer

clock: Final = time.perf_counter
_NORMAL: Final = (1000).to_bytes(2, "big")


class Refused(Exception):
    """The server has not let a session in; the text says why."""


class Address(Struct, frozen=True, kw_only=True):
    """Where a server is, and what it wants to see."""

    host: str
    port: int
    path: str
    """With its query."""
    tls: bool = False
    insecure: bool = False
    """Whether a certificate that nobody vouches for is accepted."""
    key: str = ""

    def context(self) -> ssl.SSLContext | None:
        """Return what connecting by TLS takes."""
        return tls_context(insecure=self.insecure) if self.tls else None

    def upgrade(self) -> bytes:
        """Return the request that opens a WebSocket."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        lines = [
            f"GET {self.path} HTTP/1.1",
            f"Host: {host}:{self.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            *([f"Authorization: Bearer {self.key}"] if self.key else []),
        ]
        return "\r\n".join([*lines, "", ""]).encode()


class Client(asyncio.Protocol):
    """One connection, from the first byte.

    Args:
        address: the server.
        watcher: sees what comes.
        seen: counts.
    """

    def __init__(self, address: Address, watcher: Observer | Echo, seen: Seen) -> None:
        self.watcher = watcher
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the session is set up; fails with `Refused`."""
        self.is_open = False
        self._address = address
        self._seen = seen
        self._began = clock()
        self._head: bytearray | None = bytearray()
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a WebSocket."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._transport.write(self._address.upgrade())

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        now = clock()
        self._seen.counts["bytes_in"] += len(data)
        if self._head is not None:
            self._head += data
            if b"\r\n\r\n" not in self._head:
                return
            head, _, data = bytes(self._head).partition(b"\r\n\r\n")
            self._head = None
            if not self._accepted(head):
                return
            self.watcher.connect(now - self._began, now)
        answer = b""
        for opcode, payload in self._reader.push(data):
            if opcode == TEXT:
                answer += self.watcher.receive(payload, now)
            elif opcode == PING:
                answer += frame(payload, PONG)
            elif opcode == BINARY:
                self.watcher.receive_binary(payload, now)
            elif opcode == PONG:
                self.watcher.receive_pong(now)
            elif opcode == CLOSE:
                self._lose(f"closed with {int.from_bytes(payload[:2], 'big') or 'no code'}")
        if answer:
            self.send(answer)
        if not self.ready.done():
            if self.watcher.ready:
                self.ready.set_result(None)
            elif self.watcher.refusal:
                self._lose(self.watcher.refusal)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._lose(f"connection lost: {type(exc).__name__}" if exc else "connection lost")

    def send(self, frames: bytes) -> None:
        """Send frames, unless there is no connection any more."""
        if self.is_open and self._transport is not None:
            self._seen.counts["bytes_out"] += len(frames)
            self._transport.write(frames)

    def leave(self) -> None:
        """Say that the session ends; the server then closes the connection."""
        if self.is_open and self._transport is not None:
            self._transport.write(frame(_NORMAL, CLOSE))
        self.is_open = False

    def _accepted(self, head: bytes) -> bool:
        status = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        if len(status) > 1 and status[1] == "101":
            self.is_open = True
            return True
        self._lose(status[1] if len(status) > 1 and status[1].isdigit() else "no HTTP")
        return False

    def _lose(self, why: str) -> None:
        if not self.ready.done():
            self.ready.set_exception(Refused(why))
        elif self.is_open:
            self._seen.counts["disconnects"] += 1
            self._seen.errors[why] += 1
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()
        self.is_open = False
