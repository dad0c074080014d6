"""Recognition while somebody speaks, as an actor: one WebSocket for each utterance."""

from ....runtime import Duplex
from ...contracts import Transcribe, Transcript
from ...http import HttpClient
from ...provider import ProviderActor
from ...recognition import Utterance
from .endpoint import CartesiaApi, CartesiaEndpoint
from .wire.recognition import CartesiaHearing, RecognitionOptions, socket_path


class CartesiaRecogniser(ProviderActor[CartesiaApi]):
    """Writes down what is said as it is said.

    Args:
        http: The pool of connections, to find out whether the key is good.
        endpoint: Where the API is.
        options: How to listen.
    """

    def __init__(self, http: HttpClient, endpoint: CartesiaEndpoint, options: RecognitionOptions) -> None:
        super().__init__(CartesiaApi(http, endpoint))
        self._options = options

    async def transcribe(self, request: Transcribe, caller: Duplex[Transcript, bytes]) -> None:
        """Hear one utterance. Cancelling drops the connection."""
        api = self._api.of(request.model or self._options.model)
        hearing = CartesiaHearing(api.provider)
        utterance = Utterance(caller, request.rate, hearing, api.deadlines, api.provider)
        await utterance.hear(api.socket(socket_path(request, self._options)), api.meter)
