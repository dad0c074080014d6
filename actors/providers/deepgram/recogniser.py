"""Recognition while somebody speaks, as an actor: one WebSocket for each utterance."""

from ....runtime import Duplex
from ...contracts import Transcribe, Transcript
from ...http import HttpClient
from ...provider import ProviderActor
from ...recognition import Utterance
from .endpoint import DeepgramApi, DeepgramEndpoint
from .wire.listen import DeepgramHearing, ListenOptions, listen_query


class DeepgramRecogniser(ProviderActor[DeepgramApi]):
    """Writes down what is said as it is said.

    Args:
        http: The pool of connections, for the list of models.
        endpoint: Where the API is.
        options: How to listen.
    """

    def __init__(self, http: HttpClient, endpoint: DeepgramEndpoint, options: ListenOptions) -> None:
        super().__init__(DeepgramApi(http, endpoint))
        self._options = options

    async def transcribe(self, request: Transcribe, caller: Duplex[Transcript, bytes]) -> None:
        """Hear one utterance. Cancelling drops the connection."""
        api = self._api.of(request.model or self._options.model)
        query = listen_query(self._options, request, streamed=True)
        hearing = DeepgramHearing(api.provider)
        utterance = Utterance(caller, request.rate, hearing, api.deadlines, api.provider)
        await utterance.hear(api.socket(f"/v1/listen?{query}"), api.meter)
