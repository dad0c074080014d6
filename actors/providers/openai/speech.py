"""Speech, as an actor: each piece of text is a request, and the next one is under way while one is being played."""

from typing import ClassVar, Final

from anyio import create_task_group
from anyio.abc import TaskGroup

from ....runtime import Actor, Channel, Duplex
from ...contracts import GetUsage, ListModels, ListVoices, Model, Say, Speech, Synthesize, Usage, Voice
from ...errors import BrokenStream, ProviderError
from ...http import HttpAnswer, HttpClient
from ...usage import Meter
from .api import OpenAiApi
from .endpoint import Endpoint
from .wire.speech import Samples, SpeechOptions, decode_speech_event, encode_speech, samples

AHEAD: Final = 1
"""Pieces that are asked for while another one is being sent to the caller."""
WAITING: Final = 32
"""Chunks of audio that a piece may hold for its turn; then its request waits, and the provider with it."""


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
        pieces: Channel[Channel[bytes]] = Channel(AHEAD)
        failure: ProviderError | None = None
        async with create_task_group() as tasks:
            tasks.start_soon(self._begin_pieces, request, caller, pieces, tasks)
            try:
                number = 0
                async for piece in pieces:
                    async for pcm in piece:
                        await caller.send(Speech(number, pcm, self._options.rate))
                    await caller.send(Speech(number, b"", self._options.rate, last=True))
                    number += 1
            except ProviderError as error:  # carried out of the group by hand, so that it comes out as it is
                failure = error
                tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _begin_pieces(
        self, request: Synthesize, caller: Duplex[Speech, Say], pieces: Channel[Channel[bytes]], tasks: TaskGroup
    ) -> None:
        """Ask for each piece as soon as there is a place for it in the line."""
        async for say in caller:
            audio: Channel[bytes] = Channel(WAITING)
            await pieces.send(audio)
            tasks.start_soon(self._fetch, say.text, request, audio)
        pieces.close()

    async def _fetch(self, text: str, request: Synthesize, audio: Channel[bytes]) -> None:
        """Have one piece spoken; the channel ends with it, or with its error."""
        try:
            with self._meter.call():
                await self._speak(text, request, audio)
        except ProviderError as error:
            audio.close(error)
        audio.close()

    async def _speak(self, text: str, request: Synthesize, audio: Channel[bytes]) -> None:
        provider = self._api.provider
        body = encode_speech(
            text, self._options, provider=provider, model=request.model, voice=request.voice, speed=request.speed
        )
        piece = _Piece(samples(self._options, provider), audio)
        async with self._api.post("/audio/speech", body) as answer:
            if self._options.streamed == "events":
                await self._api.check_type(answer, "text/event-stream")
                await self._read_events(answer, piece)
            else:
                await self._api.check_type(answer, "audio/", "application/octet-stream")
                async for chunk in answer.chunks():
                    await piece.push(chunk)
            await piece.finish()
        if not piece.size:
            raise BrokenStream(provider, "there was no audio in the answer")
        self._meter.add(Usage(characters=len(text), seconds=piece.size / (2 * self._options.rate)))

    async def _read_events(self, answer: HttpAnswer, piece: "_Piece") -> None:
        async for event in answer.events():
            news = decode_speech_event(event.data, self._api.provider)
            await piece.push(news.more)
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


class _Piece:
    """The audio of one piece on its way: bytes in, samples out into the channel."""

    def __init__(self, samples: Samples, audio: Channel[bytes]) -> None:
        self.size = 0
        """Bytes of samples so far."""
        self._samples = samples
        self._audio = audio

    async def push(self, data: bytes) -> None:
        await self._pass_on(self._samples.push(data))

    async def finish(self) -> None:
        await self._pass_on(self._samples.finish())

    async def _pass_on(self, pcm: bytes) -> None:
        if pcm:
            self.size += len(pcm)
            await self._audio.send(pcm)
