"""Recognition while somebody speaks, as an actor: one WebSocket for each utterance."""

from functools import partial
from typing import ClassVar

from ....runtime import Actor, Duplex
from ...contracts import GetUsage, ListModels, Model, Transcribe, Transcript, Usage
from ...http import HttpClient
from ...recognition import Utterance
from ...retries import Retries
from ...usage import Meter
from ...websocket import SocketRequest, connect
from .endpoint import ElevenLabsApi, ElevenLabsEndpoint
from .wire.recognition import ElevenLabsHearing, RecognitionOptions, socket_path


class ElevenLabsRecogniser(Actor):
    """Writes down what is said as it is said; the provider begins after about two seconds.

    Args:
        http: The pool of connections, for the list of models.
        endpoint: Where the API is.
        options: How to listen.
    """

    max_concurrency: ClassVar[int] = 64

    def __init__(self, http: HttpClient, endpoint: ElevenLabsEndpoint, options: RecognitionOptions) -> None:
        self._api = ElevenLabsApi(http, endpoint)
        self._endpoint = endpoint
        self._options = options
        self._retries = Retries()
        self._meter = Meter()

    async def transcribe(self, request: Transcribe, caller: Duplex[Transcript, bytes]) -> None:
        """Hear one utterance. Cancelling drops the connection."""
        endpoint = self._endpoint
        where = SocketRequest.of(endpoint.request("GET", socket_path(request, self._options, endpoint.provider)))
        reach = partial(connect, where, provider=endpoint.provider, deadlines=endpoint.deadlines, retries=self._retries)
        hearing = ElevenLabsHearing(endpoint.provider, request.rate)
        utterance = Utterance(caller, request.rate, hearing, endpoint.deadlines, endpoint.provider)
        await utterance.hear(reach, self._meter)

    async def models(self, request: ListModels) -> tuple[Model, ...]:
        """Return the models that there are."""
        return await self._api.models()

    def usage(self, request: GetUsage) -> Usage:
        """Return what was used so far."""
        return self._meter.usage
