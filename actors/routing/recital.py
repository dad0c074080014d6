"""What of a text has been spoken, piece by piece, and what is left for another voice. No I/O."""

from typing import Final

import numpy as np
from msgspec.structs import replace

from ...codecs.pcm import int16_from_bytes
from ...codecs.playback import PlaybackClock
from ...codecs.resample import Resampler
from ...codecs.speakable import Piece
from ..contracts import Speech, Word
from ..synthesis import TAIL

CAUTION: Final = 0.9
"""How much of the audio counts where no word times say what it speaks: a word said twice is a stumble, but one that is
lost may be the "not"."""


class Recital:
    """Pieces of text that several voices, one after the other, turn into one stream of `Speech`.

    `add` what is to be spoken. When a voice begins, or another one takes over, call `begin`; then give it the `text` of
    each piece from `piece` on, and pass what it says through `take`. A piece in which a voice broke off is resumed at
    the word after the last one that was spoken to its end. What was given stays given: a word that broke off in the
    middle is said again.

    Attributes:
        piece: the number of the piece under way, or of the next one.
        pieces: how many have been added.
        complete: whether these are all.
        rate: of the audio, in Hz: that of the first voice; 0 before it has said anything.
    """

    def __init__(self) -> None:
        self.piece = 0
        self.complete = False
        self.rate = 0
        self._texts: list[str] = []
        self._earlier = 0  # samples of the piece under way that earlier voices have given
        # the present voice
        self._first = 0  # its first piece
        self._left = ""  # what it has to say of that piece, where others have begun it
        self._given = 0  # samples it has given of the piece under way
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
        """Whether the present voice has given audio of the piece under way."""
        return self._given > 0

    def add(self, text: str) -> None:
        """Add a piece."""
        self._texts.append(text)

    def text(self, piece: int) -> str:
        """Return what the present voice has to say of a piece."""
        return self._left if self._left and piece == self._first else self._texts[piece]

    def begin(self) -> Speech | None:
        """Another voice begins; return the end of the piece under way, if all its words have been spoken."""
        if self._given:
            self._left = self.text(self.piece)[self._spoken() :].lstrip()
            self._earlier += self._given
        self._first = self.piece
        self._given, self._timed = 0, False
        self._resampler, self._clock, self._clocked, self._source = None, None, -1, range(0)
        if self._earlier and not _has_letters(self._left):
            end = Speech(self.piece, b"", self.rate, last=True)
            self._next_piece()
            self._first = self.piece
            return end
        return None

    def take(self, speech: Speech) -> Speech:
        """Take what the present voice says; return what the caller gets: its numbers, its rate, its times.

        Raises:
            ValueError: The voice speaks a piece that it was not given, or not yet.
        """
        if self._first + speech.piece != self.piece or self.piece >= len(self._texts):
            raise ValueError("the voice speaks another piece than the one that is next")
        self.rate = self.rate or speech.rate
        self._follow(speech)
        pcm, shift = self._at_rate(speech), self._earlier / self.rate
        words = tuple(Word(word.text, word.start + shift, word.end + shift, word.confidence) for word in speech.words)
        self._given += len(pcm) // 2
        taken = Speech(self.piece, pcm, self.rate, words if shift else speech.words, speech.last)
        if speech.last:
            self._next_piece()
        return taken

    def is_silent(self, speech: Speech) -> bool:
        """Whether a piece would end with this, and nobody has said a word of it though there are words in it."""
        nothing = not (speech.pcm or self._given or self._earlier)
        return speech.last and nothing and self.piece < self.pieces and _has_letters(self.text(self.piece))

    def _next_piece(self) -> None:
        self.piece += 1
        self._earlier = self._given = 0
        self._left, self._timed = "", False

    def _follow(self, speech: Speech) -> None:
        """Note which words the present voice speaks when, at its own rate."""
        clock = self._clock = self._clock or PlaybackClock(speech.rate)
        if self._clocked != self.piece:
            text, start = self.text(self.piece), self._source.stop
            self._clocked, self._source, self._sent = self.piece, range(start, start + len(text)), clock.sent
            clock.begin(Piece(text, start, self._source.stop, ((0, start),)))
        clock.words(replace(word, end=max(word.start, word.end - TAIL)) for word in speech.words)
        clock.send(len(speech.pcm) // 2, 0.0)
        self._timed = self._timed or bool(speech.words)

    def _spoken(self) -> int:
        """Return how many characters of the piece under way the present voice has spoken, in whole words."""
        assert self._clock is not None
        heard = self._clock.sent - self._sent
        self._clock.reached(self._sent + (heard if self._timed else int(CAUTION * heard)), 0.0)
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


def _has_letters(text: str) -> bool:
    return any(map(str.isalnum, text))
