"""A wire server: an ASGI application that remembers its requests, on a socket whose connections it can break.

It runs in a thread with an event loop of its own, so that tests on asyncio, uvloop and trio, and those that do not wait
at all, can use it alike.
"""

import asyncio
import socket
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Final, Self
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
from .exchange import Exchange, break_off
from .faults import Fault, spoil
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
        self._thread: threading.Thread | None = None
        self._server: uvicorn.Server | None = None

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
        self._server = uvicorn.Server(self.config())
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

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        assert self._thread is not None
        self._server.should_exit = True
        self._thread.join()

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
        return exchange, waiting.popleft() if waiting else ()  # now, in the order of the requests

    async def _take_faults(self, request: Request) -> Response:
        """Take faults from another process: ``{"path": "/v1/…", "faults": [{"type": "Stall", "after": 2}]}``."""
        asked = msgspec.json.decode(await request.body(), type=_Faults)
        self.fail(asked.path, *asked.faults)
        return Response(status_code=204)


class _Faults(msgspec.Struct):
    path: str
    faults: tuple[Fault, ...]


class _Sending(Response):
    """Sends an answer step by step, and notices when the client leaves."""

    def __init__(self, answer: Answer, exchange: Exchange) -> None:
        super().__init__(status_code=answer.status)
        self._answer = answer
        self._exchange = exchange

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with create_task_group() as tasks:
                tasks.start_soon(self._mind_client, receive, tasks.cancel_scope)
                await self._send(scope, send)
                tasks.cancel_scope.cancel()
        finally:
            self._exchange.ended.set()

    async def _mind_client(self, receive: Receive, scope: CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        if self._exchange.outcome == "under way":
            self._exchange.outcome = "left"
        scope.cancel()

    async def _send(self, scope: Scope, send: Send) -> None:
        answer, exchange = self._answer, self._exchange
        await sleep(answer.late)
        headers = dict(answer.headers)
        if not answer.streamed:
            headers["content-length"] = str(sum(len(step) for step in answer.steps if isinstance(step, bytes)))
        raw_headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw_headers})
        transport: asyncio.Transport = scope["state"]["transport"]
        for step in answer.steps:
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
