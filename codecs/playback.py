"""The playback clock: which part of an answer has been heard.

Audio is sent faster than it is played, so what has been sent says little. The clock knows which audio belongs to which
piece of text, when it was sent, and where words lie in it. From the time, or from what the client acknowledges, it
knows how far playback is, and so which words have been heard.

Where the synthesiser gives word times, a word has been heard when it was played to its end. Where it gives none, the
text is spread over the audio of its piece in proportion to `speech_weight`, and cut back to whole words.
"""

import math
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import Final

import msgspec

from .markup import UNSPACED
from .speakable import Piece, speech_weight
from .words import TimedWord

SECONDS_PER_WEIGHT: Final = 0.065
"""How long a letter takes, until audio of the same answer tells better: about 15 letters a second."""

_SEARCH: Final = 60  # characters of text in which a word with times is looked for
_UNSPACED: Final = re.compile(f"[{UNSPACED}]")
_NOT_LETTERS: Final = re.compile(r"^[\W_]+|[\W_]+$")


class Heard(msgspec.Struct, frozen=True, gc=False):
    """What has been heard of an answer."""

    text: str
    """The spoken text, whole words only; pieces are joined by a space, where their script has spaces."""
    source_end: int
    """How far that reaches in the source of the pieces."""
    samples: int
    """How far playback is, in samples from the start of the answer."""


class PlaybackClock:
    """Follows the playback of one answer, piece by piece.

    Call `begin` with a piece, `send` with its audio as it goes out, `words` with its word times as they become known,
    and `complete` when all of its audio has been sent. `now` is any clock that runs in seconds.

    Args:
        rate: of the audio that is sent, in Hz.
        latency: seconds from sending audio to a client that plays nothing until it is heard.

    Attributes:
        sent: samples sent so far.
    """

    def __init__(self, rate: int, *, latency: float = 0.0) -> None:
        self.sent = 0
        self._rate = rate
        self._latency = latency
        self._segments: list[_Segment] = []
        self._marks: dict[str, int] = {}
        self._limit: float = math.inf  # where the answer was truncated
        # Playback was at the position `_reached` at the time `_since`, and has gone on from there while it had audio.
        self._reached = 0
        self._since = -math.inf

    def begin(self, piece: Piece) -> None:
        """The audio sent from now on speaks `piece`; the piece before is complete."""
        self.complete()
        self._segments.append(_Segment(piece, self.sent))

    def send(self, samples: int, now: float) -> None:
        """So many samples of the piece under way go out.

        Raises:
            ValueError: if no piece is under way.
        """
        segment = self._under_way()
        if self.position(now) >= self.sent:  # all has been played: playback sets in anew
            self._since, self._reached = now + self._latency, self.sent
        self.sent += samples
        segment.samples += samples

    def words(self, words: Iterable[TimedWord]) -> None:
        """Some words of the piece under way are at these times, in seconds from the start of its audio.

        Words come in order. They are looked for in the text of the piece, whatever their case and punctuation; one that
        is not found (a number that is written in digits and spoken in words) counts as heard with the next that is.

        Raises:
            ValueError: if no piece is under way.
        """
        segment = self._under_way()
        for word in words:
            segment.add_word(word, self._rate)

    def complete(self) -> None:
        """All audio of the piece under way has been sent."""
        if self._segments:
            self._segments[-1].complete = True

    def mark(self, name: str) -> None:
        """Remember the end of what has been sent, for `reached_mark`: a mark of a telephone stream stands there."""
        self._marks[name] = self.sent

    def reached_mark(self, name: str, now: float) -> bool:
        """The client says that it has played up to a mark; return whether there is such a mark.

        That mark and earlier ones are forgotten.
        """
        position = self._marks.get(name)
        if position is None:
            return False
        self._marks = {other: place for other, place in self._marks.items() if place > position}
        self.reached(position, now)
        return True

    def reached(self, samples: int, now: float) -> None:
        """The client says that it has played so many samples; from there the clock goes on."""
        self._reached, self._since = min(max(samples, 0), self.sent), now

    def position(self, now: float) -> int:
        """Return how far playback is, in samples: what has been sent, if there was time to play it, up to a truncation.

        It never goes back while `now` does not, except by `reached`.
        """
        elapsed = max(now - self._since, 0.0)
        played = self._reached + min(elapsed * self._rate, self.sent - self._reached)
        return round(min(played, self._limit))

    def remaining(self, now: float) -> float:
        """Return the seconds until all that has been sent will have been played."""
        end = min(self.sent, self._limit)
        return max(self._since + (end - self._reached) / self._rate - now, 0.0)

    @property
    def milliseconds(self) -> int:
        """Length of the audio sent, or left by a truncation, in whole milliseconds."""
        return int(min(self.sent, self._limit)) * 1000 // self._rate

    def heard(self, now: float) -> Heard:
        """Return what has been heard by now."""
        return self._heard_at(self.position(now))

    def told(self) -> tuple[int, int]:
        """Return how far it is known what the audio sent of the piece under way speaks: by word times, not by guessing.

        That is up to the end of the last word whose time is known and whose audio has been sent to its end, in samples
        from the start of the piece's audio and in characters of its text; (0, 0) if there is none.

        Raises:
            ValueError: if no piece is under way.
        """
        return self._under_way().told()

    def truncate(self, audio_end_ms: int) -> Heard:
        """Cut the answer after this time of its own audio, and return what is left: that has been heard.

        Args:
            audio_end_ms: inclusive, as in ``conversation.item.truncate`` of OpenAI's Realtime API; 0 is nothing. Later
                than the end of the audio is all of it, and later than an earlier truncation changes nothing.
        """
        samples = -(-(audio_end_ms + 1) * self._rate // 1000) if audio_end_ms > 0 else 0
        self._limit = min(self._limit, samples, self.sent)
        return self._heard_at(int(self._limit))

    def _under_way(self) -> "_Segment":
        if not self._segments or self._segments[-1].complete:
            raise ValueError("no piece is under way; call begin(piece) before its audio")
        return self._segments[-1]

    def _heard_at(self, position: int) -> Heard:
        text = ""
        source_end = self._segments[0].piece.start if self._segments else 0
        pace = self._pace()
        for segment in self._segments if position > 0 else ():
            letters = segment.letters(position - segment.begin, pace)
            if letters:
                spoken = segment.piece.text[:letters]
                tight = not text or (_UNSPACED.match(spoken) and not text[-1].isascii())
                text += spoken if tight else f" {spoken}"
            if letters or segment.ends_by(position):
                source_end = segment.piece.source(letters)
            if letters < len(segment.piece.text):
                break
        return Heard(text, source_end, position)

    def _pace(self) -> float:
        """Return samples per weight, from the pieces whose audio is complete."""
        complete = [segment for segment in self._segments if segment.complete and segment.samples]
        weight = sum(speech_weight(segment.piece.text) for segment in complete)
        return sum(segment.samples for segment in complete) / weight if weight else SECONDS_PER_WEIGHT * self._rate


class _Segment:
    """A piece, its audio, and where the words of one end in the other."""

    def __init__(self, piece: Piece, begin: int) -> None:
        self.piece = piece
        self.begin = begin
        self.samples = 0
        self.complete = False
        self._text = _comparable(piece.text)
        self._found = 0  # how far in the text words have been found
        self._ends: list[int] = []  # samples from `begin` at which a word has been heard
        self._letters: list[int] = []  # and how much of the text that is

    def ends_by(self, position: int) -> bool:
        return self.complete and position >= self.begin + self.samples

    def add_word(self, word: TimedWord, rate: int) -> None:
        letters = _NOT_LETTERS.sub("", _comparable(word.text))
        end = self._find(letters) if letters else self._found  # a dash has its time, and no part in the text
        if end is None or not math.isfinite(word.end):
            return
        self._found = end
        self._ends.append(max(round(word.end * rate), *self._ends[-1:], 0))
        self._letters.append(_whole_words(self.piece.text, end))

    def _find(self, word: str) -> int | None:
        """Return where the next such word ends in the text, the punctuation after it included."""
        text, limit = self._text, self._found + len(word) + _SEARCH
        begin = text.find(word, self._found, limit)
        while begin >= 0:
            end = begin + len(word)
            if _separate(text, begin) and _separate(text, end):
                while end < len(text) and not (text[end].isspace() or text[end].isalnum()):
                    end += 1
                return end
            begin = text.find(word, begin + 1, limit)
        return None

    def told(self) -> tuple[int, int]:
        known = bisect_right(self._ends, self.samples)
        return (self._ends[known - 1], self._letters[known - 1]) if known else (0, 0)

    def letters(self, samples: int, pace: float) -> int:
        """Return how many characters of the text have been heard when so many samples of the audio have."""
        text = self.piece.text
        if self.complete and samples >= self.samples:
            return len(text)
        if samples <= 0:
            return 0
        if self._ends:
            known = bisect_right(self._ends, samples)
            return self._letters[known - 1] if known else 0
        if self.complete:
            pace = self.samples / max(speech_weight(text), 1)
        weights = list(accumulate(map(speech_weight, text)))
        return _whole_words(text, bisect_right(weights, samples / pace))


def _comparable(text: str) -> str:
    """Lower the case and straighten apostrophes, keeping every character in its place."""
    lowered = text.lower()
    return (lowered if len(lowered) == len(text) else text).replace("\u2019", "'")


def _separate(text: str, at: int) -> bool:
    """Whether no word goes on from the character before `at` to the one there."""
    around = text[max(at - 1, 0) : at + 1]
    return not (len(around) == 2 and around.isalnum() and not _UNSPACED.search(around))


def _whole_words(text: str, letters: int) -> int:
    """Cut back to where a word and the punctuation after it end."""
    while 0 < letters < len(text) and not (text[letters].isspace() or _begins_word(text[letters])):
        letters -= 1
    return letters if letters == len(text) else len(text[:letters].rstrip())


def _begins_word(letter: str) -> bool:
    """Whether it is a letter of a script without spaces, and no mark on the one before."""
    return _UNSPACED.match(letter) is not None and not unicodedata.category(letter).startswith("M")
