"""Recognition while somebody speaks, as an actor: one WebSocket for each utterance."""

from ....runtime import Duplex
from ...contracts import Transcribe, Transcript
from ...http import HttpClient
from ...provider import ProviderActor
from ...recognition import Utterance
from .endpoint import ElevenLabsApi, ElevenLabsEndpoint
from .wire.recognition import ElevenLabsHearing, RecognitionOptions, socket_path


class ElevenLabsRecogniser(ProviderActor[ElevenLabsApi]):
    """Writes down what is said as it is said; the provider begins after about two seconds.

    Args:
        http: The pool of connections, for the list of models.
        endpoint: Where the API is.
        options: How to listen.
    """

    def __init__(self, http: HttpClient, endpoint: ElevenLabsEndpoint, options: RecognitionOptions) -> None:
        super().__init__(ElevenLabsApi(http, endpoint))
        self._options = options

    async def transcribe(self, request: Transcribe, caller: Duplex[Transcript, bytes]) -> None:
        """Hear one utterance. Cancelling drops the connection."""
        api = self._api.of(request.model or self._options.model)
        path = socket_path(request, self._options, api.provider)
        hearing = ElevenLabsHearing(api.provider, request.rate)
        utterance = Utterance(caller, request.rate, hearing, api.deadlines, api.provider)
        await utterance.hear(api.socket(path), api.meter)
