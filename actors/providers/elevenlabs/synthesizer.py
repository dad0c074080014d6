"""Speech over a WebSocket, as an actor: one connection for all pieces of a call, each in a context of its own."""

from functools import partial

from ....runtime import Duplex
from ...contracts import Say, Speech, Synthesize
from ...http import HttpClient
from ...provider import CloningActor
from ...synthesis import SpokenOver
from .endpoint import ElevenLabsApi, ElevenLabsEndpoint
from .wire.speech import ElevenLabsTalking, SpeechOptions, socket_path, wished


class ElevenLabsSynthesizer(CloningActor[ElevenLabsApi]):
    """Speaks texts, with the times of words; ``eleven_v3`` can be had from `ElevenLabsSpeech` only.

    Args:
        http: The pool of connections, for the list of voices.
        endpoint: Where the API is.
        options: How to speak.
    """

    def __init__(self, http: HttpClient, endpoint: ElevenLabsEndpoint, options: SpeechOptions) -> None:
        super().__init__(ElevenLabsApi(http, endpoint))
        self._options = options

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        """Speak the pieces in their order. Cancelling drops the connection."""
        options = wished(self._options, request, self._api.provider)
        api = self._api.of(options.model)
        talking = partial(ElevenLabsTalking, api.provider, options)
        speech = SpokenOver(caller, options.rate, talking, api.deadlines, api.meter, api.provider)
        await speech.run(api.socket(socket_path(options)))
