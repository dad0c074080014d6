"""From transcripts that are revised to pieces of text that can only be added to. No I/O.

A recogniser may take words back until its transcript is final; a `delta` can't be taken back. So a word is told when
several transcripts in a row have agreed on it and on all before it, and it is not the last one, which may still grow
("there" becomes "therefore"). This is local agreement, as Macháček, Dabre and Bojar describe it for streaming Whisper
(Turning Whisper into Real-Time Transcription System, 2023), with one more transcript of caution.
"""

import re
from collections import deque
from itertools import zip_longest
from typing import Final

AGREE: Final = 3
"""Transcripts in a row that have to agree on a word before it is told."""

_WORD: Final = re.compile(r"\S+\s*")


class TranscriptDeltas:
    """Deltas of one utterance, whose concatenation is the final transcript, as long as no told word is revised.

    Attributes:
        told: all deltas so far.
    """

    def __init__(self) -> None:
        self.told = ""
        self._known = ""
        self._latest: deque[str] = deque(maxlen=AGREE)

    def partial(self, text: str) -> None:
        """Take the transcript so far, all of it."""
        self._latest.append(text)
        if len(self._latest) == AGREE:
            self._know(_agreed(self._latest))

    def final(self, text: str) -> None:
        """Take the final transcript, all of which can be told.

        Where a word that was told has been revised after all, it can't: nothing that could be added would make it
        right, and the event that completes the transcription has all of the text.
        """
        self._known = self.told
        self._know(text)

    def take(self) -> str:
        """Return what can be told now and was not told before, which is often nothing."""
        delta = self._known[len(self.told) :]
        self.told += delta
        return delta

    def _know(self, text: str) -> None:
        if text.startswith(self.told) and len(text) >= len(self._known):
            self._known = text


def _agreed(texts: deque[str]) -> str:
    """Return the words, with the space between them, with which all of the texts begin and none of them ends."""
    agreed = ""
    for words in zip_longest(*(_WORD.findall(text) for text in texts)):
        if len(set(words)) > 1 or not words[0][-1].isspace():
            break
        agreed += words[0]
    return agreed
