"""Speech, as an actor: each piece of text is a request, and the next one is under way while one is being played."""

from functools import partial
from typing import ClassVar

from ....runtime import Actor, Duplex
from ...contracts import GetUsage, ListModels, ListVoices, Model, Say, Speech, Synthesize, Usage, Voice
from ...errors import BrokenStream
from ...http import HttpAnswer, HttpClient
from ...samples import Samples
from ...synthesis import Piece, speak_each
from ...usage import Meter
from .api import OpenAiApi
from .endpoint import Endpoint
from .wire.speech import SpeechOptions, decode_speech_event, encode_speech, samples


class OpenAiSpeech(Actor):
    """Speaks texts.

    Args:
        http: The pool of connections.
        endpoint: Where the API is.
        options: How to speak.
    """

    max_concurrency: ClassVar[int] = 64

    def __init__(self, http: HttpClient, endpoint: Endpoint, options: SpeechOptions) -> None:
        self._api = OpenAiApi(http, endpoint)
        self._options = options
        self._meter = Meter()

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        """Speak the pieces in their order. Cancelling closes the requests that are under way."""
        speak = partial(self._speak, request)
        await speak_each(caller, self._options.rate, speak, self._meter, self._api.provider)

    async def _speak(self, request: Synthesize, text: str, piece: Piece) -> None:
        provider = self._api.provider
        body = encode_speech(
            text, self._options, provider=provider, model=request.model, voice=request.voice, speed=request.speed
        )
        whole = samples(self._options, provider)
        async with self._api.post("/audio/speech", body) as answer:
            if self._options.streamed == "events":
                await self._api.check_type(answer, "text/event-stream")
                await self._read_events(answer, piece, whole)
            else:
                await self._api.check_type(answer, "audio/", "application/octet-stream")
                async for chunk in answer.chunks():
                    await piece.push(whole.push(chunk))
            await piece.push(whole.finish())

    async def _read_events(self, answer: HttpAnswer, piece: Piece, whole: Samples) -> None:
        async for event in answer.events():
            news = decode_speech_event(event.data, self._api.provider)
            await piece.push(whole.push(news.more))
            if news.last:
                self._meter.add(news.tokens)
                await answer.drain()
                return
        raise BrokenStream(self._api.provider, "the stream ended before the speech did")

    def voices(self, request: ListVoices) -> tuple[Voice, ...]:
        """Return the voices that are known; the API has no list of them."""
        return tuple(Voice(name, name.capitalize(), ()) for name in self._options.voices)

    async def models(self, request: ListModels) -> tuple[Model, ...]:
        """Return the models that the endpoint has."""
        return await self._api.models()

    def usage(self, request: GetUsage) -> Usage:
        """Return what was used so far."""
        return self._meter.usage
