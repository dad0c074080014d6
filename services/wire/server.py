"""A wire server: an ASGI application that remembers its requests, on a socket whose connections it can break.

It runs in a thread with an event loop of its own, so that tests on asyncio, uvloop and trio, and those that do not wait
at all, can use it alike.
"""

import asyncio
import math
import socket
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final, Self
from urllib.parse import parse_qs

import msgspec
import uvicorn
from anyio import CancelScope, create_task_group, sleep
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from uvicorn.protocols.http.h11_impl import H11Protocol

from .answers import Answer, Break, Pause, Refused
from .exchange import Exchange, break_off, reset
from .faults import Cut, End, Fault, Pace, Reset, spoil
from .socket import SocketHandler, talk

SEND_BUFFER: Final = 64 * 1024
"""Bytes that the kernel keeps for a client that does not read: little, so that its back-pressure is felt soon."""

_connections = count(1)

Handler = Callable[[Request], Awaitable[Answer]]


class WireProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, with the transport within the application's reach."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol.connection_made`."""
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        # asyncio does this only for sockets that say they are TCP, and those of `create_server` don't: without it
        # every answer on a connection that is used again takes 40 ms
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {**self.app_state, "transport": transport, "connection": next(_connections)}
        super().connection_made(transport)


class WireServer:
    """Base of all wire servers; ``with`` runs it on a free port.

    What can be called from the outside may be called from any thread.
    """

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        """All requests so far, in the order in which they came."""
        self.url = ""
        """Where it listens, such as ``http://127.0.0.1:40123``."""
        self._faults: dict[str, deque[Sequence[Fault]]] = {}
        self._usual: dict[str, tuple[Fault, ...]] = {}
        self._thread: threading.Thread | None = None
        self._server: _Server | None = None

    # -- what a provider is --------------------------------------------------------------------------------------------

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """Return what answers which method and path."""
        raise NotImplementedError

    def sockets(self) -> dict[str, SocketHandler]:
        """Return what talks to those who connect to which path by WebSocket."""
        return {}

    def refuse(self, status: int, code: str | None = None) -> Answer:
        """Return the provider's own answer with that HTTP status."""
        raise NotImplementedError

    def headers(self) -> dict[str, str]:
        """Return the headers that all its answers have."""
        return {}

    def admit(self, request: Request) -> None:
        """Raise `Refused` for a request that is not let in, for want of a key; by default all are."""

    # -- what a test asks for ------------------------------------------------------------------------------------------

    def fail(self, path: str, *faults: Fault) -> None:
        """Let the next request to `path` that has no faults yet meet these, together; without any, it goes well."""
        self._faults.setdefault(path, deque()).append(faults)

    def always(self, path: str, *faults: Fault) -> None:
        """Let all requests to `path` meet these, before any other: what the server is like, such as its pace."""
        self._usual[path] = faults

    def under_way(self) -> list[Exchange]:
        """Return the exchanges that have not ended."""
        return [exchange for exchange in self.exchanges if not exchange.ended.is_set()]

    async def kill(self) -> None:
        """Be gone as a killed process is: connections are reset, and new ones refused. For asyncio."""
        await self._in_loop(self._die())

    async def revive(self) -> None:
        """Be there again after `kill`, under the same address."""
        host, port = self.url.removeprefix("http://").rsplit(":", 1)
        await self._in_loop(self._running.startup([socket.create_server((host, int(port)))]))

    def last(self, path: str) -> Exchange:
        """Return the latest request to `path`."""
        return next(exchange for exchange in reversed(self.exchanges) if exchange.path == path)

    def reset(self) -> None:
        """Forget requests and faults."""
        self.exchanges.clear()
        self._faults.clear()

    # -- running -------------------------------------------------------------------------------------------------------

    def application(self) -> Starlette:
        """Return the application, for `run`; faults that break a connection need the server's own protocol."""
        routes: list[BaseRoute] = [
            Route(path, self._endpoint(handler), methods=[method])
            for (method, path), handler in self.handlers().items()
        ]
        routes += [WebSocketRoute(path, self._socket(handler)) for path, handler in self.sockets().items()]
        return Starlette(routes=[*routes, Route("/wire/faults", self._take_faults, methods=["POST"])])

    def config(self) -> uvicorn.Config:
        """Return how uvicorn is to serve it."""
        return uvicorn.Config(
            self.application(),
            http=WireProtocol,
            loop="asyncio",
            ws="websockets-sansio",
            ws_max_size=64 * 2**20,
            ws_ping_interval=None,
            ws_per_message_deflate=False,
            lifespan="off",
            server_header=False,
            log_config=None,
            log_level="critical",
            timeout_graceful_shutdown=0,
        )

    def run(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Serve until interrupted, and say where."""
        with self._listen(host, port) as listener:
            print(self.url, flush=True)  # whoever started it reads it
            uvicorn.Server(self.config()).run([listener])

    def __enter__(self) -> Self:
        self._server = _Server(self.config())
        listener = self._listen("127.0.0.1", 0)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name=f"wire {self.url}", daemon=True
        )
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the wire server did not start")
            time.sleep(0.002)
        return self

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[Self]:
        """Run in this event loop, asyncio's, for as long as the block lasts, whatever its clock."""
        self._server = _Server(self.config())
        listener = self._listen("127.0.0.1", 0)
        async with create_task_group() as tasks:
            tasks.start_soon(self._server.serve, [listener])
            while not self._server.started:  # noqa: ASYNC110  (no event tells)
                await sleep(0.002)
            yield self
            self._server.should_exit = True

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        assert self._thread is not None
        self._server.should_exit = True
        self._thread.join()

    @property
    def _running(self) -> "_Server":
        assert self._server is not None, "the server does not run in a `with` block"
        return self._server

    async def _in_loop(self, task: Coroutine[Any, Any, None]) -> None:
        """Run something in the server's event loop, which may be this one, and wait for it."""
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(task, self._running.loop))

    async def _die(self) -> None:
        server = self._running
        for listening in server.servers:
            listening.close()
        for connection in list(server.server_state.connections):
            transport: asyncio.Transport | None = getattr(connection, "transport", None)
            if transport is not None:
                reset(transport)

    def _listen(self, host: str, port: int) -> socket.socket:
        listener = socket.create_server((host, port))
        self.url = f"http://{host}:{listener.getsockname()[1]}"
        return listener

    def _endpoint(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            exchange, faults = self._take(request, request.method, await request.body())
            try:
                self.admit(request)
                answer = await handler(request)
            except Refused as refused:
                answer = refused.answer
            for fault in faults:
                answer = spoil(answer, fault, self.refuse)
            return _Sending(answer.with_headers(**(self.headers() | answer.headers)), exchange)

        return endpoint

    def _socket(self, handler: SocketHandler) -> Callable[[WebSocket], Awaitable[None]]:
        async def endpoint(socket: WebSocket) -> None:
            exchange, faults = self._take(socket, "GET", b"")
            await talk(socket, handler, exchange, faults, self.refuse)

        return endpoint

    def _take(self, request: HTTPConnection, method: str, body: bytes) -> tuple[Exchange, Sequence[Fault]]:
        """Remember a request; return that, and what is to go wrong with it."""
        exchange = Exchange(
            method=method,
            path=request.url.path,
            headers=dict(request.headers),
            body=body,
            connection=request.scope["state"]["connection"],
            query=parse_qs(request.url.query, keep_blank_values=True),
        )
        self.exchanges.append(exchange)
        waiting = self._faults.get(exchange.path)
        usual = self._usual.get(exchange.path, ())
        return exchange, (*usual, *(waiting.popleft() if waiting else ()))  # now, in the order of the requests

    async def _take_faults(self, request: Request) -> Response:
        """Take faults from another process: ``{"path": "/v1/…", "faults": [{"type": "Stall", "after": 2}]}``."""
        asked = msgspec.json.decode(await request.body(), type=_Faults)
        self.fail(asked.path, *asked.faults)
        return Response(status_code=204)


class _Server(uvicorn.Server):
    """uvicorn's, with its event loop within reach."""

    loop: asyncio.AbstractEventLoop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server`."""
        self.loop = asyncio.get_running_loop()
        await super().startup(sockets)


class _Faults(msgspec.Struct):
    path: str
    faults: tuple[Fault, ...]


class _Sending(Response):
    """Sends an answer step by step, and notices when the client leaves."""

    def __init__(self, answer: Answer, exchange: Exchange) -> None:
        super().__init__(status_code=answer.status)
        self._answer = answer
        self._exchange = exchange
        self._begun = False
        self._slow = 0.0  # seconds before each further step

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with create_task_group() as tasks:
                tasks.start_soon(self._mind_client, receive, tasks.cancel_scope)
                with CancelScope() as sending:
                    tasks.start_soon(self._mind_strike, self._exchange.mind(), sending)
                    await self._send(scope, send)
                if sending.cancelled_caught:
                    await self._be_struck(scope, send)
                tasks.cancel_scope.cancel()
        finally:
            self._exchange.ended.set()

    async def _mind_client(self, receive: Receive, scope: CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        if self._exchange.outcome == "under way":
            self._exchange.outcome = "left"
        scope.cancel()

    async def _mind_strike(self, struck: asyncio.Event, sending: CancelScope) -> None:
        await struck.wait()
        if isinstance(self._exchange.struck, Pace):
            self._slow = self._exchange.struck.each
        else:
            sending.cancel()

    async def _be_struck(self, scope: Scope, send: Send) -> None:
        exchange = self._exchange
        match exchange.struck:
            case Reset() | Cut():
                exchange.outcome = "broken"
                how = Break.RESET if isinstance(exchange.struck, Reset) else Break.CUT
                await break_off(scope["state"]["transport"], how)
            case End():
                exchange.outcome = "served"
                if not self._begun:
                    await send({"type": "http.response.start", "status": 200, "headers": self._raw_headers()})
                await send({"type": "http.response.body", "body": b""})
            case _:
                await sleep(math.inf)

    def _raw_headers(self) -> list[tuple[bytes, bytes]]:
        return [(name.encode(), value.encode()) for name, value in self._answer.headers.items()]

    async def _send(self, scope: Scope, send: Send) -> None:
        answer, exchange = self._answer, self._exchange
        await sleep(answer.late)
        headers = self._raw_headers()
        if not answer.streamed:
            size = sum(len(step) for step in answer.steps if isinstance(step, bytes))
            headers.append((b"content-length", str(size).encode()))
        self._begun = True
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        transport: asyncio.Transport = scope["state"]["transport"]
        for step in answer.steps:
            await sleep(self._slow)
            match step:
                case bytes():
                    await send({"type": "http.response.body", "body": step, "more_body": True})
                    if transport.is_closing():  # uvicorn drops silently what nobody will get
                        exchange.outcome = "left"
                        return
                    exchange.sent += len(step)
                case Pause(seconds):
                    await sleep(seconds)
                case Break():
                    exchange.outcome = "broken"
                    await break_off(transport, step)
                    return
        exchange.outcome = "served"
        await send({"type": "http.response.body", "body": b""})
