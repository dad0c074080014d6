"""Speech synthesis by espeak-ng, as an actor."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import ClassVar

from ....runtime import Actor, Duplex
from ....runtime.thread import ThreadWorker
from ...contracts import ListVoices, Say, Speech, Synthesize, Voice
from ...inference.espeak import SPEEDS, EspeakEngine
from ...inference.results import SpeechChunk

CALLS = 256
"""Calls that are open at the same time; their pieces of text are spoken one after the other."""
AHEAD = 256
"""Chunks of 100 ms that a piece may be ahead of its listener, so that a paced one does not hold up the others."""


class EspeakSynthesizer(Actor):
    """Speaks about a hundred languages, like a robot, many times faster than real time.

    espeak-ng is licensed under the GPL 3.0 and keeps global state: this actor belongs in a worker process of its own.
    """

    max_concurrency: ClassVar[int] = CALLS
    _engine: ThreadWorker[EspeakEngine]

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Load the library."""
        async with ThreadWorker.open(
            EspeakEngine.open, name="espeak", close=EspeakEngine.close, capacity=CALLS
        ) as self._engine:
            yield

    async def voices(self, request: ListVoices) -> tuple[Voice, ...]:
        """Return the voices, one per language or accent."""
        return tuple(await self._engine.call(EspeakEngine.voices))

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        """Speak each piece as it comes."""
        voice = request.voice or request.language or "en-us"

        def speak(engine: EspeakEngine, text: str) -> Iterator[SpeechChunk]:
            return engine.synthesize(text, voice=voice, speed=min(max(request.speed, SPEEDS[0]), SPEEDS[1]))

        rate, number = await self._engine.call(_rate), 0
        async for piece in caller:
            async with self._engine.stream(speak, piece.text, buffer=AHEAD) as chunks:
                async for chunk in chunks:
                    await caller.send(Speech(number, chunk.pcm, chunk.rate, chunk.words))
            await caller.send(Speech(number, b"", rate, last=True))
            number += 1


def _rate(engine: EspeakEngine) -> int:
    return engine.rate
