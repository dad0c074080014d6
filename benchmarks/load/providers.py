"""Providers that answer at once, so that what a benchmark measures is the framework between them."""

from typing import ClassVar, Final

import numpy as np
from troupe.actors.contracts import (
    Ended,
    Generate,
    GenerationEvent,
    Say,
    Speech,
    Synthesize,
    TextDelta,
    Transcribe,
    Transcript,
)
from troupe.runtime import Actor, Duplex, Sender

RATE: Final = 24_000
CHUNK: Final = RATE // 50
"""Samples of 20 ms."""
SENTENCE: Final = "This is one of many sentences that an answer may have. "


class InstantModel(Actor):
    """Writes as many sentences as it is told to, a word a token, as fast as they are taken.

    Args:
        sentences: How many.
    """

    max_concurrency: ClassVar[int] = 10_000

    def __init__(self, sentences: int) -> None:
        self._tokens = [f"{word} " for word in SENTENCE.split()] * sentences

    async def generate(self, request: Generate, replies: Sender[GenerationEvent]) -> None:
        for token in self._tokens:
            await replies.send(TextDelta(token))
        await replies.send(Ended("stop", 10, len(self._tokens)))


class InstantSynthesizer(Actor):
    """Speaks each piece in chunks of 20 ms of noise, 50 ms for each character, as fast as they are taken."""

    max_concurrency: ClassVar[int] = 10_000

    def __init__(self) -> None:
        noise = np.random.default_rng(1).integers(-3000, 3000, CHUNK, dtype=np.int16)
        self._chunk = noise.tobytes()

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        number = 0
        async for piece in caller:
            chunks = max(1, len(piece.text) * 5 // 2)
            for index in range(chunks):
                await caller.send(Speech(number, self._chunk, RATE, last=index == chunks - 1))
            number += 1


class InstantRecogniser(Actor):
    """Hears all audio and knows at once what was said."""

    max_concurrency: ClassVar[int] = 10_000

    async def transcribe(self, request: Transcribe, caller: Duplex[Transcript, bytes]) -> None:
        async for _ in caller:
            pass
        await caller.send(Transcript("What is it that you want to tell me?", final=True))
