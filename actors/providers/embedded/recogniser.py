"""Speech recognition by PocketSphinx, as an actor."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import ClassVar

from anyio import move_on_after

from ....codecs.pcm import int16_from_bytes
from ....codecs.resample import Resampler
from ....runtime import Actor, Duplex
from ....runtime.thread import ThreadWorker
from ...contracts import Transcribe, Transcript
from ...inference.pocketsphinx import RATE, PocketsphinxEngine, PocketsphinxUtterance
from ...inference.results import Hypothesis

DECODERS = 8
"""Utterances that are heard at the same time; the ninth waits in the mailbox."""


class PocketsphinxRecogniser(Actor):
    """Writes down what is said, in American English; see `troupe.actors.inference.pocketsphinx` for how well.

    PocketSphinx keeps Python's global lock while it works, so this actor belongs in a worker process.
    """

    max_concurrency: ClassVar[int] = DECODERS
    _engine: ThreadWorker[PocketsphinxEngine]

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Load the model, which takes about 0.3 s."""
        async with ThreadWorker.open(
            lambda: PocketsphinxEngine.open(decoders=DECODERS),
            name="pocketsphinx",
            close=PocketsphinxEngine.close,
            capacity=4 * DECODERS,
        ) as self._engine:
            yield

    async def transcribe(self, request: Transcribe, caller: Duplex[Transcript, bytes]) -> None:
        """Hear one utterance; partial transcripts come as the words do."""
        utterance = await self._engine.call(PocketsphinxEngine.start)
        resampler = None if request.rate == RATE else Resampler(request.rate, RATE)
        try:
            async for pcm in caller:
                heard = pcm if resampler is None else resampler.push(int16_from_bytes(pcm)).tobytes()
                hypothesis = await self._engine.call(_push, utterance, heard)
                if hypothesis is not None:
                    await caller.send(Transcript(hypothesis.text))
            if resampler is not None:
                await self._engine.call(_push, utterance, resampler.finish().tobytes())
            final = await self._engine.call(_finish, utterance)
            await caller.send(Transcript(final.text, final=True, words=final.words))
        finally:
            with move_on_after(1, shield=True):  # the decoder goes back to those that wait for one
                await self._engine.call(_abandon, utterance)


def _push(_: PocketsphinxEngine, utterance: PocketsphinxUtterance, pcm: bytes) -> Hypothesis | None:
    return utterance.push(pcm)


def _finish(_: PocketsphinxEngine, utterance: PocketsphinxUtterance) -> Hypothesis:
    return utterance.finish()


def _abandon(_: PocketsphinxEngine, utterance: PocketsphinxUtterance) -> None:
    utterance.abandon()
