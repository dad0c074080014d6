"""The server of one process: uvicorn's HTTP, our own WebSockets behind it, and an orderly end.

Told to end, it drains: the port stays open, so that who comes is asked to come back (503) and load balancers see that
the server is no longer ready; sessions finish the turn in progress, for a limited time; then all of them are closed
(1012). Told once more, it ends at once.
"""

import asyncio
import gc
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate
from typing import Any, Final, cast

import uvicorn
from anyio import CancelScope, Event, create_task_group, move_on_after, sleep
from msgspec import Struct
from uvicorn.server import ServerState

from .app import Gateway
from .half_open import guarded_http
from .limits import Limits
from .listening import BACKLOG
from .websocket import WebSocketProtocol

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
LAST_WORDS: Final = 1.0
"""Seconds for close frames and answers that are under way when the server no longer waits for turns to end."""
COLLECT: Final = (20_000, 20, 50)
"""New objects after which each generation is collected, far more than Python's own 700: see `spare_collector`."""
HURRIED: Final = 1
"""Status of a process that was told to end a second time."""


class Serving(Struct, frozen=True, kw_only=True):
    """How a gateway is served."""

    drain: float = 10.0
    """Seconds that turns in progress have to end in."""
    limits: Limits = Limits()
    """What a process bears."""
    tls: ssl.SSLContext | None = None
    """Certificate and key; None for plain ``http:`` and ``ws:``."""


PLAIN: Final = Serving()
"""As it is served where nothing is said."""


class Server:
    """Serves one gateway in this process and event loop, until it is told to end.

    Args:
        gateway: What to serve.
        serving: How.
        counted: Is called with the number of open connections whenever that has changed.
    """

    def __init__(
        self, gateway: Gateway, serving: Serving = PLAIN, counted: Callable[[int], object] | None = None
    ) -> None:
        self._gateway = gateway
        self._serving = serving
        self._config = uvicorn.Config(
            gateway.application(),
            http=guarded_http(gateway.half_open),
            ws=WebSocketProtocol,
            ws_max_size=serving.limits.max_frame,
            access_log=False,  # it would show queries, where some clients put their key
            log_config=None,
            server_header=False,
        )
        self._config.load()
        self._sockets = _Counted(counted)
        self._state = ServerState()
        self._state.connections = cast("Any", self._sockets)  # it is typed for uvicorn's own protocols
        self._start = CancelScope()
        self._started = False
        self._patience = serving.drain
        self._end = Event()

    async def run(self, listeners: Sequence[socket.socket], ready: Callable[[], object] = bool) -> None:
        """Serve until told to end, and drain. Cancelling ends it without that.

        Args:
            listeners: Where connections come in, if they are not handed in by `adopt`.
            ready: Is called when all is there.

        Raises:
            StartFailed: A part of the gateway did not start.
        """
        with self._start:
            async with self._gateway.lifespan(), create_task_group() as tasks:
                servers = [await self._listen(listener) for listener in listeners]
                self._started = True
                tasks.start_soon(self._keep_date)
                try:
                    ready()
                    await self._end.wait()
                    await self._drain()
                finally:
                    for server in servers:
                        server.close()
                    for connection in list(self._sockets):
                        cast("Any", connection).shutdown()
                    with move_on_after(LAST_WORDS, shield=True):
                        await self._sockets.wait_empty()
                    tasks.cancel_scope.cancel()

    async def adopt(self, connection: socket.socket) -> None:
        """Serve a connection that somebody else has accepted. Cancelling closes it.

        Raises:
            OSError: It is gone already, or did not get through the handshake of TLS.
        """
        await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection, **self._tls())

    def end(self, patience: float | None = None) -> None:
        """Drain and end; the second call ends the process at once.

        Args:
            patience: Seconds that turns in progress have to end in; those of `Serving` if not given.
        """
        if self._end.is_set():
            os._exit(HURRIED)
        if patience is not None:
            self._patience = patience
        self._end.set()
        if not self._started:
            self._start.cancel()

    def _protocol(self) -> asyncio.Protocol:
        protocol: Any = self._config.http_protocol_class
        made: asyncio.Protocol = protocol(config=self._config, server_state=self._state, app_state={})
        return made

    async def _listen(self, listener: socket.socket) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(self._protocol, sock=listener, backlog=BACKLOG, **self._tls())

    def _tls(self) -> dict[str, Any]:
        if self._serving.tls is None:
            return {}
        return {"ssl": self._serving.tls, "ssl_handshake_timeout": self._serving.limits.open_timeout}

    async def _drain(self) -> None:
        self._gateway.drain()
        connections = self._gateway.connections
        with move_on_after(self._patience):
            await connections.wait_closed()
        connections.close()
        with move_on_after(LAST_WORDS):
            await connections.wait_closed()

    async def _keep_date(self) -> None:
        """Keep the header `Date` of all answers up to date."""
        while True:
            now = time.time()
            self._state.default_headers = [(b"date", formatdate(now, usegmt=True).encode())]
            await sleep(1 - now % 1)


async def serve_alone(gateway: Gateway, listener: socket.socket, serving: Serving = PLAIN) -> None:
    """Serve in this process until it gets SIGTERM or SIGINT, and drain then; see `Server.run`."""
    server = Server(gateway, serving)
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, server.end)
    try:
        await server.run([listener], spare_collector)
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def spare_collector() -> None:
    """Keep the garbage collector from looking, again and again, at what lives as long as this process does.

    A collection stops all sessions, the longer the more there is to look at; under load that was 8 % of the CPU time.
    For the process's owner only, once all is loaded.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)


class _Counted(set[object]):
    """uvicorn's set of open connections, whose changes are told."""

    def __init__(self, counted: Callable[[int], object] | None) -> None:
        super().__init__()
        self._counted = counted
        self._empty = Event()

    def add(self, connection: object) -> None:
        super().add(connection)
        if self._counted is not None:
            self._counted(len(self))

    def discard(self, connection: object) -> None:
        super().discard(connection)
        if self._counted is not None:
            self._counted(len(self))
        if not self:
            self._empty.set()

    async def wait_empty(self) -> None:
        while self:
            self._empty = Event()
            await self._empty.wait()
