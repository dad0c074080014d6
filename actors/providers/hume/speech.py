"""Speech, as an actor: each piece of text is a request, and comes in lines of JSON while it is made."""

from functools import partial

from ....runtime import Duplex
from ...contracts import Say, Speech, Synthesize
from ...http import HttpClient
from ...provider import KeepingActor
from ...samples import RawSamples
from ...synthesis import Piece, speak_each
from .endpoint import HumeApi, HumeEndpoint
from .wire.speech import RATE, SpeechLines, SpeechOptions, encode_speech, wished


class HumeSpeech(KeepingActor[HumeApi]):
    """Speaks texts of up to 5000 characters at 48 kHz, with the times of words, or acted.

    Args:
        http: The pool of connections.
        endpoint: Where the API is.
        options: How to speak.
    """

    def __init__(self, http: HttpClient, endpoint: HumeEndpoint, options: SpeechOptions) -> None:
        super().__init__(HumeApi(http, endpoint))
        self._options = options

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        """Speak the pieces in their order. Cancelling closes the requests that are under way."""
        options = wished(self._options, request, self._api.provider)
        api = self._api.of(options.model)
        await speak_each(caller, RATE, partial(self._speak, api, options), api.meter, api.provider)

    async def _speak(self, api: HumeApi, options: SpeechOptions, text: str, piece: Piece) -> None:
        samples, lines = RawSamples(), SpeechLines(api.provider, text)
        async with api.post("/v0/tts/stream/json", encode_speech(text, options, api.provider)) as answer:
            await api.check_type(answer, "application/json", "application/x-ndjson", "text/")
            async for data in answer.lines():
                pcm, words = lines.push(data)
                await piece.push(samples.push(pcm), words)
        lines.finish()
