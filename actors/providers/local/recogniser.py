"""Speech recognition on this machine, as an actor."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import ClassVar, Final

from anyio import move_on_after

from ....codecs.pcm import int16_from_bytes
from ....codecs.resample import Resampler
from ....runtime import Duplex
from ....runtime.thread import ThreadWorker
from ...accounting import AccountingActor
from ...contracts import Transcribe, Transcript, Usage
from ...inference.engines import SpeechToText, Utterance, open_recogniser
from ...inference.results import Hypothesis
from ...usage import Meter

DECODERS: Final = 8
"""Utterances that are heard at the same time; the next one waits in the mailbox."""


class LocalRecogniser(AccountingActor):
    """Writes down what is said, by an engine of the catalogue; partial transcripts come as the words do.

    PocketSphinx keeps Python's global lock while it works, so with that engine this actor belongs in a worker process.

    Args:
        engine: Its name.
        decoders: Utterances that are heard at the same time; each may take the memory of a model.
    """

    max_concurrency: ClassVar[int] = DECODERS
    _engine: ThreadWorker[SpeechToText]

    def __init__(self, engine: str, decoders: int = DECODERS) -> None:
        super().__init__()
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
        meter = self._meters.of(request.model or self._name)
        with meter.call():
            await self._hear(request, caller, meter)

    async def _hear(self, request: Transcribe, caller: Duplex[Transcript, bytes], meter: Meter) -> None:
        rate = await self._engine.call(_rate)
        resampler = None if request.rate == rate else Resampler(request.rate, rate)
        utterance, size = await self._engine.call(_start), 0
        try:
            async for pcm in caller:
                size += len(pcm)
                heard = pcm if resampler is None else resampler.push(int16_from_bytes(pcm)).tobytes()
                hypothesis = await self._engine.call(_push, utterance, heard)
                if hypothesis is not None:
                    await caller.send(Transcript(hypothesis.text))
            if resampler is not None:
                await self._engine.call(_push, utterance, resampler.finish().tobytes())
            final = await self._engine.call(_finish, utterance)
            await caller.send(Transcript(final.text, final=True, words=final.words))
        finally:
            meter.add(Usage(seconds=size / (2 * request.rate)))
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
