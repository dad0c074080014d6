"""Speech, as an actor: one WebSocket for the pieces of a call, so that the first sound comes a handshake earlier."""

from functools import partial

from ....runtime import Duplex
from ...contracts import Say, Speech, Synthesize
from ...http import HttpClient
from ...provider import KeepingActor
from ...synthesis import SpokenOver
from .endpoint import HumeApi, HumeEndpoint
from .wire.speech import RATE, SpeechOptions, wished
from .wire.streaming import HumeTalking, socket_path


class HumeSynthesizer(KeepingActor[HumeApi]):
    """Speaks texts as they come, at 48 kHz, with the times of words, or acted.

    Args:
        http: The pool of connections, for the list of voices.
        endpoint: Where the API is.
        options: How to speak.
    """

    def __init__(self, http: HttpClient, endpoint: HumeEndpoint, options: SpeechOptions) -> None:
        super().__init__(HumeApi(http, endpoint))
        self._options = options

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        """Speak the pieces in their order. Cancelling drops the connection."""
        options = wished(self._options, request, self._api.provider)
        api = self._api.of(options.model)
        talking = partial(HumeTalking, api.provider, options)
        speech = SpokenOver(caller, RATE, talking, api.deadlines, api.meter, api.provider)
        await speech.run(api.socket(socket_path(options)))
