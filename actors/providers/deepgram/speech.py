"""Speech over HTTP, as an actor: each piece of text is a request."""

from functools import partial
from typing import ClassVar

from ....runtime import Actor, Duplex
from ...contracts import GetUsage, ListModels, ListVoices, Model, Say, Speech, Synthesize, Usage, Voice
from ...errors import RequestTooLong
from ...http import HttpClient
from ...samples import RawSamples
from ...synthesis import Piece, speak_each
from ...usage import Meter
from .endpoint import DeepgramApi, DeepgramEndpoint
from .wire.speak import LONGEST, SpeakOptions, encode_text, speak_query


class DeepgramSpeech(Actor):
    """Speaks texts of up to 2000 characters.

    Args:
        http: The pool of connections.
        endpoint: Where the API is.
        options: How to speak.
    """

    max_concurrency: ClassVar[int] = 64

    def __init__(self, http: HttpClient, endpoint: DeepgramEndpoint, options: SpeakOptions) -> None:
        self._api = DeepgramApi(http, endpoint)
        self._options = options
        self._meter = Meter()

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        """Speak the pieces in their order. Cancelling closes the requests that are under way."""
        path = f"/v1/speak?{speak_query(self._options, request, self._api.provider, streamed=False)}"
        await speak_each(caller, self._options.rate, partial(self._speak, path), self._meter, self._api.provider)

    async def _speak(self, path: str, text: str, piece: Piece) -> None:
        if len(text) > LONGEST:
            raise RequestTooLong(self._api.provider, f"more than {LONGEST} characters in a piece")
        samples = RawSamples()
        async with self._api.post(path, encode_text(text)) as answer:
            await self._api.check_type(answer, "audio/", "application/octet-stream")
            async for chunk in answer.chunks():
                await piece.push(samples.push(chunk))

    async def voices(self, request: ListVoices) -> tuple[Voice, ...]:
        """Return the voices that there are."""
        return await self._api.voices()

    async def models(self, request: ListModels) -> tuple[Model, ...]:
        """Return the models that there are."""
        return await self._api.models()

    def usage(self, request: GetUsage) -> Usage:
        """Return what was used so far."""
        return self._meter.usage
