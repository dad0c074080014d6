"""The server as an ASGI application: one port for the protocol, for health and for what people look at.

It runs by itself (`troupe serve`), and mounts into any Starlette or FastAPI application, whose lifespan has to enter
`Gateway.lifespan` then.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from ...actors.realtime.handshake import read_handshake
from ..voice import VoiceSystem, voice_system
from .access import Access, KeyRing
from .connection import Connections
from .limits import Limits
from .page import status_page
from .transports import accept

POLICY_VIOLATION: Final = 1008
OPEN: Final = Access()
LIMITS: Final = Limits()


class Gateway:
    """The routes, and the system behind them.

    Args:
        access: Who may use it; everybody if not given, which is for loopback only.
        model: The name under which clients see what answers them.
        system: Opens what is behind it; the tree of `troupe.services.voice` if not given.
        limits: What it bears.
    """

    def __init__(
        self,
        access: Access = OPEN,
        model: str = "troupe-demonstration",
        system: Callable[[], AbstractAsyncContextManager[VoiceSystem]] = voice_system,
        *,
        limits: Limits = LIMITS,
    ) -> None:
        self._keys = KeyRing(access.api_keys)
        self._limits = limits
        self._model = model
        self._system = system
        self.voice: VoiceSystem | None = None
        self.connections: Connections
        self.draining = False

    @asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncGenerator[None]:
        """Run the system for as long as the application lives."""
        async with self._system() as self.voice:
            self.connections = Connections(self.voice.sessions, self.voice.services, self._model)
            yield
        self.voice = None

    def drain(self) -> None:
        """Take no new sessions, and end the present ones when the turn in progress is over."""
        self.draining = True
        if self.voice is not None:
            self.connections.drain()

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
        status = "draining" if self.draining else "starting" if self.voice is None else "ready"
        return JSONResponse({"status": status}, 200 if status == "ready" else 503)

    async def _models(self, _request: Request) -> Response:
        model = {"id": self._model, "object": "model", "created": 0, "owned_by": "troupe"}
        return JSONResponse({"object": "list", "data": [model]})

    async def _realtime(self, socket: WebSocket) -> None:
        if self.draining:
            await socket.send_denial_response(Response(status_code=503, headers={"Retry-After": "1"}))
            return
        handshake = read_handshake(
            dict(socket.query_params), dict(socket.headers), socket.scope.get("subprotocols", ())
        )
        if self.voice is None or (self._keys.required and self._keys.find(handshake.key or "") is None):
            await socket.close(POLICY_VIOLATION)  # before the upgrade: the client gets HTTP 403
            return
        transport = await accept(socket, handshake.subprotocol)
        await self.connections.serve(transport, handshake)
