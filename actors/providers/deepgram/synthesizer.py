"""Speech over a WebSocket, as an actor: one connection for all pieces of a call."""

from functools import partial

from ....runtime import Duplex
from ...contracts import Say, Speech, Synthesize
from ...http import HttpClient
from ...provider import SpeakingActor
from ...synthesis import SpokenOver
from .endpoint import DeepgramApi, DeepgramEndpoint
from .wire.speak import DeepgramTalking, SpeakOptions, speak_query


class DeepgramSynthesizer(SpeakingActor[DeepgramApi]):
    """Speaks texts; the first sound comes a round trip earlier than from `DeepgramSpeech`.

    Deepgram takes 20 pieces in a minute on a connection.

    Args:
        http: The pool of connections, for the list of voices.
        endpoint: Where the API is.
        options: How to speak.
    """

    def __init__(self, http: HttpClient, endpoint: DeepgramEndpoint, options: SpeakOptions) -> None:
        super().__init__(DeepgramApi(http, endpoint))
        self._options = options

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        """Speak the pieces in their order. Cancelling drops the connection."""
        api, rate = self._api.of(request.model or self._options.model), self._options.rate
        query = speak_query(self._options, request, api.provider, streamed=True)
        talking = partial(DeepgramTalking, api.provider, rate)
        speech = SpokenOver(caller, rate, talking, api.deadlines, api.meter, api.provider)
        await speech.run(api.socket(f"/v1/speak?{query}"))
