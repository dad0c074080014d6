"""What wire servers hear: words at a steady pace, those a test says or else numbers, as long as there is audio."""

from collections import deque
from typing import Final, NamedTuple

from anyio import to_thread

from ...codecs.asset import load
from ...codecs.decode import read_audio
from ...codecs.errors import CodecError
from .server import WireServer
from .syllables import Ear

SECONDS_PER_WORD: Final = 0.3
COUNTING: Final = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class Heard(NamedTuple):
    """A word and its time, in seconds from the start of the audio."""

    text: str
    """With its punctuation."""
    start: float
    end: float

    @property
    def word(self) -> str:
        """The word alone, in lower case."""
        return self.text.strip(".,;:!?").lower()


def heard(text: str | None, seconds: float, *, whole: bool = False) -> list[Heard]:
    """Return the words that are heard in that many seconds: of `text`, or numbers; with `whole`, all of `text`."""
    whole_words = int(seconds / SECONDS_PER_WORD + 1e-9)
    words = text.split() if text is not None else [COUNTING[number % 10] for number in range(whole_words)]
    shown = words if whole else words[:whole_words]
    return [
        Heard(word, round(number * SECONDS_PER_WORD, 2), round((number + 1) * SECONDS_PER_WORD, 2))
        for number, word in enumerate(shown)
    ]


class Hearing:
    """What is heard of one utterance, as it comes: words that a test says, or else numbers.

    Args:
        text: What the test says.
    """

    def __init__(self, text: str | None) -> None:
        self._text = text

    def push(self, pcm: bytes) -> None:
        """Hear more, mono s16le."""

    def words(self, seconds: float, *, whole: bool = False) -> list[Heard]:
        """Return what is heard in that many seconds; with `whole`, all there is."""
        return heard(self._text, seconds, whole=whole)


class HearingSyllables(Hearing):
    """What is heard where words are sung (see `syllables`): those, and nothing else.

    Args:
        rate: Of the audio, in Hz.
    """

    def __init__(self, rate: int) -> None:
        super().__init__(None)
        self._ear = Ear(rate)

    def push(self, pcm: bytes) -> None:
        """Hear more, mono s16le."""
        self._ear.push(pcm)

    def words(self, seconds: float, *, whole: bool = False) -> list[Heard]:
        """Return the words that are over; with `whole`, also one that breaks off."""
        sung = self._ear.finish() if whole else self._ear.words
        return [Heard(word.text, round(word.start, 2), round(word.end, 2)) for word in sung]


class HearingWire(WireServer):
    """Base of wire servers that hear: what a test says, or else numbers.

    Args:
        syllables: Whether words are heard that are sung, instead of numbers.
    """

    def __init__(self, *, syllables: bool = False) -> None:
        super().__init__()
        self._texts: deque[str] = deque()
        self._syllables = syllables

    def hear(self, text: str) -> None:
        """Say what is heard in the next audio that has no text yet."""
        self._texts.append(text)

    def reset(self) -> None:
        """Forget requests, faults and texts."""
        super().reset()
        self._texts.clear()

    def next_text(self) -> str | None:
        """Return what is heard now; None for numbers."""
        return self._texts.popleft() if self._texts else None

    def next_hearing(self, rate: int) -> Hearing:
        """Return what hears now, in audio at that rate that comes bit by bit."""
        return HearingSyllables(rate) if self._syllables and not self._texts else Hearing(self.next_text())


async def seconds_of(recording: bytes) -> float | None:
    """Return how long a recording is; None if it is none."""
    try:
        return await to_thread.run_sync(lambda: read_audio(load(recording)).duration)
    except CodecError:
        return None
