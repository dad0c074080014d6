"""Conversations with a model that hears and speaks by itself, as an actor: one realtime session for each call."""

import math
from collections.abc import Iterator
from functools import partial
from typing import ClassVar, Final, TypeVar

from anyio import Event, move_on_after
from msgspec.structs import replace

from ....runtime import Duplex
from ....runtime.errors import EndOfChannel
from ...contracts import Usage
from ...conversation import converse
from ...errors import AuthenticationFailed, BrokenStream, ProviderError
from ...http import HttpClient
from ...provider import ProviderActor
from ...realtime.client_encoding import encode_client_event
from ...realtime.client_events import ClientEvent, InputAudioBufferAppend, ResponseCancel, SessionUpdate
from ...realtime.client_secrets import ClientSecret
from ...realtime.server_events import ErrorEvent, ServerEvent, SessionCreated, SessionUpdated
from ...realtime.session_config import RealtimeSession
from ...realtime.session_update import difference
from ...speech_to_speech.converse import Converse, MintClientSecret
from ...speech_to_speech.waiting import Waiting
from ...usage import Meter
from ...websocket import WebSocket
from .api import OpenAiApi
from .endpoint import Endpoint
from .wire.realtime import (
    EXPIRED,
    SECRETS,
    RealtimePrice,
    decode_event,
    decode_secret,
    encode_secret_request,
    failure,
    path,
    usage_of,
)

PIECE: Final = 256 * 2**10
"""Bytes of audio in one message: a whole recording would keep the others waiting while it is encoded."""
PING: Final = 20.0
"""Seconds of silence from the caller after which the provider is asked for a sign of life, as it does itself."""
LIFETIME: Final = 55 * 60.0
"""Seconds after which a session is over at the next quiet moment: OpenAI ends it after an hour, wherever it is."""
FAREWELL: Final = 1.0
"""Seconds that leaving in the middle of an answer may take."""

LARGEST_SECRET: Final = 2 * 2**20
"""Bytes of the answer that has a key: instructions and tools of its session are in it, too."""

FREE: Final = RealtimePrice()

E = TypeVar("E", bound=ServerEvent)


class OpenAiRealtime(ProviderActor[OpenAiApi]):
    """Talks: at OpenAI, and at servers with its realtime API in its current form.

    Args:
        http: The pool of connections, for all but conversations.
        endpoint: Where the API is. Of its deadlines `total` does not hold: a conversation is as long as it likes.
        model: For requests that name none.
        price: What it costs.
        lifetime: Seconds that a session is to last.
    """

    max_concurrency: ClassVar[int] = 4096
    """Conversations at a time; what their provider bears, it says itself."""

    def __init__(
        self,
        http: HttpClient,
        endpoint: Endpoint,
        model: str,
        price: RealtimePrice = FREE,
        lifetime: float = LIFETIME,
    ) -> None:
        super().__init__(OpenAiApi(http, replace(endpoint, deadlines=replace(endpoint.deadlines, total=math.inf))))
        self._model = model
        self._price = price
        self._lifetime = lifetime

    async def converse(self, request: Converse, caller: Duplex[ServerEvent, ClientEvent]) -> None:
        """Hold a conversation. Cancelling cancels what is being answered, and drops the connection."""
        session = replace(request.session, model=request.session.model or self._model)
        api = self._api.of(session.model)
        with api.meter.call():
            async with api.socket(path(session.model))() as socket:
                talk = _Talk(socket, caller, Waiting(api.deadlines), api.meter, self._price, api.provider)
                socket.expect(api.deadlines.first)
                await talk.begin(session)
                await talk.go_on(self._lifetime)

    async def secret(self, request: MintClientSecret) -> ClientSecret:
        """Have a key made for a browser; it is not asked for twice."""
        api = self._api
        body = encode_secret_request(request, self._model, api.provider)
        async with api.post(SECRETS, body, once=True) as answer:
            return decode_secret(await answer.read(LARGEST_SECRET), request.session, api.provider)


class _Talk:
    """One conversation over one connection."""

    def __init__(
        self,
        socket: WebSocket,
        caller: Duplex[ServerEvent, ClientEvent],
        waiting: Waiting,
        meter: Meter,
        price: RealtimePrice,
        provider: str,
    ) -> None:
        self._socket = socket
        self._caller = caller
        self._waiting = waiting
        self._meter = meter
        self._price = price
        self._provider = provider
        self._last = Event()  # set when what is under way is the last of it
        self._changed = Event()

    async def begin(self, wanted: RealtimeSession) -> None:
        """Bring the session into the form that is wanted, and tell the caller.

        Raises:
            ProviderError: The provider will not have it.
        """
        created = await self._until(SessionCreated)
        session = created.session
        if isinstance(session, RealtimeSession):
            patch = difference(session, wanted)
            if len(patch) > 1:
                await self._socket.send(encode_client_event(SessionUpdate(session=patch)))
                session = (await self._until(SessionUpdated)).session
        self._socket.expect(math.inf)
        await self._caller.send(SessionCreated(session=session))

    async def _until(self, kind: type[E]) -> E:
        while True:
            event = await self._receive()
            if isinstance(event, ErrorEvent):
                raise await self._refusal(failure(event, self._provider))
            if isinstance(event, kind):
                return event

    async def _refusal(self, error: ProviderError) -> ProviderError:
        """Return why a session does not come about: for want of a key only the close code says it."""
        self._socket.expect(FAREWELL)
        try:
            await self._socket.receive()
        except AuthenticationFailed as told:
            return told
        except ProviderError:
            pass
        return error

    async def go_on(self, lifetime: float) -> None:
        """Carry events both ways, until the caller has finished, or the session's time is up.

        Raises:
            ProviderError: The provider has ended it.
        """
        left = True
        try:
            await converse(partial(converse, self._talk, self._listen), partial(self._end, lifetime))
            left = False
        except ProviderError:
            left = False
            raise
        finally:
            if left:
                with move_on_after(FAREWELL, shield=True):
                    await self._take_leave()

    async def _take_leave(self) -> None:
        """Say that nobody listens any more: what is generated until the provider notices has to be paid."""
        try:
            if self._waiting.responses:
                await self._socket.send(encode_client_event(ResponseCancel()))
            await self._socket.close()
        except ProviderError:
            return

    async def _end(self, lifetime: float) -> None:
        """Return when it is over."""
        with move_on_after(lifetime):
            await self._last.wait()
        while not (self._waiting.quiet or (self._last.is_set() and not self._waiting.answering)):
            self._changed = Event()
            await self._changed.wait()

    async def _talk(self) -> None:
        """Say what the caller says, and now and then ask whether anybody is there."""
        while (event := await self._next()) is not None:
            self._waiting.said(event)
            for each in _in_pieces(event):
                await self._socket.send(encode_client_event(each))
            self._socket.expect(self._waiting.patience)
        self._last.set()

    async def _next(self) -> ClientEvent | None:
        while True:
            with move_on_after(PING):
                try:
                    return await self._caller.receive()
                except EndOfChannel:
                    return None
            await self._socket.ping()

    async def _listen(self) -> None:
        """Tell the caller what the provider says."""
        while True:
            event = await self._receive()
            if event is None:
                continue
            self._waiting.heard(event)
            self._socket.expect(self._waiting.patience)
            if (used := usage_of(event, self._price)) is not None:
                self._meter.add(used)
            if isinstance(event, ErrorEvent):
                if event.error.code == EXPIRED:
                    break
                error = failure(event, self._provider)
                if error.fault == "account":
                    raise error
            await self._caller.send(event)
            self._changed.set()
        self._waiting.forget()
        self._last.set()
        self._changed.set()

    async def _receive(self) -> ServerEvent | None:
        message = await self._socket.receive()
        if message is None:
            raise BrokenStream(self._provider, "the connection ended before the conversation did")
        event = decode_event(message, self._provider)
        if event is None:
            self._meter.add(Usage(unknown=1))
        return event


def _in_pieces(event: ClientEvent) -> Iterator[ClientEvent]:
    """Give an event as it is, or audio that is too much for one in several."""
    if not isinstance(event, InputAudioBufferAppend) or len(event.audio) <= PIECE:
        yield event
        return
    for start in range(0, len(event.audio), PIECE):
        yield replace(event, audio=event.audio[start : start + PIECE])
