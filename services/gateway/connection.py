"""A WebSocket connection that speaks the OpenAI Realtime protocol, from the handshake to the last frame.

Two tasks: one reads frames and hands events to the session, the other writes what the session has to say. Each write
has a deadline: a client that stops reading is not found by keep-alive, as pings wait in the same buffer as the audio.
"""

from collections.abc import MutableMapping
from typing import Any, Final

from anyio import CancelScope, create_task_group, move_on_after
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ...actors.realtime.decoding import decode_client_event
from ...actors.realtime.encoding import encode
from ...actors.realtime.errors import ClientMistake, frame_is_binary
from ...actors.realtime.handshake import Handshake
from ...actors.realtime.names import Dialect
from ...actors.realtime.session_config import RealtimeSession, Session, TranscriptionSession
from ...actors.voice.services import Services
from ...actors.voice.session import Connect, FromClient, ToClient, VoiceSession
from ...runtime import Duplex, Restart, Supervisor, child
from ...runtime.errors import ActorDied, ChannelBroken, ChannelClosed
from ...runtime.exits import Crashed

SEND_DEADLINE: Final = 5.0
"""Seconds that a frame may take to leave; a client that does not read is then cut off."""
BUFFER: Final = 512
"""Events that may wait in each direction."""
TOO_SLOW: Final = 1008
GOING_AWAY: Final = 1012
INTERNAL_ERROR: Final = 1011
NORMAL_CLOSURE: Final = 1000


class Patience:
    """The deadline of one frame; set and lifted for every frame, so it goes through the system's one timer."""

    __slots__ = ("_scope", "timeout")

    def __init__(self, scope: CancelScope) -> None:
        self._scope = scope
        self.timeout = SEND_DEADLINE

    def expire(self) -> None:
        """Cut the client off."""
        self._scope.cancel()


class Connections:
    """Opens a session for each connection, and carries events between the two.

    Args:
        sessions: The supervisor whose children the sessions become.
        services: What they use.
        model: The name of the model that clients see where they name none.
    """

    def __init__(self, sessions: Supervisor, services: Services, model: str) -> None:
        self._sessions = sessions
        self._services = services
        self._model = model

    async def serve(self, socket: WebSocket, handshake: Handshake) -> None:
        """Serve one connection until either side ends it."""
        await socket.accept(subprotocol=handshake.subprotocol)
        session = self._session(handshake)
        spec = child(VoiceSession, session, self._services, name=session.id, restart=Restart.TEMPORARY)
        ref = await self._sessions.start_child(spec)
        code = INTERNAL_ERROR
        try:
            async with (
                ref.open(Connect(dialect=handshake.dialect), timeout=float("inf"), buffer=BUFFER) as events,
                create_task_group() as tasks,
            ):
                tasks.start_soon(_read, socket, events, handshake.dialect, tasks.cancel_scope)
                code = await self._write(socket, events, handshake.dialect)
                tasks.cancel_scope.cancel()
        finally:
            with CancelScope(shield=True), move_on_after(SEND_DEADLINE):
                if session.id in {each.spec.name for each in self._sessions.children}:
                    await self._sessions.stop_child(session.id)
            with move_on_after(SEND_DEADLINE):
                await _close(socket, code)

    def _session(self, handshake: Handshake) -> Session:
        if handshake.kind == "transcription":
            return TranscriptionSession()
        return RealtimeSession(model=handshake.model or self._model)

    async def _write(self, socket: WebSocket, events: Duplex[FromClient, ToClient], dialect: Dialect) -> int:
        """Send what the session says, until it says no more; return the code to close with."""
        deadlines = self._sessions.system.deadlines
        with CancelScope() as scope:
            patience = Patience(scope)
            try:
                async for event in events:
                    for frame in encode(event, dialect):
                        deadlines.add(patience)
                        try:
                            await socket.send_text(frame.decode())
                        finally:
                            deadlines.remove(patience)
            except WebSocketDisconnect:
                return NORMAL_CLOSURE
            except ActorDied as died:
                return INTERNAL_ERROR if isinstance(died.exit, Crashed) else GOING_AWAY
            return NORMAL_CLOSURE
        return TOO_SLOW


async def _read(
    socket: WebSocket, events: Duplex[FromClient, ToClient], dialect: Dialect, connection: CancelScope
) -> None:
    """Hand the client's events to the session; a frame that is no event is the session's to complain about."""
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            await events.send(_decode(message, dialect))
    except (ChannelBroken, ChannelClosed):
        return  # the session has ended; the writer says why
    finally:
        connection.cancel()


def _decode(message: MutableMapping[str, Any], dialect: Dialect) -> FromClient:
    text = message.get("text")
    try:
        if text is None:
            raise frame_is_binary()
        return decode_client_event(text, dialect)
    except ClientMistake as mistake:
        return mistake


async def _close(socket: WebSocket, code: int) -> None:
    if socket.client_state is WebSocketState.CONNECTED and socket.application_state is WebSocketState.CONNECTED:
        await socket.close(code)
