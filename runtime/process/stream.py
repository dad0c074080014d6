"""A stream of bytes to the other process, and how it comes about: the part to replace for other machines.

A `Stream` is what a connection needs; `SocketStream` is one over any connected stream socket. A `Listener` is the
parent's side of getting connected to a worker it is about to start; `connect` is the worker's.
"""

import asyncio
import socket
from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol, Self

from anyio import sleep_forever, wait_readable, wait_writable

from ..parking import Waiter, new_waiter

CHUNK: Final = 64 * 1024
"""Bytes to read at a time, unless more are known to come."""
LARGEST_CHUNK: Final = 1024 * 1024

TOKEN_VARIABLE: Final = "TROUPE_WORKER_TOKEN"  # noqa: S105  (it is the name, not the token)
"""The environment variable by which a worker gets the token that it shows to its parent."""


class Stream(Protocol):
    """Bytes in both directions, in order, until one side closes."""

    def send_nowait(self, data: bytearray) -> int:
        """Send what can be sent without waiting; return how many bytes that was. A broken stream swallows all."""
        ...

    async def wait_sendable(self) -> None:
        """Wait until `send_nowait` may be able to send something. Cancelling is safe."""
        ...

    async def receive(self, expected: int) -> bytes:
        """Return the next bytes; none if the other side closed or broke. Cancelling is safe.

        Args:
            expected: Bytes that are known to come: a hint how many to ask for.
        """
        ...

    def close(self) -> None:
        """Close; not while a task waits in it."""
        ...


class SocketStream:
    """A connected socket.

    On asyncio the event loop watches it all the time, which anyio's sockets start anew for each read: half the cost of
    a short message.
    """

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        if connected.family != socket.AF_UNIX:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connected
        self._loop: asyncio.AbstractEventLoop | None = None
        """The asyncio loop that watches it."""
        self._expected = CHUNK
        self._received: bytes | None = None
        self._reader: Waiter | None = None

    def send_nowait(self, data: bytearray) -> int:
        """See `Stream.send_nowait`."""
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError:  # the other side is gone: whoever reads will notice
            return len(data)

    async def wait_sendable(self) -> None:
        """See `Stream.wait_sendable`."""
        await wait_writable(self._socket)

    async def receive(self, expected: int) -> bytes:
        """See `Stream.receive`."""
        self._expected = min(max(expected, CHUNK), LARGEST_CHUNK)
        while self._received is None:
            await self._wait_received()
        received, self._received = self._received, None
        return received

    async def _wait_received(self) -> None:
        loop = asyncio._get_running_loop()
        if loop is None:
            await wait_readable(self._socket)
            self._receive_nowait()
            return
        if self._loop is None:
            self._loop = loop
            loop.add_reader(self._socket, self._on_readable)
        self._reader = new_waiter()
        await self._reader

    def _on_readable(self) -> None:
        if self._received is None:
            self._receive_nowait()
            if self._reader is not None and not self._reader.done():
                self._reader.set_result(None)
        else:
            self._stop_watching()  # nobody takes it: the rest can stay where it is

    def _receive_nowait(self) -> None:
        try:
            self._received = self._socket.recv(self._expected)
        except BlockingIOError:
            pass
        except OSError:
            self._received = b""

    def _stop_watching(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._socket)
            self._loop = None

    def close(self) -> None:
        """See `Stream.close`."""
        self._stop_watching()
        self._socket.close()

    def fileno(self) -> int:
        """The socket's file descriptor."""
        return self._socket.fileno()


class Listener(Protocol):
    """Where one worker is going to connect; closed, as a context manager, once it has."""

    address: str
    """What the worker gives to `connect`."""
    inherited: tuple[int, ...]
    """File descriptors that the worker inherits."""

    async def accept(self) -> Stream:
        """Wait for a connection, which may be anybody's. Cancelling is safe."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


class UnixListener:
    """A pair of Unix-domain sockets without a name, one of which the worker inherits: nobody else can connect."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self.address = f"fd:{self._theirs.fileno()}"
        self.inherited: tuple[int, ...] = (self._theirs.fileno(),)
        self._accepted = False

    async def accept(self) -> Stream:
        """See `Listener.accept`; there is only one to come."""
        self._theirs.close()  # the worker has its copy, and that has to be the last one, or its end goes unnoticed
        if self._accepted:
            await sleep_forever()
        self._accepted = True
        return SocketStream(self._ours)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._theirs.close()
        if not self._accepted:
            self._ours.close()


class TcpListener:
    """A port of the loopback interface. Anybody on this machine can connect, so the worker has to know a token."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.address = f"tcp:{self._socket.getsockname()[1]}"
        self.inherited: tuple[int, ...] = ()

    async def accept(self) -> Stream:
        """See `Listener.accept`."""
        while True:
            await wait_readable(self._socket)
            try:
                return SocketStream(self._socket.accept()[0])
            except OSError:  # it left again
                continue

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


class Transport(Enum):
    """What connects a process and its workers on the same machine."""

    UNIX = "unix"
    """A Unix-domain socket that only the two of them have."""
    TCP = "tcp"
    """TCP on the loopback interface."""


LISTENERS: Final[dict[Transport, Callable[[], Listener]]] = {
    Transport.UNIX: UnixListener,
    Transport.TCP: TcpListener,
}


def connect(address: str) -> SocketStream:
    """Connect to the `Listener` of that address; this blocks, so it comes before the event loop."""
    kind, _, where = address.partition(":")
    if kind == "fd":
        inherited = socket.socket(fileno=int(where))
        inherited.set_inheritable(False)  # a process that the actor starts must not keep the connection open
        return SocketStream(inherited)
    return SocketStream(socket.create_connection(("127.0.0.1", int(where))))
