"""Speech over HTTP, as an actor: each piece of text is a request."""

from functools import partial

from ....runtime import Duplex
from ...contracts import Say, Speech, Synthesize
from ...http import HttpClient
from ...provider import CloningActor
from ...samples import RawSamples
from ...synthesis import Piece, speak_each
from .endpoint import ElevenLabsApi, ElevenLabsEndpoint
from .wire.speech import SpeechLines, SpeechOptions, encode_speech, http_path, wished


class ElevenLabsSpeech(CloningActor[ElevenLabsApi]):
    """Speaks texts, with the times of words; it has all models, and those that take longer.

    Args:
        http: The pool of connections.
        endpoint: Where the API is.
        options: How to speak.
    """

    def __init__(self, http: HttpClient, endpoint: ElevenLabsEndpoint, options: SpeechOptions) -> None:
        super().__init__(ElevenLabsApi(http, endpoint))
        self._options = options

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        """Speak the pieces in their order. Cancelling closes the requests that are under way."""
        options = wished(self._options, request, self._api.provider)
        api = self._api.of(options.model)
        await speak_each(caller, options.rate, partial(self._speak, api, options), api.meter, api.provider)

    async def _speak(self, api: ElevenLabsApi, options: SpeechOptions, text: str, piece: Piece) -> None:
        samples, lines = RawSamples(), SpeechLines(api.provider, options.rate)
        async with api.post(http_path(options), encode_speech(text, options)) as answer:
            await api.check_type(answer, "application/json", "application/x-ndjson", "text/event-stream")
            async for data in answer.lines():
                pcm, words = lines.push(data)
                await piece.push(samples.push(pcm), words)
        await piece.push(b"", lines.finish())
