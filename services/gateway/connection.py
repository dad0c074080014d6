"""Connections that speak the OpenAI Realtime protocol, from the handshake to the last frame.

Each frame has a deadline: a client that stops reading is not found by keep-alive, as pings wait in the same buffer as
the audio. One that reads, but slower than speech is spoken, loses audio before it loses anything else.
"""

import logging
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, NamedTuple

from anyio import CancelScope, CapacityLimiter, Event, create_task_group, move_on_after, to_thread
from anyio.lowlevel import checkpoint
from msgspec import Struct
from websockets.frames import CloseCode

from ...actors.errors import ProviderError
from ...actors.realtime import response_events, server_events
from ...actors.realtime.client_events import InputAudioBufferAppend
from ...actors.realtime.client_secrets import NO_WISHES
from ...actors.realtime.decoding import decode_client_event
from ...actors.realtime.encoding import encode
from ...actors.realtime.errors import ClientMistake, frame_is_binary, server_error
from ...actors.realtime.handshake import Handshake
from ...actors.realtime.large_frames import decode_large_frame
from ...actors.realtime.names import Dialect
from ...actors.realtime.page_events import PageEvent, decode_page_event, encode_page_event, is_page_event
from ...actors.realtime.session_config import RealtimeSession, Session, TranscriptionSession
from ...actors.speech_to_speech.session import RelayedSession
from ...actors.voice.services import Services
from ...actors.voice.session import Connect, FromClient, ToClient, VoiceSession
from ...runtime import Duplex, Restart, child
from ...runtime.errors import ActorDied, ChannelBroken, ChannelClosed, WouldBlock
from ...runtime.exits import Crashed
from ...runtime.specs import ActorSpec
from ..voice import VoiceSystem
from .admission import Ending, Ticket
from .framing import LARGE, Message
from .transports import Disconnected, Transport

SEND_DEADLINE: Final = 3.0
"""Seconds that a frame may take to leave; a client that does not read is then cut off."""
CLOSE_DEADLINE: Final = 1.0
"""Seconds that a client has to answer a close frame."""
STOP_DEADLINE: Final = 5.0
"""Seconds that a session has to end when its client has gone."""
LATEST: Final = 1.5
"""Seconds that a client may be behind before the rest of the response it is hearing is left out."""
BUFFER: Final = 512
"""Events that may wait in each direction."""

TOO_SLOW: Final = CloseCode.POLICY_VIOLATION
"""What a client that does not read would be told, if it did."""

_log = logging.getLogger("troupe.gateway")


class ConnectionsStatistics(Struct, frozen=True):
    """What connections have been through since the server started."""

    open: int
    """Connections right now."""
    cut_off: int
    """Clients that stopped reading."""
    muted: int
    """Responses of which a client did not get all audio, because it read too slowly."""
    received: int
    """Characters of messages from clients; those of this protocol are bytes, but for people's words."""
    sent: int
    """Bytes of messages to clients."""


class Connections:
    """Opens a session for each connection, and carries events between the two.

    Args:
        voice: The system in which the sessions run.
        model: The name of the model that clients see where they name none.
    """

    def __init__(self, voice: VoiceSystem, model: str) -> None:
        self.sessions = voice.sessions
        self.draining = False
        self.cut_off = 0
        self.muted = 0
        self.received = 0
        self.sent = 0
        self.decoding = CapacityLimiter(1)
        """Of the threads that decode large messages."""
        self._voice = voice
        self._model = model
        self._open: dict[Transport, Connection] = {}
        self._closed = Event()

    async def serve(self, transport: Transport, handshake: Handshake, ticket: Ticket) -> None:
        """Serve one connection until either side ends it, or its time is up. Cancelling closes it."""
        session = ticket.started(ticket.session or self._session(handshake))
        async with self._cast(session, ticket) as services:
            await self._serve(transport, handshake, ticket, session, services)

    @asynccontextmanager
    async def _cast(self, session: Session, ticket: Ticket) -> AsyncGenerator[Services]:
        services, casting = self._voice.services, self._voice.casting
        relayed = services.conversation is not None and isinstance(session, RealtimeSession)
        if casting is None or (relayed and ticket.providers == NO_WISHES):
            yield services
            return
        async with casting.cast(session.id, ticket.providers) as services:
            yield services

    async def _serve(
        self, transport: Transport, handshake: Handshake, ticket: Ticket, session: Session, services: Services
    ) -> None:
        ref = await self.sessions.start_child(_actor(session, services))
        deadlines = self.sessions.system.deadlines
        farewell = Farewell(CloseCode.INTERNAL_ERROR)
        try:
            async with ref.open(Connect(dialect=handshake.dialect), timeout=float("inf"), buffer=BUFFER) as events:
                connection = self._open[transport] = Connection(
                    self, transport, events, handshake.dialect, page=services.page is not None
                )
                if self.draining:  # since it was let in
                    connection.drain()
                ticket.on_end(connection.end)
                deadlines.add(ticket)
                try:
                    farewell = await connection.run()
                finally:
                    deadlines.remove(ticket)
        finally:
            with CancelScope(shield=True), move_on_after(STOP_DEADLINE):
                if session.id in {each.spec.name for each in self.sessions.children}:
                    await self.sessions.stop_child(session.id)
            with move_on_after(0 if farewell.code == TOO_SLOW else CLOSE_DEADLINE, shield=True), suppress(Disconnected):
                for word in farewell.words:
                    await transport.send(word)
                await transport.close(farewell.code, farewell.reason)
            transport.abort()
            self._open.pop(transport, None)
            self._closed.set()

    def drain(self) -> None:
        """Close each connection (1012) as soon as the turn in progress is over; there should be no new ones."""
        self.draining = True
        for connection in self._open.values():
            connection.drain()

    def close(self) -> None:
        """Close all connections (1012) now."""
        for connection in self._open.values():
            connection.leave()

    async def wait_closed(self) -> None:
        """Wait until all connections are closed. Cancelling is safe."""
        while self._open:
            self._closed = Event()
            await self._closed.wait()

    def statistics(self) -> ConnectionsStatistics:
        """Return what the connections have been through."""
        return ConnectionsStatistics(len(self._open), self.cut_off, self.muted, self.received, self.sent)

    def _session(self, handshake: Handshake) -> Session:
        if handshake.kind == "transcription":
            return TranscriptionSession()
        return self._voice.services.opening.session(handshake.model or self._model)


class Connection:
    """One connection, once its session is there.

    As long as neither side is behind, all of it happens in the step that brings a message, or makes an event: there is
    a task for each direction, but it only goes to work where there is something to wait for.

    Args:
        connections: Those it belongs to.
        transport: The client.
        events: The session.
        dialect: What the client speaks.
        page: Whether it may use the side channel, too.
    """

    def __init__(
        self,
        connections: Connections,
        transport: Transport,
        events: Duplex[FromClient, ToClient],
        dialect: Dialect,
        *,
        page: bool = False,
    ) -> None:
        self._connections = connections
        self._transport = transport
        self._events = events
        self._decode = _decode_either if page else _decode
        self._dialect = dialect
        self._now = connections.sessions.system.now
        self._turn = Turn()
        self._caught_up = self._now()
        """When all that the session had said was sent last."""
        self._muted: str | None = None
        """The response of which no more audio is sent."""
        self._farewell = Farewell(CloseCode.NORMAL_CLOSURE)
        self._sending = False
        """Whether frames wait to be sent, and a part of one may be."""
        self._caught_up_again = Event()
        """Set when they have been."""
        self._scope = CancelScope()
        self.timeout = SEND_DEADLINE  # of the frame that is being sent: see `Deadlines`

    async def run(self) -> "Farewell":
        """Carry events both ways, until either side ends; return what to close with. Cancelling is safe."""
        with self._scope:
            async with create_task_group() as tasks:
                tasks.start_soon(self._read)
                tasks.start_soon(self._leave_in_time)
                await self._write()
                tasks.cancel_scope.cancel()
        return self._farewell

    def end(self, ending: Ending) -> None:
        """End the connection, and say why, unless the client is behind."""
        words = [] if self._sending else encode(server_events.error_event(ending.mistake), self._dialect)
        self._leave(Farewell(ending.code, ending.reason, words))

    def leave(self, code: int = CloseCode.SERVICE_RESTART) -> None:
        """End the connection, whatever is under way."""
        self._leave(Farewell(code))

    def _leave(self, farewell: "Farewell") -> None:
        if not self._scope.cancel_called:
            self._farewell = farewell
            self._scope.cancel()

    def drain(self) -> None:
        """End the connection when the turn in progress is over."""
        self._turn.last = True
        self._turn.changed.set()

    async def _leave_in_time(self) -> None:
        """Leave when the last turn is over."""
        while not (self._turn.last and self._turn.over and not self._events.waiting):
            self._turn.changed = Event()
            await self._turn.changed.wait()
            await checkpoint()  # the end of a user's turn is told first, the answer to it next, in the same step
        self.leave()

    def expire(self) -> None:
        """Cut the client off: a frame could not be sent in time."""
        self._connections.cut_off += 1
        _log.warning("a client does not read what it is sent: its connection is dropped")
        self.leave(TOO_SLOW)

    # -- from the session to the client ----------------------------------------------------------------------------

    async def _write(self) -> None:
        """Send what the session says, until it says no more."""
        try:
            await self._events.each(self._put)
        except Disconnected:
            pass
        except ActorDied as died:
            self._farewell = Farewell(
                CloseCode.INTERNAL_ERROR if isinstance(died.exit, Crashed) else CloseCode.SERVICE_RESTART
            )
        except ProviderError as error:
            told = server_events.ErrorEvent(error=server_error(error.public, error.code))
            self._farewell = Farewell(CloseCode.INTERNAL_ERROR, words=encode(told, self._dialect))

    def _put(self, event: ToClient) -> Coroutine[Any, Any, None] | None:
        """Send an event if that takes no waiting; else return what waits."""
        if isinstance(event, PageEvent):
            frames = [encode_page_event(event)]
        else:
            if type(event) is response_events.ResponseOutputAudioDelta:
                if self._is_late(event.response_id):
                    return None
            else:
                self._turn.follow(event)
            frames = encode(event, self._dialect)
        self._connections.sent += sum(map(len, frames))
        for index, frame in enumerate(frames):
            if not self._transport.put(frame):
                self._sending = True
                return self._send(frames[index:])
        self._sent()
        return None

    async def _send(self, frames: Sequence[bytes]) -> None:
        deadlines = self._connections.sessions.system.deadlines
        for frame in frames:
            deadlines.add(self)
            try:
                await self._transport.send(frame)
            finally:
                deadlines.remove(self)
        self._sending = False
        self._caught_up_again.set()
        self._sent()

    def _sent(self) -> None:
        if self._events.waiting:
            return
        self._caught_up = self._now()

    def _is_late(self, response: str) -> bool:
        """Whether the client has to do without this response's audio.

        One that has been behind for long reads slower than speech is spoken, and would be further behind with each
        word. It misses the rest of this response, whose text it gets, and hears the next one from its beginning.
        """
        if response == self._muted:
            return True
        if not self._events.waiting or self._now() - self._caught_up <= LATEST:
            return False
        self._muted = response
        self._connections.muted += 1
        _log.warning("a client reads more slowly than speech is spoken: the rest of a response's audio is left out")
        return True

    # -- from the client to the session ----------------------------------------------------------------------------

    async def _read(self) -> None:
        """Hand the client's events to the session; a message that is no event is the session's to complain about."""
        try:
            await self._transport.each(self._take)
        except Disconnected:
            self.leave(CloseCode.NORMAL_CLOSURE)
        except (ChannelBroken, ChannelClosed):
            return  # the session has ended; the writer says why

    def _take(self, message: Message) -> Coroutine[Any, Any, None] | None:
        """Hand an event on if that takes no waiting; else return what waits."""
        self._connections.received += len(message)
        if len(message) >= LARGE:
            return self._take_large(message)
        event = self._decode(message, self._dialect)
        if self._sending and not isinstance(event, InputAudioBufferAppend):
            return self._take_later(event)
        try:
            self._events.send_nowait(event)
        except (WouldBlock, ChannelBroken, ChannelClosed):
            return self._events.send(event)  # where it waits, or raises in the task that can tell
        return None

    async def _take_later(self, event: FromClient) -> None:
        """Take an event when the client has read on: the answers to what it asks would pile up, however large."""
        while self._sending:
            self._caught_up_again = Event()
            await self._caught_up_again.wait()
        await self._events.send(event)

    async def _take_large(self, message: Message) -> None:
        event = await to_thread.run_sync(_decode, message, self._dialect, limiter=self._connections.decoding)
        is_audio = isinstance(event, InputAudioBufferAppend)
        await (self._events.send(event) if is_audio else self._take_later(event))


def _actor(session: Session, services: Services) -> ActorSpec:
    """Specify who is to be a session: where a model hears and speaks by itself, it is relayed to that."""
    if services.conversation is not None and isinstance(session, RealtimeSession):
        return child(RelayedSession, session, services, name=session.id, restart=Restart.TEMPORARY)
    return child(VoiceSession, session, services, name=session.id, restart=Restart.TEMPORARY)


class Farewell(NamedTuple):
    """How a connection is closed."""

    code: int
    reason: str = ""
    words: Sequence[bytes] = ()
    """Frames that are sent before."""


class Turn:
    """What a session is doing, by what it tells its client."""

    def __init__(self) -> None:
        self.last = False
        """Whether there is to be no other turn after this one."""
        self.changed = Event()
        """Set when this is the last turn and it may be over."""
        self._listening = False
        self._responses: set[str] = set()

    @property
    def over(self) -> bool:
        """Whether nobody speaks, and nothing is being answered."""
        return not self._listening and not self._responses

    def follow(self, event: ToClient) -> None:
        """Take note of an event."""
        match event:
            case server_events.InputAudioBufferSpeechStarted():
                self._listening = True
            case server_events.InputAudioBufferSpeechStopped() | server_events.InputAudioBufferCleared():
                self._listening = False
            case response_events.ResponseCreated():
                self._responses.add(event.response.id)
            case response_events.ResponseDone():
                self._responses.discard(event.response.id)
            case _:
                return
        if self.last:
            self.changed.set()


def _decode_either(message: Message, dialect: Dialect) -> FromClient:
    """Decode a message of the protocol, or one of the side channel."""
    try:
        if isinstance(message, str) and is_page_event(message):
            return decode_page_event(message)
    except ClientMistake as mistake:
        return mistake
    return _decode(message, dialect)


def _decode(message: Message, dialect: Dialect) -> FromClient:
    try:
        if isinstance(message, bytes):
            raise frame_is_binary()
        decode = decode_client_event if len(message) < LARGE else decode_large_frame
        return decode(message, dialect)
    except ClientMistake as mistake:
        return mistake
