"""What wire servers hear: words at a steady pace, those a test says or else numbers, as long as there is audio."""

from collections import deque
from typing import Final, NamedTuple

from anyio import to_thread

from ...codecs.asset import load
from ...codecs.decode import read_audio
from ...codecs.errors import CodecError
from .server import WireServer

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


class HearingWire(WireServer):
    """Base of wire servers that hear: what a test says, or else numbers."""

    def __init__(self) -> None:
        super().__init__()
        self._texts: deque[str] = deque()

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


async def seconds_of(recording: bytes) -> float | None:
    """Return how long a recording is; None if it is none."""
    try:
        return await to_thread.run_sync(lambda: read_audio(load(recording)).duration)
    except CodecError:
        return None
