"""Speech over a WebSocket, as an actor: one connection for all pieces of a call, each in a context of its own."""

from functools import partial
from typing import ClassVar

from ....runtime import Actor, Duplex
from ...contracts import GetUsage, ListModels, ListVoices, Model, Say, Speech, Synthesize, Usage, Voice
from ...http import HttpClient
from ...retries import Retries
from ...synthesis import SpokenOver
from ...usage import Meter
from ...websocket import SocketRequest, connect
from .endpoint import ElevenLabsApi, ElevenLabsEndpoint
from .wire.speech import ElevenLabsTalking, SpeechOptions, socket_path, wished


class ElevenLabsSynthesizer(Actor):
    """Speaks texts, with the times of words; ``eleven_v3`` can be had from `ElevenLabsSpeech` only.

    Args:
        http: The pool of connections, for the list of voices.
        endpoint: Where the API is.
        options: How to speak.
    """

    max_concurrency: ClassVar[int] = 64

    def __init__(self, http: HttpClient, endpoint: ElevenLabsEndpoint, options: SpeechOptions) -> None:
        self._api = ElevenLabsApi(http, endpoint)
        self._endpoint = endpoint
        self._options = options
        self._retries = Retries()
        self._meter = Meter()

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        """Speak the pieces in their order. Cancelling drops the connection."""
        endpoint = self._endpoint
        options = wished(self._options, request, endpoint.provider)
        where = SocketRequest.of(endpoint.request("GET", socket_path(options)))
        reach = partial(connect, where, provider=endpoint.provider, deadlines=endpoint.deadlines, retries=self._retries)
        talking = partial(ElevenLabsTalking, endpoint.provider, options)
        await SpokenOver(caller, options.rate, talking, endpoint.deadlines, self._meter, endpoint.provider).run(reach)

    async def voices(self, request: ListVoices) -> tuple[Voice, ...]:
        """Return the voices of the account."""
        return await self._api.voices()

    async def models(self, request: ListModels) -> tuple[Model, ...]:
        """Return the models that there are."""
        return await self._api.models()

    def usage(self, request: GetUsage) -> Usage:
        """Return what was used so far."""
        return self._meter.usage
