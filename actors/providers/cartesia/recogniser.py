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
from .endpoint import CartesiaApi, CartesiaEndpoint
from .wire.recognition import CartesiaHearing, RecognitionOptions, socket_path


class CartesiaRecogniser(Actor):
    """Writes down what is said as it is said.

    Args:
        http: The pool of connections, to find out whether the key is good.
        endpoint: Where the API is.
        options: How to listen.
    """

    max_concurrency: ClassVar[int] = 64

    def __init__(self, http: HttpClient, endpoint: CartesiaEndpoint, options: RecognitionOptions) -> None:
        self._api = CartesiaApi(http, endpoint)
        self._endpoint = endpoint
        self._options = options
        self._retries = Retries()
        self._meter = Meter()

    async def transcribe(self, request: Transcribe, caller: Duplex[Transcript, bytes]) -> None:
        """Hear one utterance. Cancelling drops the connection."""
        endpoint = self._endpoint
        where = SocketRequest.of(endpoint.request("GET", socket_path(request, self._options)))
        reach = partial(connect, where, provider=endpoint.provider, deadlines=endpoint.deadlines, retries=self._retries)
        hearing = CartesiaHearing(endpoint.provider)
        utterance = Utterance(caller, request.rate, hearing, endpoint.deadlines, endpoint.provider)
        await utterance.hear(reach, self._meter)

    async def models(self, request: ListModels) -> tuple[Model, ...]:
        """Return no models, as there is no list of them; a key that is not good is an error."""
        return await self._api.models()

    def usage(self, request: GetUsage) -> Usage:
        """Return what was used so far."""
        return self._meter.usage
