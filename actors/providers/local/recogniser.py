"""Speech recognition on this machine, as an actor."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import ClassVar, Final

from anyio import move_on_after

from ....codecs.pcm import int16_from_bytes
from ....codecs.resample import Resampler
from ....runtime import Actor, Duplex
from ....runtime.thread import ThreadWorker
from ...contracts import Transcribe, Transcript
from ...inference.engines import SpeechToText, Utterance, open_recogniser
from ...inference.results import Hypothesis

DECODERS: Final = 8
"""Utterances that are heard at the same time; the next one waits in the mailbox."""


class LocalRecogniser(Actor):
    """Writes down what is said, by an engine of the catalogue; partial transcripts come as the words do.

    PocketSphinx keeps Python's global lock while it works, so with that engine this actor belongs in a worker process.

    Args:
        engine: Its name.
        decoders: Utterances that are heard at the same time; each may take the memory of a model.
    """

    max_concurrency: ClassVar[int] = DECODERS
    _engine: ThreadWorker[SpeechToText]

    def __init__(self, engine: str, decoders: int = DECODERS) -> None:
        self._name = engine
        self._decoders = decoders

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Load the model: 0.3 s for PocketSphinx, a second or more for larger ones."""
        async with ThreadWorker.open(
            partial(open_recogniser, self._name, self._decoders),
            name=self._name,
            close=_close,
            capacity=4 * self._decoders,
        ) as self._engine:
            yield

    async def transcribe(self, request: Transcribe, caller: Duplex[Transcript, bytes]) -> None:
        """Hear one utterance."""
        rate = await self._engine.call(_rate)
        resampler = None if request.rate == rate else Resampler(request.rate, rate)
        utterance = await self._engine.call(_start)
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


def _close(engine: SpeechToText) -> None:
    engine.close()


def _rate(engine: SpeechToText) -> int:
    return engine.rate


def _start(engine: SpeechToText) -> Utterance:
    return engine.start()


def _push(_: SpeechToText, utterance: Utterance, pcm: bytes) -> Hypothesis | None:
    return utterance.push(pcm)


def _finish(_: SpeechToText, utterance: Utterance) -> Hypothesis:
    return utterance.finish()


def _abandon(_: SpeechToText, utterance: Utterance) -> None:
    utterance.abandon()
