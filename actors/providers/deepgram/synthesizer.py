"""Speech over a WebSocket, as an actor: one connection for all pieces of a call."""

from functools import partial
from typing import ClassVar

from ....runtime import Actor, Duplex
from ...contracts import GetUsage, ListModels, ListVoices, Model, Say, Speech, Synthesize, Usage, Voice
from ...http import HttpClient
from ...retries import Retries
from ...synthesis import SpokenOver
from ...usage import Meter
from ...websocket import SocketRequest, connect
from .endpoint import DeepgramApi, DeepgramEndpoint
from .wire.speak import DeepgramTalking, SpeakOptions, speak_query


class DeepgramSynthesizer(Actor):
    """Speaks texts; the first sound comes a round trip earlier than from `DeepgramSpeech`.

    Deepgram takes 20 pieces in a minute on a connection.

    Args:
        http: The pool of connections, for the list of voices.
        endpoint: Where the API is.
        options: How to speak.
    """

    max_concurrency: ClassVar[int] = 64

    def __init__(self, http: HttpClient, endpoint: DeepgramEndpoint, options: SpeakOptions) -> None:
        self._api = DeepgramApi(http, endpoint)
        self._endpoint = endpoint
        self._options = options
        self._retries = Retries()
        self._meter = Meter()

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        """Speak the pieces in their order. Cancelling drops the connection."""
        endpoint, rate = self._endpoint, self._options.rate
        query = speak_query(self._options, request, endpoint.provider, streamed=True)
        where = SocketRequest.of(endpoint.request("GET", f"/v1/speak?{query}"))
        reach = partial(connect, where, provider=endpoint.provider, deadlines=endpoint.deadlines, retries=self._retries)
        talking = partial(DeepgramTalking, endpoint.provider, rate)
        await SpokenOver(caller, rate, talking, endpoint.deadlines, self._meter, endpoint.provider).run(reach)

    async def voices(self, request: ListVoices) -> tuple[Voice, ...]:
        """Return the voices that there are."""
        return await self._api.voices()

    async def models(self, request: ListModels) -> tuple[Model, ...]:
        """Return the models that there are."""
        return await self._api.models()

    def usage(self, request: GetUsage) -> Usage:
        """Return what was used so far."""
        return self._meter.usage
