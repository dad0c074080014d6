"""What of a text the browser has spoken, as what the page says becomes `Speech`. No I/O."""

from dataclasses import dataclass
from typing import Final

from ...contracts import Speech, Word
from ...realtime.page_events import SpeechEnded, SpeechProgress

RATE: Final = 24_000
"""The rate that is named for audio that there is none of, in Hz."""


@dataclass(slots=True)
class _Piece:
    text: str
    ended: bool
    begun: bool = False
    seconds: float = 0.0
    """How long it has been spoken, ..."""
    characters: int = 0
    """... and how much of its text, in whole words."""


class Recitation:
    """Pieces of text on their way through the page.

    What the page says only ever moves its place forward, so news that come faster than they are taken are taken as one.

    Attributes:
        complete: whether there will be no further pieces.
    """

    def __init__(self) -> None:
        self.complete = False
        self._pieces: list[_Piece] = []
        self._current = 0  # the piece whose turn it is
        self._given = _Piece("", ended=False)  # how much of it was given

    @property
    def done(self) -> bool:
        """Whether all has been spoken."""
        return self.complete and not self.waiting

    @property
    def waiting(self) -> bool:
        """Whether there is a piece that has not been spoken to its end."""
        return self._current < len(self._pieces)

    @property
    def begun(self) -> bool:
        """Whether the page has begun the piece whose turn it is."""
        return self.waiting and self._pieces[self._current].begun

    @property
    def seconds(self) -> float:
        """How long it has spoken in all."""
        return sum(piece.seconds for piece in self._pieces)

    @property
    def news(self) -> bool:
        """Whether `next` has something."""
        if not self.waiting:
            return False
        piece, given = self._pieces[self._current], self._given
        return piece.ended or piece.begun > given.begun or piece.seconds > given.seconds

    def add(self, text: str, *, silent: bool) -> int | None:
        """Add a piece; return its number for the page, or None if there is nothing in it to be spoken."""
        self._pieces.append(_Piece(text, ended=silent))
        return None if silent else len(self._pieces) - 1

    def take(self, told: object) -> None:
        """The page says how far it is. What it says of pieces that it was not given, or that are over, is ignored."""
        if not isinstance(told, SpeechProgress | SpeechEnded) or not self._current <= told.piece < len(self._pieces):
            return
        piece = self._pieces[told.piece]
        if piece.ended:
            return
        piece.begun = True
        piece.seconds = max(piece.seconds, told.ms / 1000)
        if isinstance(told, SpeechEnded):
            piece.ended, piece.characters = True, len(piece.text)
        elif told.characters is not None:
            piece.characters = max(piece.characters, min(told.characters, len(piece.text)))

    def next(self) -> Speech | None:
        """Return what has been spoken since the last time, up to the end of the piece under way; None if nothing."""
        if not self.news:
            return None
        number, given = self._current, self._given
        piece = self._pieces[number]
        spoken = piece.text[given.characters : piece.characters].split() if piece.begun else []
        words = tuple(Word(word, given.seconds, piece.seconds) for word in spoken)
        heard = piece.seconds - given.seconds
        if piece.ended:
            self._current, self._given = number + 1, _Piece("", ended=False)
        else:
            self._given = _Piece("", False, piece.begun, piece.seconds, piece.characters)
        return Speech(number, b"", RATE, words, last=piece.ended, heard=heard)
