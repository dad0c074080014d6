"""The server as an ASGI application: one port for the protocol, for health and for what people look at.

It runs by itself (`troupe serve`), and mounts into any Starlette or FastAPI application, whose lifespan has to enter
`Gateway.lifespan` then.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial, wraps
from pathlib import Path
from typing import Final, TypeAlias

from anyio import create_task_group, sleep, to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.frames import CloseCode

from ...actors.realtime.client_secrets import error_body
from ...actors.realtime.errors import ClientMistake
from ...actors.realtime.handshake import read_handshake
from ..playground.pages import playground_routes
from ..voice import VoiceSystem, voice_system
from . import metrics
from .access import Access
from .admission import Admission, Ticket
from .bodies import read_body
from .connection import Connections
from .credentials import key_for_people, key_of
from .exposition import CONTENT_TYPE, Metric
from .half_open import HalfOpen
from .happenings import Happenings
from .key_file import KeyFile
from .lag import Lag
from .limits import Limits
from .minting import ENDPOINTS, Endpoint
from .noticeboard import Noticeboard
from .offers import check_wishes, offers, voices_of
from .page import HEADERS, status_page
from .readiness import accounts_of, parts_down, providers_of
from .refusals import Refusal, secret_invalid, starting
from .shared import Shared
from .transports import accept
from .visits import read_visit

OPEN: Final = Access()
LIMITS: Final = Limits()
POSTING: Final = 1.0
"""Seconds between two times that workers let each other know their metrics."""

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


class Gateway:
    """The routes, and the system behind them.

    Args:
        access: Who may use it; everybody if not given, which is for loopback only.
        model: The name under which clients see what answers them.
        system: Opens what is behind it; the tree of `troupe.services.voice` if not given.
        limits: What it bears.
        shared: What several workers of one server have in common.
    """

    def __init__(
        self,
        access: Access = OPEN,
        model: str = "troupe-demonstration",
        system: Callable[[], AbstractAsyncContextManager[VoiceSystem]] = voice_system,
        *,
        limits: Limits = LIMITS,
        shared: Shared | None = None,
    ) -> None:
        self._limits = limits
        self._model = model
        self._system = system
        self._lag = Lag()
        self._happenings = Happenings()
        self._key_file = KeyFile(Path(access.keys_file)) if access.keys_file else None
        self._shared = shared or Shared.of(access)
        self.admission = Admission(access, limits, model=model, shared=self._shared, lag=lambda: self._lag.mean)
        """The door."""
        self.half_open = HalfOpen(limits)
        """Who is on the way to it; see `guarded_http`."""
        self.voice: VoiceSystem | None = None
        self.connections: Connections

    @asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncGenerator[None]:
        """Run the system for as long as the application lives.

        Raises:
            OSError: The file with keys can't be read.
            ValueError: A line of it is no key.
        """
        if self._key_file is not None:
            keys = await to_thread.run_sync(self._key_file.read)
            self.admission.use_keys(keys or ())
        async with self._system() as self.voice, create_task_group() as tasks:
            self.admission.secrets.begin_with(self.voice.services.opening.session(self._model))
            self.connections = Connections(self.voice, self._model)
            tasks.start_soon(self._lag.run)
            if self._key_file is not None:
                tasks.start_soon(self._key_file.follow, self.admission)
            if self._shared.metrics is not None:
                tasks.start_soon(self._post_metrics, self._shared.metrics)
            self.admission.ready = True
            try:
                with self.voice.system.listening(self._happenings.note):
                    yield
            finally:
                self.admission.ready = False
                tasks.cancel_scope.cancel()
        self.voice = None

    def drain(self) -> None:
        """Take no new sessions, and end the present ones when the turn in progress is over."""
        self.admission.draining = True
        if self.voice is not None:
            self.connections.drain()

    def use(self, access: Access) -> int:
        """Let in who `access` says from now on; return how many sessions end because their key is there no more.

        `Access.one_use_secrets`, `Access.signing_key` and `Access.keys_file` stay what they are.
        """
        return self.admission.use(access)

    def application(self) -> Starlette:
        """Return the application with its lifespan."""
        return Starlette(
            routes=[
                Route("/healthz", self._healthz),
                Route("/readyz", self._readyz),
                Route("/metrics", self._guarded(self._metrics)),
                *playground_routes(),
                Route("/status", self._guarded(self._page)),
                Route("/api/status", self._guarded(self._status)),
                Route("/api/providers", self._guarded(self._providers)),
                Route("/api/voices", self._guarded(self._voices)),
                Route("/v1/models", self._guarded(self._models)),
                *(Route(each.path, self._guarded(partial(self._mint, each)), methods=["POST"]) for each in ENDPOINTS),
                WebSocketRoute("/v1/realtime", self._realtime),
            ],
            lifespan=self.lifespan,
        )

    def _guarded(self, handler: Handler) -> Handler:
        """Answer a request with the refusal that its handler raises."""

        @wraps(handler)
        async def guarded(request: Request) -> Response:
            try:
                return await handler(request)
            except Refusal as refusal:
                return _refused(refusal)

        return guarded

    # -- for people and for what looks after servers ---------------------------------------------------------------

    async def _healthz(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _readyz(self, _request: Request) -> Response:
        status, down = await self._readiness()
        return JSONResponse({"status": status, "down": down}, 200 if status == "ready" else 503)

    async def _readiness(self) -> tuple[str, list[str]]:
        """Return in a word how far things are, and the parts of a conversation that nobody takes."""
        if self.admission.draining:
            return "draining", []
        if self.voice is None or not self.admission.ready:
            return "starting", []
        down = await parts_down(self.voice)
        return ("degraded" if down else "ready"), down

    async def _metrics(self, request: Request) -> Response:
        self._admit_operator(request)
        return Response(metrics.page(await self._collected(), self._shared.metrics), media_type=CONTENT_TYPE)

    async def _collected(self) -> list[Metric]:
        collected = [*metrics.door(self.admission, self.half_open, self._lag)]
        if self.voice is not None:
            collected += metrics.connections(self.connections.statistics())
            collected += metrics.conversations(self.voice.services.tally)
            collected += metrics.actors(self.voice)
            used = await accounts_of(self.voice)
            collected += metrics.providers(await providers_of(self.voice), used, self.voice.prices)
        return collected

    async def _post_metrics(self, board: Noticeboard) -> None:
        """Let the other workers know this one's metrics."""
        while True:
            metrics.post(await self._collected(), board)
            await sleep(POSTING)

    async def _page(self, request: Request) -> Response:
        self._admit_operator(request)
        state, down = await self._readiness()
        admission = self.admission
        refused = ", ".join(f"{count} for {reason}" for reason, count in admission.refused.items())
        facts = {
            "sessions": f"{admission.sessions} of {self._limits.max_sessions}; {admission.accepted} since the start",
            "turned away": refused or "nobody",
            "event loop late by": f"{self._lag.mean * 1000:.0f} ms",
        }
        if down:
            facts["nobody takes"] = ", ".join(down)
        return HTMLResponse(status_page(self.voice, self._model, state, facts), headers=HEADERS)

    async def _status(self, request: Request) -> Response:
        """Tell what happens to the actors, line by line, for as long as somebody reads."""
        self.admission.identify(read_visit(request.scope), key_of(request.headers) or key_for_people(request.headers))
        if self.voice is None or self._happenings.full:
            return JSONResponse({"status": "busy"}, 503, headers={"Retry-After": "5"})
        session = request.query_params.get("session", "")
        lines = self._happenings.lines(self.voice.system, self._model, lambda: self.admission.draining, session)
        return StreamingResponse(lines, media_type="application/x-ndjson", headers={"Cache-Control": "no-store"})

    def _admit_operator(self, request: Request) -> None:
        """Let somebody look at the server who has a key for it, in a browser as a password.

        Raises:
            Refusal: He has not.
        """
        try:
            self.admission.identify(read_visit(request.scope), key_for_people(request.headers))
        except Refusal as refusal:
            refusal.challenge = 'Basic realm="Troupe: any name, and an API key as password"'
            raise

    # -- for clients -----------------------------------------------------------------------------------------------

    async def _models(self, request: Request) -> Response:
        self.admission.identify(read_visit(request.scope), key_of(request.headers))
        model = {"id": self._model, "object": "model", "created": 0, "owned_by": "troupe"}
        return JSONResponse({"object": "list", "data": [model]})

    async def _providers(self, request: Request) -> Response:
        """Tell from whom a client may choose for its session."""
        self.admission.identify(read_visit(request.scope), key_of(request.headers))
        return JSONResponse(offers(self._running()), headers={"cache-control": "no-store"})

    async def _voices(self, request: Request) -> Response:
        """Tell which voices a synthesizer has."""
        self.admission.identify(read_visit(request.scope), key_of(request.headers))
        try:
            told = await voices_of(self._running(), request.query_params.get("tts", ""))
        except ClientMistake as mistake:
            return Response(error_body(mistake), 400, media_type="application/json")
        return JSONResponse(told, headers={"cache-control": "no-store"})

    def _running(self) -> VoiceSystem:
        """Return the system.

        Raises:
            Refusal: It is still starting.
        """
        if self.voice is None:
            raise starting()
        return self.voice

    async def _mint(self, endpoint: Endpoint, request: Request) -> Response:
        minter = self.admission.identify(read_visit(request.scope), key_of(request.headers))
        body = await read_body(request, self._limits.max_body, self._limits.open_timeout)
        voice = self._running()
        opening = voice.services.opening.session(self._model)
        try:
            asked = endpoint.read(body, opening=opening, seconds=self._limits.secret_seconds)
            check_wishes(voice, asked.providers)
            value, expires_at = self.admission.secrets.mint(asked.session, asked.seconds, minter, asked.providers)
        except ClientMistake as mistake:
            return Response(error_body(mistake), 400, media_type="application/json")
        answer = endpoint.encode(asked, value, expires_at)
        return Response(answer, media_type="application/json", headers={"cache-control": "no-store"})

    async def _realtime(self, socket: WebSocket) -> None:
        handshake = read_handshake(
            dict(socket.query_params), dict(socket.headers), socket.scope.get("subprotocols", ())
        )
        try:
            with self.admission.admit(read_visit(socket.scope), handshake) as ticket:
                self._check_wishes(ticket)
                transport = await accept(socket, handshake.subprotocol)
                await self.connections.serve(transport, handshake, ticket)
        except Refusal as refusal:
            if "websocket.http.response" in socket.scope.get("extensions", {}):
                await socket.send_denial_response(_refused(refusal))
            else:
                await socket.close(CloseCode.POLICY_VIOLATION)  # which the server turns into HTTP 403

    def _check_wishes(self, ticket: Ticket) -> None:
        """Check that there still is whom a client secret names: it may be from before a restart.

        Raises:
            Refusal: There is not.
        """
        try:
            check_wishes(self._running(), ticket.providers)
        except ClientMistake:
            raise secret_invalid() from None


def _refused(refusal: Refusal) -> Response:
    return Response(refusal.body(), refusal.status, refusal.headers())
