"""Recognisers behind one reference: an utterance that one of them has begun to hear, another one hears again."""

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from anyio import create_task_group
from msgspec.structs import replace

from ...runtime import Duplex
from ...runtime.errors import ChannelBroken
from ..contracts import Transcribe, Transcript
from ..errors import BrokenStream, CannotContinue
from .breaker import DEFAULT_POLICY, BreakerPolicy
from .caller import Speaker
from .chain import Attempt, Provider, called
from .fallback import Fallback
from .patience import Patience
from .watchdog import Watchdog


class RecogniserPatience(Patience, frozen=True, kw_only=True):
    """Seconds that a recogniser may take before another one is asked, and of audio that is kept for that one."""

    accept: float = 2.0
    """To take the next chunk of audio, when its buffer is full."""
    final: float = 3.0
    """From the end of the audio to the final transcript."""
    keep: float = 60.0
    """Seconds of audio; a longer utterance fails together with its recogniser."""


DEFAULT_PATIENCE: Final = RecogniserPatience()
SHORT: Final = 5.0
"""Seconds of an utterance that is as long as most; ..."""
EACH_SECOND: Final = 0.1
"""... and what each further one may take: there are recognisers that begin to work when all has been said."""


class FallbackRecogniser(Fallback):
    """Answers `Transcribe` with the first recogniser that does.

    The audio of the utterance is kept, in the chunks in which it came, until its transcript is final. If the recogniser
    fails, the next one gets all of it, as fast as it takes it. Its partial transcripts are passed on from where they
    have caught up with those that the caller has seen; the final one comes once.
    """

    def __init__(
        self,
        providers: Sequence[Provider],
        patience: RecogniserPatience = DEFAULT_PATIENCE,
        policy: BreakerPolicy = DEFAULT_POLICY,
    ) -> None:
        super().__init__(providers, policy)
        self._patience = patience

    async def transcribe(self, request: Transcribe, caller: Duplex[Transcript, bytes]) -> None:
        """Write one utterance down, whoever does it.

        Raises:
            ProviderError: None of them could.
        """
        utterance = _Utterance(request, Speaker(caller), self._patience)
        await self._chain.call(utterance.hear, lambda: utterance.is_final)


class _Utterance:
    """One utterance, as far as it has come in, and what the caller knows of it."""

    def __init__(self, request: Transcribe, caller: Speaker[Transcript, bytes], patience: RecogniserPatience) -> None:
        self.is_final = False
        self._request = request
        self._caller = caller
        self._patience = patience
        self._kept: list[bytes] = []
        self._room = round(patience.keep * request.rate) * 2  # bytes
        self._complete = False
        self._asked = 0.0  # when the present recogniser was told that this is all
        self._shown = 0  # of the transcript that the caller has seen last, in characters

    async def hear(self, attempt: Attempt) -> None:
        """Have one recogniser hear all of it."""
        if self._room < 0:
            raise CannotContinue(attempt.path, f"the utterance is longer than {self._patience.keep:g} s")
        request = replace(self._request, model=called(attempt.provider.models, self._request.model))
        with attempt.watchdog() as dog:
            dog.expect(self._patience.alone if attempt.alone else self._patience.accept)
            async with attempt.ref.open(request, timeout=math.inf) as recogniser:
                dog.expect(math.inf)
                async with create_task_group() as tasks:
                    tasks.start_soon(self._feed, recogniser, attempt, dog)
                    await self._read(recogniser, attempt, dog)
                    tasks.cancel_scope.cancel()
                await dog.see_off(recogniser)

    async def _feed(self, recogniser: Duplex[bytes, Transcript], attempt: Attempt, dog: Watchdog) -> None:
        """Send all that was heard before, then what comes in."""
        accept = self._patience.alone if attempt.alone else self._patience.accept

        async def send(audio: bytes) -> None:
            dog.expect(accept)
            await recogniser.send(audio)
            dog.expect(math.inf)

        with suppress(ChannelBroken):  # the recogniser is gone, and whoever reads from it hears why
            for kept in tuple(self._kept):
                await send(kept)
            while (audio := await self._listen()) is not None:
                await send(audio)
            recogniser.finish()
            self._asked = attempt.now()
            dog.expect(self._final(attempt))

    def _final(self, attempt: Attempt) -> float:
        """Return the seconds that the final transcript may take: of a long utterance, more than is usual."""
        seconds = self._patience.keep - self._room / (2 * self._request.rate)
        usual, most = attempt.first(self._patience.final, self._patience), self._patience.final
        return max(usual, min(most, usual + EACH_SECOND * max(seconds - SHORT, 0.0)))

    async def _listen(self) -> bytes | None:
        """Return the next audio of the caller, kept for the next recogniser; None if that was all."""
        audio = None if self._complete else await self._caller.take()
        if audio is None:
            self._complete = True
            return None
        self._room -= len(audio)
        if self._room >= 0:
            self._kept.append(audio)
        else:
            self._kept.clear()
        return audio

    async def _read(self, recogniser: Duplex[bytes, Transcript], attempt: Attempt, dog: Watchdog) -> None:
        """Give the transcripts, up to the final one."""
        caught_up = False
        async for transcript in attempt.waits(recogniser, dog):
            await attempt.answered()
            caught_up = caught_up or transcript.final or len(transcript.text) >= self._shown
            if caught_up:
                self._shown = len(transcript.text)
                await self._caller.give(transcript, dog)
            if transcript.final:
                if self._complete:
                    attempt.took(attempt.now() - self._asked)
                self.is_final = True
                return
        raise BrokenStream(attempt.path, "it ended without a final transcript")
