"""Recognition while somebody speaks, as an actor: one realtime transcription session for each utterance."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from ....runtime import Duplex
from ...contracts import Transcribe, Transcript
from ...http import HttpClient
from ...provider import ProviderActor
from ...recognition import Utterance
from ...websocket import WebSocket
from .api import OpenAiApi
from .endpoint import Endpoint
from .wire.live import PATH, LiveHearing


class OpenAiRecogniser(ProviderActor[OpenAiApi]):
    """Writes down what is said as it is said: at OpenAI, and at servers with its realtime API.

    Args:
        http: The pool of connections, for the list of models.
        endpoint: Where the API is.
        model: For requests that name none.
    """

    def __init__(self, http: HttpClient, endpoint: Endpoint, model: str) -> None:
        super().__init__(OpenAiApi(http, endpoint))
        self._model = model

    async def transcribe(self, request: Transcribe, caller: Duplex[Transcript, bytes]) -> None:
        """Hear one utterance. Cancelling drops the connection."""
        api = self._api.of(request.model or self._model)
        hearing = LiveHearing(api.provider, request, self._model)
        utterance = Utterance(caller, request.rate, hearing, api.deadlines, api.provider)
        await utterance.hear(partial(self._connected, api, hearing), api.meter)

    @asynccontextmanager
    async def _connected(self, api: OpenAiApi, hearing: LiveHearing) -> AsyncGenerator[WebSocket]:
        """Connect, and say how to listen; a server hears that also before it has greeted."""
        async with api.socket(PATH)() as socket:
            await socket.send(hearing.opening())
            yield socket
