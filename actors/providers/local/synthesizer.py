"""Speech synthesis on this machine, as an actor."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import ClassVar, Final

from ....runtime import Duplex
from ....runtime.thread import ThreadWorker
from ...accounting import AccountingActor
from ...contracts import ListVoices, Say, Speech, Synthesize, Usage, Voice
from ...errors import ModelNotFound
from ...inference.engines import TextToSpeech, open_synthesizer
from ...inference.errors import UnknownVoice
from ...inference.results import SpeechChunk
from ...usage import Meter

CALLS: Final = 256
"""Calls that are open at the same time; their pieces of text are spoken one after the other."""
AHEAD: Final = 256
"""Chunks that a piece may be ahead of its listener, so that a paced one does not hold up the others."""


class LocalSynthesizer(AccountingActor):
    """Speaks by an engine of the catalogue, many times faster than real time, one piece of text after the other.

    All engines have espeak-ng in them, which is licensed under the GPL 3.0 and keeps global state: this actor belongs
    in a worker process of its own.

    Args:
        engine: Its name.
        voice: For requests that name neither voice nor language; the engine's usual one if empty.
    """

    max_concurrency: ClassVar[int] = CALLS
    _engine: ThreadWorker[TextToSpeech]

    def __init__(self, engine: str, voice: str = "") -> None:
        super().__init__()
        self._name = engine
        self._voice = voice

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Load the library and the model."""
        async with ThreadWorker.open(
            partial(open_synthesizer, self._name), name=self._name, close=_close, capacity=CALLS
        ) as self._engine:
            yield

    async def voices(self, request: ListVoices) -> tuple[Voice, ...]:
        """Return the voices that the engine has."""
        return await self._engine.call(_voices)

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        """Speak each piece as it comes.

        Raises:
            ModelNotFound: There is no such voice.
        """
        meter = self._meters.of(request.model or self._name)
        with meter.call():
            await self._say(request, caller, meter)

    async def _say(self, request: Synthesize, caller: Duplex[Speech, Say], meter: Meter) -> None:
        voice = request.voice or await self._engine.call(_speaker, request.language, self._voice)
        rate, number = await self._engine.call(_rate), 0
        try:
            async for piece in caller:
                speak = partial(_speak, text=piece.text, voice=voice, speed=request.speed)
                size = 0
                async with self._engine.stream(speak, buffer=AHEAD) as chunks:
                    async for chunk in chunks:
                        await caller.send(Speech(number, chunk.pcm, chunk.rate, chunk.words))
                        size += len(chunk.pcm)
                await caller.send(Speech(number, b"", rate, last=True))
                number += 1
                meter.add(Usage(characters=len(piece.text), seconds=size / (2 * rate)))
        except UnknownVoice as error:
            raise ModelNotFound(self._name, "there is no such voice") from error


def _close(engine: TextToSpeech) -> None:
    engine.close()


def _rate(engine: TextToSpeech) -> int:
    return engine.rate


def _voices(engine: TextToSpeech) -> tuple[Voice, ...]:
    return tuple(engine.voices())


def _speaker(engine: TextToSpeech, language: str | None, voice: str) -> str:
    """Return the voice for somebody who names none: in the language, if there is one that speaks it."""
    usual = voice or engine.usual_voice
    if not language:
        return usual
    able = [each.id for each in engine.voices() if _speaks(each, language)]
    return usual if usual in able or not able else able[0]


def _speaks(voice: Voice, language: str) -> bool:
    return any(each == language or each.startswith(f"{language}-") for each in voice.languages)


def _speak(engine: TextToSpeech, *, text: str, voice: str, speed: float) -> Iterator[SpeechChunk]:
    least, greatest = engine.speeds
    return engine.synthesize(text, voice=voice, speed=min(max(speed, least), greatest))
