"""The server as an ASGI application: one port for the protocol, for health and for what people look at.

It runs by itself (`troupe serve`), and mounts into any Starlette or FastAPI application, whose lifespan has to enter
`Gateway.lifespan` then.
"""

import hmac
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from ...actors.realtime.handshake import read_handshake
from ..voice import VoiceSystem, voice_system
from .connection import Connections
from .page import status_page

POLICY_VIOLATION: Final = 1008


class Access(Struct, frozen=True):
    """Who may use the server."""

    api_keys: tuple[str, ...] = ()
    """Any of these opens the door; none: it stands open, which is for loopback only."""

    def admits(self, key: str | None) -> bool:
        """Whether somebody with this key may come in; takes the same time for a nearly right key as for a wrong one."""
        if not self.api_keys:
            return True
        given = (key or "").encode()
        return sum(hmac.compare_digest(given, known.encode()) for known in self.api_keys) > 0


class Gateway:
    """The routes, and the system behind them.

    Args:
        access: Who may use it.
        model: The name under which clients see what answers them.
        system: Opens what is behind it; the tree of `troupe.services.voice` if not given.
    """

    def __init__(
        self,
        access: Access,
        model: str = "troupe-demonstration",
        system: Callable[[], AbstractAsyncContextManager[VoiceSystem]] = voice_system,
    ) -> None:
        self._access = access
        self._model = model
        self._system = system
        self.voice: VoiceSystem | None = None

    @asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncGenerator[None]:
        """Run the system for as long as the application lives."""
        async with self._system() as self.voice:
            yield
        self.voice = None

    def application(self) -> Starlette:
        """Return the application with its lifespan."""
        return Starlette(
            routes=[
                Route("/", self._page),
                Route("/healthz", self._healthz),
                Route("/readyz", self._readyz),
                Route("/v1/models", self._models),
                WebSocketRoute("/v1/realtime", self._realtime),
            ],
            lifespan=self.lifespan,
        )

    async def _page(self, _request: Request) -> Response:
        return HTMLResponse(status_page(self.voice, self._model))

    async def _healthz(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _readyz(self, _request: Request) -> Response:
        ready = self.voice is not None
        return JSONResponse({"status": "ready" if ready else "starting"}, 200 if ready else 503)

    async def _models(self, _request: Request) -> Response:
        model = {"id": self._model, "object": "model", "created": 0, "owned_by": "troupe"}
        return JSONResponse({"object": "list", "data": [model]})

    async def _realtime(self, socket: WebSocket) -> None:
        handshake = read_handshake(
            dict(socket.query_params), dict(socket.headers), socket.scope.get("subprotocols", ())
        )
        if self.voice is None or not self._access.admits(handshake.key):
            await socket.close(POLICY_VIOLATION)  # before the upgrade: the client gets HTTP 403
            return
        await Connections(self.voice.sessions, self.voice.services, self._model).serve(socket, handshake)
