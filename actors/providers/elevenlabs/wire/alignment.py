"""From the times of characters to those of words."""

from collections.abc import Sequence

from ....contracts import Word

BACK = 0.02
"""Seconds that a chunk may begin before the end of the last one, by rounding."""


class Alignment:
    """The words of one piece, as the times of its characters come chunk by chunk.

    Over WebSockets times count from the start of the chunk, over HTTP from that of the piece, and the documents do not
    say so. Times that go back to where the audio has been already are taken for the former.

    Args:
        spoken: The text of the piece. With it a word is known to be complete at its last character; without, or where
            the characters are others, at the space after it, which may come a chunk later.
    """

    def __init__(self, spoken: str = "") -> None:
        self._rest = "".join(f"{word} " for word in spoken.split())
        self._text = ""
        self._start = 0.0
        self._end = 0.0  # of the last word, as far as it is known
        self._last = 0.0  # of the last character, a space or not

    def push(
        self, characters: Sequence[str], starts: Sequence[float], ends: Sequence[float], heard: float
    ) -> tuple[Word, ...]:
        """Take a chunk's characters; return the words that are complete with them.

        Args:
            characters: An item may have more than one.
            starts: When each begins, in seconds.
            ends: When each ends.
            heard: Seconds of audio of the piece before this chunk.
        """
        offset = heard if starts and starts[0] < self._last - BACK else 0.0
        words: list[Word] = []
        for text, start, end in zip(characters, starts, ends, strict=False):
            for character in text:
                if character.isspace():
                    words += self._word()
                    continue
                self._rest = self._rest.lstrip()[1:] if self._rest.lstrip()[:1] == character else ""
                if not self._text:
                    self._start = max(self._end, start + offset)
                self._text += character
                self._end = max(self._start, end + offset)
        if ends:
            self._last = ends[-1] + offset
        if self._rest[:1] == " ":
            words += self._word()
        return tuple(words)

    def finish(self) -> tuple[Word, ...]:
        """Return the last word."""
        return tuple(self._word())

    def _word(self) -> list[Word]:
        text, self._text = self._text, ""
        return [Word(text, self._start, self._end)] if text else []
