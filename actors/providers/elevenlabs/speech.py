"""Speech over HTTP, as an actor: each piece of text is a request."""

from functools import partial
from typing import ClassVar

from ....runtime import Actor, Duplex
from ...contracts import GetUsage, ListModels, ListVoices, Model, Say, Speech, Synthesize, Usage, Voice
from ...http import HttpClient
from ...samples import RawSamples
from ...synthesis import Piece, speak_each
from ...usage import Meter
from .endpoint import ElevenLabsApi, ElevenLabsEndpoint
from .wire.speech import SpeechLines, SpeechOptions, encode_speech, http_path, wished


class ElevenLabsSpeech(Actor):
    """Speaks texts, with the times of words; it has all models, and those that take longer.

    Args:
        http: The pool of connections.
        endpoint: Where the API is.
        options: How to speak.
    """

    max_concurrency: ClassVar[int] = 64

    def __init__(self, http: HttpClient, endpoint: ElevenLabsEndpoint, options: SpeechOptions) -> None:
        self._api = ElevenLabsApi(http, endpoint)
        self._options = options
        self._meter = Meter()

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        """Speak the pieces in their order. Cancelling closes the requests that are under way."""
        options = wished(self._options, request, self._api.provider)
        await speak_each(caller, options.rate, partial(self._speak, options), self._meter, self._api.provider)

    async def _speak(self, options: SpeechOptions, text: str, piece: Piece) -> None:
        samples, lines = RawSamples(), SpeechLines(self._api.provider, options.rate)
        async with self._api.post(http_path(options), encode_speech(text, options)) as answer:
            await self._api.check_type(answer, "application/json", "application/x-ndjson", "text/event-stream")
            async for data in answer.lines():
                pcm, words = lines.push(data)
                await piece.push(samples.push(pcm), words)
        await piece.push(b"", lines.finish())

    async def voices(self, request: ListVoices) -> tuple[Voice, ...]:
        """Return the voices of the account."""
        return await self._api.voices()

    async def models(self, request: ListModels) -> tuple[Model, ...]:
        """Return the models that there are."""
        return await self._api.models()

    def usage(self, request: GetUsage) -> Usage:
        """Return what was used so far."""
        return self._meter.usage
