"""Speech over a WebSocket, as an actor: one connection for all pieces of a call, each in a context of its own."""

from functools import partial

from ....runtime import Duplex
from ...contracts import Say, Speech, Synthesize
from ...http import HttpClient
from ...provider import SpeakingActor
from ...synthesis import SpokenOver
from .endpoint import CartesiaApi, CartesiaEndpoint
from .wire.speech import PATH, CartesiaTalking, SpeechOptions, wished


class CartesiaSynthesizer(SpeakingActor[CartesiaApi]):
    """Speaks texts, with the times of words.

    Args:
        http: The pool of connections, for the list of voices.
        endpoint: Where the API is.
        options: How to speak.
    """

    def __init__(self, http: HttpClient, endpoint: CartesiaEndpoint, options: SpeechOptions) -> None:
        super().__init__(CartesiaApi(http, endpoint))
        self._options = options

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        """Speak the pieces in their order. Cancelling drops the connection."""
        options = wished(self._options, request, self._api.provider)
        api = self._api.of(options.model)
        talking = partial(CartesiaTalking, api.provider, options)
        speech = SpokenOver(caller, options.rate, talking, api.deadlines, api.meter, api.provider)
        await speech.run(api.socket(PATH))
