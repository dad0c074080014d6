"""Connections to ``/v1/realtime``: who is let in, and the conversation event by event; and the keys for browsers."""

import time
from collections.abc import Callable, Collection, Iterable
from functools import partial
from itertools import count
from typing import NoReturn

from anyio.lowlevel import checkpoint
from starlette.requests import Request

from ....actors.realtime.client_secrets import encode_client_secret, error_body, read_client_secret_request
from ....actors.realtime.decoding import decode_client_event
from ....actors.realtime.encoding import encode
from ....actors.realtime.errors import (
    ClientMistake,
    RefusedConnection,
    frame_is_binary,
    no_key,
    no_model,
    no_such_model,
    wrong_key,
)
from ....actors.realtime.handshake import Handshake, read_handshake
from ....actors.realtime.names import Dialect
from ....actors.realtime.server_events import ServerEvent, error_event
from ....actors.realtime.session_config import RealtimeSession
from ..answers import Answer
from ..replies import Reply
from ..socket import WireSocket
from .realtime import RealtimeConversation

NOT_IN_BETA = RefusedConnection(
    "beta_api_shape_disabled",
    "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API.",
    status=400,
    close_code=4000,
)


class RealtimeConnections:
    """Who may connect, and what becomes of a connection.

    Args:
        keys: Which are accepted; empty for any, and none.
        models: Those there are; None for any name.
        reply: Says what is answered to what the user said last.
        hear: Says what is heard in so many seconds of speech.
    """

    def __init__(
        self,
        keys: Collection[str],
        models: Collection[str] | None,
        reply: Callable[[str], Reply],
        hear: Callable[[float], str],
    ) -> None:
        self._keys = keys
        self._models = models
        self._converse = partial(RealtimeConversation, reply=reply, hear=hear)
        self._secrets: set[str] = set()
        self._numbers = count(1)

    async def mint(self, request: Request) -> Answer:
        """Make a key for a browser."""
        opening = RealtimeSession(model="gpt-realtime")
        try:
            asked = read_client_secret_request(await request.body(), opening=opening)
        except ClientMistake as mistake:
            headers = {"content-type": "application/json"}
            return Answer(status=400, headers=headers, steps=(error_body(mistake),))
        secret = f"ek_{next(self._numbers):032x}"
        self._secrets.add(secret)
        body = encode_client_secret(asked, secret, int(time.time()) + asked.seconds)
        return Answer(headers={"content-type": "application/json"}, steps=(body,))

    async def talk(self, socket: WireSocket) -> None:
        """Serve one connection. Whoever is not let in is told so in an event, after the upgrade."""
        asked = read_handshake(socket.query, socket.headers)
        await socket.accept({})
        if (refusal := self._refusal(asked)) is not None:
            await self._turn_away(socket, refusal)
        conversation = self._converse(asked.model or "")
        await _send(socket, conversation.opening())
        while True:
            if conversation.answering:
                await checkpoint()  # so that a client that cancels is heard
                message = await socket.receive_within(0)
            else:
                message = await socket.receive()
            if message is None:
                await _send(socket, conversation.go_on())
            else:
                await _answer(socket, conversation, message)

    def _refusal(self, asked: Handshake) -> RefusedConnection | None:
        if asked.dialect is Dialect.BETA:
            return NOT_IN_BETA
        if self._keys and asked.key is None:
            return no_key()
        if self._keys and asked.key not in {*self._keys, *self._secrets}:
            return wrong_key()
        if asked.model is None:
            return no_model()
        if self._models is not None and asked.model not in self._models:
            return no_such_model(asked.model)
        return None

    async def _turn_away(self, socket: WireSocket, refusal: RefusedConnection) -> NoReturn:
        await _send(socket, [error_event(refusal)])
        await socket.close(refusal.close_code, refusal.close_reason)


async def _answer(socket: WireSocket, conversation: RealtimeConversation, message: str | bytes) -> None:
    event_id: str | None = None
    try:
        if isinstance(message, bytes):
            raise frame_is_binary()
        event = decode_client_event(message)
        event_id = event.event_id
        await _send(socket, conversation.take(event))
    except ClientMistake as mistake:
        await _send(socket, [error_event(mistake, event_id)])


async def _send(socket: WireSocket, events: Iterable[ServerEvent]) -> None:
    for event in events:
        for frame in encode(event):
            await socket.send(frame.decode())
