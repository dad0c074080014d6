"""What captions and the playback clock need to know of a word with times."""

from typing import Protocol


class TimedWord(Protocol):
    """A word that is said at a known time; any object with these attributes."""

    @property
    def text(self) -> str:
        """The word, with or without the punctuation around it."""
        ...

    @property
    def start(self) -> float:
        """When it begins, in seconds."""
        ...

    @property
    def end(self) -> float:
        """When it ends, in seconds."""
        ...
