"""What of a text has been spoken, piece by piece, and what is left for another voice. No I/O.

No word may be heard twice, and none may be lost. So where another voice could have to go on, audio is not given while
it might hold the end of a word that is not known to be spoken: it is kept back until its words are told, up to the end
of the last one. A word that broke off before its end can be said again; it is not heard twice.
"""

import re
from enum import Enum
from typing import Final

import numpy as np
from msgspec.structs import replace

from ...codecs.markup import UNSPACED
from ...codecs.pcm import int16_from_bytes
from ...codecs.playback import PlaybackClock
from ...codecs.resample import Resampler
from ...codecs.speakable import Piece, speech_weight
from ..contracts import Speech, Word
from ..synthesis import TAIL

CAUTION: Final = 0.9
"""How much of the audio counts where no word times say what it speaks: a word said twice is a stumble, but one that is
lost may be the "not"."""
BRIEFEST: Final = 0.03
"""Seconds that a letter takes at least, over a whole piece: half of what is common."""
LETTER: Final = 0.045
"""Seconds that each letter of one word takes at least, ..."""
SWALLOWED: Final = 0.06
"""... less these: 0.08 s for "the", 0.2 s for "letter", which is 1.7 times as fast as is common."""
UNTOLD: Final = {None: 1.0, True: 3.0, False: 0.0}
"""Seconds of audio in which no word was told after which the rest is given as it comes, if the caller has nothing else
to play; by whether the voice is known to tell of its words."""

_WORD: Final = re.compile(rf"\W*([{UNSPACED}]|[^\W{UNSPACED}]+)")


class Restraint(Enum):
    """How much of the audio is kept back, for fear that the voice breaks off."""

    FREE = "nothing: nobody could go on"
    EAGER = "what might hold the end of a word: the caller has nothing left to play"
    PATIENT = "all that is not known to be whole words: the caller has enough to play"


class Recital:
    """Pieces of text that several voices, one after the other, turn into one stream of `Speech`.

    `add` what is to be spoken. When a voice begins, or another one takes over, call `begin`; then give it the `text` of
    each piece from `piece` on, and pass what it says through `take`. A piece in which a voice broke off is resumed at
    the word after the last one that was spoken to its end. What was given stays given: a word that broke off in the
    middle is said again.

    Args:
        speed: how much faster than usual the voices are asked to speak.

    Attributes:
        piece: the number of the piece under way, or of the next one.
        pieces: how many have been added.
        complete: whether these are all.
        rate: of the audio, in Hz: that of the first voice; 0 before it has said anything.
        tells: whether the present voice tells when it speaks which word; None while that is not known.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self.piece = 0
        self.complete = False
        self.rate = 0
        self.tells: bool | None = None
        self._speed = max(speed, 1.0)
        self._texts: list[str] = []
        self._earlier = 0  # samples of the piece under way that earlier voices have given
        # the present voice
        self._first = 0  # its first piece
        self._left = ""  # what it has to say of that piece, where others have begun it
        self._came = 0  # samples of the piece under way that have come from it, ...
        self._given = 0  # ... and those that were given on; ...
        self._kept = bytearray()  # ... the others, ...
        self._untold: list[Word] = []  # ... and the words in them
        self._timed = False  # whether it has given word times for that piece
        self._resampler: Resampler | None = None
        self._clock: PlaybackClock | None = None
        self._clocked = -1  # the piece that the clock is at, ...
        self._source = range(0)  # ... its text in the text that the clock knows, ...
        self._sent = 0  # ... and where its audio begins

    @property
    def pieces(self) -> int:
        """How many pieces there are so far."""
        return len(self._texts)

    @property
    def done(self) -> bool:
        """Whether all has been spoken."""
        return self.complete and self.piece == len(self._texts)

    @property
    def begun(self) -> bool:
        """Whether audio of the piece under way has come from the present voice."""
        return self._came > 0

    def add(self, text: str) -> None:
        """Add a piece."""
        self._texts.append(text)

    def text(self, piece: int) -> str:
        """Return what the present voice has to say of a piece."""
        return self._left if self._left and piece == self._first else self._texts[piece]

    def begin(self, *, tells: bool | None = None) -> Speech | None:
        """Another voice begins; return the end of the piece under way, if all its words have been spoken.

        Args:
            tells: whether it is known to tell when it speaks which word.
        """
        if self._came:
            self._left = self.text(self.piece)[self._spoken() :].lstrip()
            self._earlier += self._given
        self._first = self.piece
        self.tells = tells
        self._forget()
        self._resampler, self._clock, self._clocked, self._source = None, None, -1, range(0)
        if self._earlier and not _has_letters(self._left):
            end = Speech(self.piece, b"", self.rate, last=True)
            self._next_piece()
            self._first = self.piece
            return end
        return None

    def take(self, speech: Speech, restraint: Restraint = Restraint.FREE) -> Speech | None:
        """Take what the present voice says; return what the caller gets: its numbers, its rate, its times.

        Args:
            speech: of the piece that is next.
            restraint: how much is kept back for now. At the end of a piece, nothing is.

        Returns:
            None where nothing is to be given yet.

        Raises:
            ValueError: The voice speaks a piece that it was not given, or not yet.
        """
        if self._first + speech.piece != self.piece or self.piece >= len(self._texts):
            raise ValueError("the voice speaks another piece than the one that is next")
        self.rate = self.rate or speech.rate
        self._follow(speech)
        self._take_words(speech)
        self._given += round(speech.heard * self.rate)  # it can't be kept back
        self._kept += self._at_rate(speech)
        self._came = self._given + len(self._kept) // 2
        restraint = Restraint.FREE if speech.last or speech.heard else restraint
        due = max(self._due(speech.rate, restraint), self._given)
        size = 2 * (due - self._given)
        pcm, self._given = bytes(self._kept[:size]), due
        del self._kept[:size]
        words = self._told(restraint)
        taken = Speech(self.piece, pcm, self.rate, words, speech.last, speech.heard)
        if speech.last:
            if _has_letters(self.text(self.piece)):
                self.tells = self._timed
            self._next_piece()
        return taken if pcm or words or speech.last or restraint is Restraint.FREE else None

    def is_short(self, speech: Speech) -> bool:
        """Whether a piece would end with this, and nobody can have said all its words in so little audio."""
        if not speech.last or self.piece >= self.pieces or (self._earlier and not self._left):
            return False
        letters = "".join(filter(str.isalnum, self.text(self.piece)))
        came = (self._came / self.rate if self._came else 0.0) + len(speech.pcm) / (2 * speech.rate)
        return came + speech.heard < BRIEFEST * speech_weight(letters) / self._speed

    def _next_piece(self) -> None:
        self.piece += 1
        self._earlier = 0
        self._left = ""
        self._forget()

    def _forget(self) -> None:
        """Drop what the present voice has said of the piece under way, and was not given."""
        self._came = self._given = 0
        self._kept, self._untold = bytearray(), []
        self._timed = False

    def _take_words(self, speech: Speech) -> None:
        shift = self._earlier / self.rate
        if speech.words:
            self._timed = self.tells = True
        if not shift:
            self._untold += speech.words
        else:
            self._untold += (
                Word(word.text, word.start + shift, word.end + shift, word.confidence) for word in speech.words
            )

    def _told(self, restraint: Restraint) -> tuple[Word, ...]:
        """Return the words that go with the audio that has been given."""
        until = (self._earlier + self._given) / self.rate + TAIL
        count = next((number for number, word in enumerate(self._untold) if word.end > until), len(self._untold))
        count = len(self._untold) if restraint is Restraint.FREE else count
        words, self._untold = self._untold[:count], self._untold[count:]
        return tuple(words)

    def _due(self, rate: int, restraint: Restraint) -> int:
        """Return how many samples of what has come may be given.

        Args:
            rate: Of the voice, in Hz.
            restraint: How much is kept back.
        """
        assert self._clock is not None
        samples, letters = self._clock.told()
        word = _WORD.match(self.text(self.piece), letters)
        if restraint is Restraint.FREE or word is None:
            return self._came
        seconds = samples / rate + (TAIL if samples else 0.0)
        if restraint is Restraint.EAGER:
            if self._came / self.rate - seconds > UNTOLD[self.tells]:
                return self._came
            seconds += briefest(word[1]) / self._speed
        return min(round(seconds * self.rate), self._came)

    def _follow(self, speech: Speech) -> None:
        """Note which words the present voice speaks when, at its own rate."""
        clock = self._clock = self._clock or PlaybackClock(speech.rate)
        if self._clocked != self.piece:
            text, start = self.text(self.piece), self._source.stop
            self._clocked, self._source, self._sent = self.piece, range(start, start + len(text)), clock.sent
            clock.begin(Piece(text, start, self._source.stop, ((0, start),)))
        clock.words(replace(word, end=max(word.start, word.end - TAIL)) for word in speech.words)
        clock.send(len(speech.pcm) // 2 + round(speech.heard * speech.rate), 0.0)

    def _spoken(self) -> int:
        """Return how many characters of the piece under way the present voice has spoken, in whole words."""
        assert self._clock is not None
        heard = (self._clock.sent - self._sent) * self._given // self._came
        known, _ = self._clock.told()
        self._clock.reached(self._sent + max(known, int(CAUTION * heard)), 0.0)
        return max(self._clock.heard(0.0).source_end - self._source.start, 0)

    def _at_rate(self, speech: Speech) -> bytes:
        """Return the audio at the rate of the first voice."""
        if self._resampler is None:
            if speech.rate == self.rate:
                return speech.pcm
            self._resampler = Resampler(speech.rate, self.rate)
        samples = self._resampler.push(int16_from_bytes(speech.pcm), rate=speech.rate)
        if speech.last:
            samples = np.concatenate((samples, self._resampler.finish()))
            self._resampler.reset()
        return samples.tobytes()


def briefest(word: str) -> float:
    """Return the seconds in which nobody has said a word to its end."""
    return max(LETTER * speech_weight(word) - SWALLOWED, 0.0)


def _has_letters(text: str) -> bool:
    return any(map(str.isalnum, text))
