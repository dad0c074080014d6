"""Speech, as an actor: each piece of text is a request, and the next one is under way while one is being played."""

from functools import partial

from ....runtime import Duplex
from ...contracts import ListVoices, Say, Speech, Synthesize, Voice
from ...errors import BrokenStream
from ...http import HttpAnswer, HttpClient
from ...provider import SpeakingActor
from ...samples import Samples
from ...synthesis import Piece, speak_each
from .api import OpenAiApi
from .endpoint import Endpoint
from .wire.speech import SpeechOptions, decode_speech_event, encode_speech, samples


class OpenAiSpeech(SpeakingActor[OpenAiApi]):
    """Speaks texts.

    Args:
        http: The pool of connections.
        endpoint: Where the API is.
        options: How to speak.
    """

    def __init__(self, http: HttpClient, endpoint: Endpoint, options: SpeechOptions) -> None:
        super().__init__(OpenAiApi(http, endpoint))
        self._options = options
        self._lists_voices = endpoint.dialect.voices

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        """Speak the pieces in their order. Cancelling closes the requests that are under way."""
        api = self._api.of(request.model or self._options.model)
        speak = partial(self._speak, api, request)
        await speak_each(caller, self._options.rate, speak, api.meter, api.provider)

    async def _speak(self, api: OpenAiApi, request: Synthesize, text: str, piece: Piece) -> None:
        provider = api.provider
        body = encode_speech(
            text, self._options, provider=provider, model=request.model, voice=request.voice, speed=request.speed
        )
        whole = samples(self._options, provider)
        async with api.post("/audio/speech", body) as answer:
            if self._options.streamed == "events":
                await api.check_type(answer, "text/event-stream")
                await self._read_events(api, answer, piece, whole)
            else:
                await api.check_type(answer, "audio/", "application/octet-stream")
                async for chunk in answer.chunks():
                    await piece.push(whole.push(chunk))
            await piece.push(whole.finish())

    async def _read_events(self, api: OpenAiApi, answer: HttpAnswer, piece: Piece, whole: Samples) -> None:
        async for event in answer.events():
            news = decode_speech_event(event.data, api.provider)
            await piece.push(whole.push(news.more))
            if news.last:
                api.meter.add(news.tokens)
                await answer.drain()
                return
        raise BrokenStream(api.provider, "the stream ended before the speech did")

    async def voices(self, request: ListVoices) -> tuple[Voice, ...]:
        """Return the voices that the server lists, or those that are known: OpenAI has no list."""
        if self._lists_voices:
            return await super().voices(request)
        return tuple(Voice(name, name.capitalize(), ()) for name in self._options.voices)
