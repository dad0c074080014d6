"""Synthesizers behind one reference: where one voice breaks off, another one goes on with the next word."""

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from anyio import create_task_group
from msgspec.structs import replace

from ...runtime import Duplex
from ...runtime.errors import ChannelBroken
from ..contracts import Say, Speech, Synthesize
from ..errors import BrokenStream, ModelNotFound
from .breaker import DEFAULT_POLICY, BreakerPolicy
from .caller import Speaker
from .chain import Attempt, Provider, called
from .fallback import Fallback
from .patience import Patience
from .recital import Recital, Restraint
from .watchdog import FAREWELL, Watchdog


class SynthesizerPatience(Patience, frozen=True, kw_only=True):
    """Seconds that a synthesizer may take before another one is asked."""

    first_audio: float = 2.0
    """From a piece of text to its first audio."""
    between_chunks: float = 2.0
    """From each chunk of a piece to the next."""


DEFAULT_PATIENCE: Final = SynthesizerPatience()
IN_HAND: Final = 0.3
"""Seconds of audio with which a caller has enough to play, until more is given."""
MOST_VOICES: Final = 256
"""Names of voices that are remembered to be unknown somewhere; clients may send any."""


class FallbackSynthesizer(Fallback):
    """Answers `Synthesize` with the first synthesizer that does.

    If it fails, the next one goes on in the middle of the piece (see `Recital`), in the voice that the provider's table
    of voices names, and at the rate with which the call began. A piece with words in it for which a synthesizer gives
    no audio at all, or too little for anybody to have said them, counts as a failure: that is how some say that there
    is no credit left.

    Audio that might hold the end of a word that is not known to be spoken is kept back, where another synthesizer could
    have to go on; one that tells of no words is given on while the caller has nothing else to play, and else piece by
    piece.

    Names of voices differ from one synthesizer to the next. One that has no such voice (`ModelNotFound`) is asked for
    the name that its table was given, if that is another one, and then speaks in its own; both are remembered.
    """

    def __init__(
        self,
        providers: Sequence[Provider],
        patience: SynthesizerPatience = DEFAULT_PATIENCE,
        policy: BreakerPolicy = DEFAULT_POLICY,
    ) -> None:
        super().__init__(providers, policy)
        self._patience = patience
        self._unknown: dict[tuple[str, str], None] = {}
        self._tells: dict[tuple[str, str], bool] = {}

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        """Speak each piece as it comes, whoever does it.

        Raises:
            ProviderError: None of them could.
        """
        reading = _Reading(request, Speaker(caller), self._patience, self._unknown, self._tells)
        await self._chain.call(reading.go_on, lambda: reading.recital.done)


class _Reading:
    """One call, as far as the caller has got it."""

    def __init__(
        self,
        request: Synthesize,
        caller: Speaker[Speech, Say],
        patience: SynthesizerPatience,
        unknown: dict[tuple[str, str], None],
        tells: dict[tuple[str, str], bool],
    ) -> None:
        self.recital = Recital(request.speed)
        self._unknown = unknown
        self._tells = tells
        self._request = request
        self._caller = caller
        self._patience = patience
        self._asked: float | None = None  # when the present synthesizer was given its first piece, until it speaks
        self._handed = 0  # pieces that the present synthesizer, or one before, was given
        self._plays_until = 0.0  # when the caller will have played what it was given

    async def go_on(self, attempt: Attempt) -> None:
        """Have one synthesizer speak the pieces, or what is left of them, in the first voice that it has."""
        model = called(attempt.provider.models, self._request.model)
        voice = self._voice(attempt)
        spoken = False
        while not spoken:
            try:
                await self._speak(attempt, replace(self._request, model=model, voice=voice))
                spoken = True
            except* ModelNotFound:
                if not voice or self.recital.begun:  # then it is the model that it does not have
                    raise
                self._note_unknown(attempt.path, voice)
                voice = self._voice(attempt)

    def _note_unknown(self, path: str, voice: str) -> None:
        if len(self._unknown) >= MOST_VOICES:
            del self._unknown[next(iter(self._unknown))]
        self._unknown[path, voice] = None

    def _voice(self, attempt: Attempt) -> str:
        """Return the voice to ask for: by its name at the provider, by the caller's, or none, for its own."""
        asked = self._request.voice
        names = (called(attempt.provider.voices, asked), asked)
        return next((name for name in names if (attempt.path, name) not in self._unknown), "") if names[0] else ""

    async def _speak(self, attempt: Attempt, request: Synthesize) -> None:
        end = self.recital.begin(tells=self._tells.get(attempt.provider.key))
        self._asked = None
        self._handed = self.recital.piece
        with attempt.watchdog() as dog:
            if end is not None:
                await self._caller.give(end, dog)
            if self.recital.done:
                return
            dog.expect(self._first_audio(attempt))
            async with attempt.ref.open(request, timeout=math.inf) as voice:
                dog.expect(math.inf)
                async with create_task_group() as tasks:
                    tasks.start_soon(self._feed, voice, attempt, dog)
                    await self._read(voice, attempt, dog)
                    tasks.cancel_scope.cancel()
                await dog.see_off(voice)

    def _first_audio(self, attempt: Attempt) -> float:
        return attempt.first(self._patience.first_audio, self._patience)

    async def _feed(self, voice: Duplex[Say, Speech], attempt: Attempt, dog: Watchdog) -> None:
        """Hand over the pieces that are left, then those that come in."""
        with suppress(ChannelBroken):  # the synthesizer is gone, and whoever reads from it hears why
            first = self._handed
            while self._handed < self.recital.pieces or await self._listen():
                piece = self._handed
                self._handed += 1
                if piece == first:
                    self._asked = attempt.now()
                if piece == self.recital.piece:
                    dog.expect(self._first_audio(attempt))
                await voice.send(Say(self.recital.text(piece)))
            voice.finish()
            if self.recital.done:
                dog.expect(FAREWELL)

    async def _listen(self) -> bool:
        """Wait for the caller's next piece; return whether there is one."""
        say = None if self.recital.complete else await self._caller.take()
        if say is None:
            self.recital.complete = True
            return False
        self.recital.add(say.text)
        return True

    async def _read(self, voice: Duplex[Say, Speech], attempt: Attempt, dog: Watchdog) -> None:
        """Give what is spoken, up to the end of the last piece."""
        between = attempt.between(self._patience.between_chunks, self._patience)
        async for speech in attempt.waits(voice, dog):
            if self._asked is not None and (speech.pcm or speech.heard):
                attempt.took(attempt.now() - self._asked)
                self._asked = None
            await attempt.answered()
            if self.recital.is_short(speech) and not attempt.alone:
                raise BrokenStream(attempt.path, "it said less than there was to say")
            await self._give(speech, attempt, dog)
            if self._handed == self.recital.piece:
                dog.expect(math.inf)
            elif self.recital.begun:
                dog.expect(between)
            else:
                dog.expect(self._first_audio(attempt))
            if self.recital.done:
                return
        if not self.recital.done:
            raise BrokenStream(attempt.path, "it ended in the middle")

    async def _give(self, speech: Speech, attempt: Attempt, dog: Watchdog) -> None:
        """Give what is spoken, as far as that is safe."""
        taken = self.recital.take(speech, self._restraint(attempt))
        if self.recital.tells is not None:
            self._tells[attempt.provider.key] = self.recital.tells
        if taken is not None:
            self._plays_until = max(self._plays_until, attempt.now()) + len(taken.pcm) / (2 * taken.rate)
            await self._caller.give(taken, dog)

    def _restraint(self, attempt: Attempt) -> Restraint:
        """Return how much is to be kept back, for fear that the synthesizer breaks off."""
        if attempt.alone:
            return Restraint.FREE
        return Restraint.PATIENT if self._plays_until - attempt.now() > IN_HAND else Restraint.EAGER
