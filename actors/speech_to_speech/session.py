"""A client's session whose other end is a model that hears and speaks by itself.

It stands where a `VoiceSession` would stand, and answers the same call. What the client asks for is checked here, by
our rules and in its dialect, and sent on under our key; what the model says comes back, but for what is between us and
its provider: its limits, and the texts of its errors.
"""

import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from msgspec.structs import replace

from ...runtime import Actor, Duplex
from ...runtime.errors import EndOfChannel
from ..conversation import converse
from ..errors import BrokenStream
from ..http_errors import complained
from ..realtime import client_events as client
from ..realtime import response_events as response
from ..realtime import server_events as server
from ..realtime.errors import ClientMistake, ErrorDetails, server_error
from ..realtime.ids import new_event_id
from ..realtime.names import Dialect
from ..realtime.page_events import PageEvent
from ..realtime.responses import ResponseError
from ..realtime.session_config import RealtimeSession
from ..realtime.session_update import difference, updated
from ..voice.recorder import Recorder, recording
from ..voice.services import Services
from ..voice.session import Connect, FromClient, ToClient
from ..voice.tape import RELAYED
from .converse import Converse

BUFFER: Final = 256
"""Events that may wait in each direction."""
OURS: Final = "invalid_request_error"
"""The type of errors that are about what the client said, whose texts are for it."""


class RelayedSession(Actor):
    """See the module.

    Args:
        configuration: What the session begins with.
        services: Who it talks with, as `Services.conversation`.
    """

    def __init__(self, configuration: RealtimeSession, services: Services) -> None:
        self.config = configuration
        self._services = services
        self._wanted = configuration
        self._updates: dict[str, tuple[str | None, client.SessionPatch]] = {}  # not confirmed, with the client's ids
        self._dialect = Dialect.GA
        self._client: Duplex[ToClient, FromClient]
        self._recorder: Recorder | None = None
        self._voice_used = False
        self._played = ""  # the response that was spoken last
        self._asked: float | None = None  # when the turn ended that is to be answered

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Record what is said, if that is wanted."""
        if self._services.record is None:
            yield
            return
        async with recording(self._services.record, self.config.id, self.context.system.now) as self._recorder:
            yield

    async def connect(self, request: Connect, peer: Duplex[ToClient, FromClient]) -> None:
        """Serve the client until it leaves.

        Raises:
            ProviderError: There is nobody to talk with, any more.
        """
        self._client, self._dialect = peer, request.dialect
        wanted = Converse(session=self.config)
        if self._recorder is not None:
            self._recorder.began(self.config, request.dialect, self._services)
            self._recorder.asked(RELAYED, wanted)
            self.context.start_soon(self._recorder.run)
        ref = self._services.conversation
        assert ref is not None, "sessions are relayed where there is somebody to relay them to"
        async with ref.open(wanted, timeout=math.inf, buffer=BUFFER) as talk:
            await talk.receive()
            await self._tell(server.SessionCreated(session=self.config))
            await self._tell(server.ConversationCreated(conversation=server.Conversation()))

            async def hear() -> None:
                async for event in peer:
                    await self._hear(event, talk)

            async def listen() -> None:
                while True:
                    try:
                        event = await talk.receive()
                    except EndOfChannel:
                        raise BrokenStream(ref.name, "the conversation has ended") from None
                    await self._pass_on(event)

            await converse(listen, hear)

    async def _tell(self, event: server.ServerEvent) -> None:
        if self._recorder is not None:
            self._recorder.told(event)
        await self._client.send(event)

    # -- what the client says ------------------------------------------------------------------------------------------

    async def _hear(self, event: FromClient, talk: Duplex[client.ClientEvent, server.ServerEvent]) -> None:
        if isinstance(event, PageEvent):
            return  # nobody here has a part for the client's page
        if self._recorder is not None:
            self._recorder.heard(event)
        try:
            if isinstance(event, ClientMistake):
                raise event
            if isinstance(event, client.SessionUpdate):
                await self._update(event, talk)
                return
            if isinstance(event, client.OutputAudioBufferClear):  # over a WebSocket it is the client that plays
                await self._tell(server.OutputAudioBufferCleared(response_id=self._played))
                return
        except ClientMistake as mistake:
            event_id = mistake.event_id or getattr(event, "event_id", None)
            await self._tell(server.error_event(mistake, event_id))
            return
        await talk.send(event)

    async def _update(self, event: client.SessionUpdate, talk: Duplex[client.ClientEvent, server.ServerEvent]) -> None:
        after = updated(self._wanted, event.session, self._dialect, voice_is_used=self._voice_used)
        assert isinstance(after, RealtimeSession)
        patch = difference(self._wanted, after)
        self._wanted = after
        if len(patch) == 1 and not self._updates:
            self.config = after
            await self._tell(server.SessionUpdated(session=after))
            return
        event_id = new_event_id()
        self._updates[event_id] = (event.event_id, patch)
        await talk.send(client.SessionUpdate(session=patch, event_id=event_id))

    # -- what the model says -------------------------------------------------------------------------------------------

    async def _pass_on(self, event: server.ServerEvent) -> None:
        match event:
            case response.RateLimitsUpdated():  # of our account
                return
            case server.SessionCreated() | server.ConversationCreated():  # which was told at the beginning
                return
            case server.SessionUpdated():
                if not self._updates:
                    return
                _, patch = self._updates.pop(next(iter(self._updates)))
                self.config = _applied(self.config, patch)
                event = server.SessionUpdated(session=self.config)
            case server.ErrorEvent():
                event = self._masked(event)
            case response.ResponseDone():
                event = self._ended(event)
            case response.ResponseOutputAudioDelta():
                self._voice_used, self._played = True, event.response_id
                self._begun()
            case response.ResponseOutputTextDelta():
                self._begun()
            case server.InputAudioBufferSpeechStopped():
                self._asked = self.context.system.now()
            case server.InputAudioBufferCommitted():
                self._services.tally.turns += 1
            case _:
                pass
        await self._tell(event)
        if isinstance(event, response.ResponseDone) and self._services.rate_limits is not None:
            await self._tell(response.RateLimitsUpdated(rate_limits=self._services.rate_limits()))

    def _begun(self) -> None:
        if self._asked is not None:
            self._services.tally.answer.observe(self.context.system.now() - self._asked)
            self._asked = None

    def _masked(self, event: server.ErrorEvent) -> server.ErrorEvent:
        """Return an error in words that may be read by anybody, under the client's own id."""
        error = event.error
        if error.event_id in self._updates:
            theirs, _ = self._updates.pop(error.event_id)
            self._wanted = self.config
            for _, patch in self._updates.values():
                self._wanted = _applied(self._wanted, patch)
            error = replace(error, event_id=theirs)
        if error.type != OURS:
            told = complained(RELAYED, {"type": error.type, "code": error.code, "message": error.message})
            error = replace(server_error(told.public, told.code), event_id=error.event_id)
        return replace(event, error=_without_our_account(error))

    def _ended(self, event: response.ResponseDone) -> response.ResponseDone:
        """Take note of how a response has ended; return that in words that may be read by anybody."""
        tally, details = self._services.tally, event.response.status_details
        if details is None:
            return event
        if details.type == "cancelled":
            tally.interruptions += details.reason == "turn_detected"
        if not isinstance(details.error, ResponseError):
            return event
        told = complained(RELAYED, {"type": details.error.type, "code": details.error.code})
        tally.failed += 1
        tally.errors[told.code] += 1
        error = ResponseError(type="server_error", code=told.code, message=told.public)
        return replace(event, response=replace(event.response, status_details=replace(details, error=error)))


def _applied(session: RealtimeSession, patch: client.SessionPatch) -> RealtimeSession:
    after = updated(session, patch, Dialect.GA)
    assert isinstance(after, RealtimeSession)
    return after


def _without_our_account(error: ErrorDetails) -> ErrorDetails:
    """Return an error that does not tell of our key or our bill: services call these the client's fault, too."""
    told = complained(RELAYED, {"type": error.type, "code": error.code})
    return server_error(told.public, told.code) if told.fault == "account" else error
