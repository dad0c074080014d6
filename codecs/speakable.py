"""From the tokens of a language model to pieces that a speech synthesiser speaks one after the other.

A `SpeechCutter` takes text as it streams in and cuts it where speech pauses: the first piece early, at a comma if need
be, so that the voice sets in soon; the later ones at the ends of sentences, so that it sounds natural. Markdown, links,
code blocks and emoji are left out of what is spoken. Each piece knows which part of the source it stands for, and where
each of its characters comes from, so that what was heard can be traced back to what was written.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from operator import itemgetter
from typing import Final, NamedTuple

import msgspec

from .markup import UNSPACED, WIDE_PAUSES, WIDE_STOPS, Kind, Lexer, Token
from .sentences import Break, stop_break

CLAUSE_FROM: Final = (12, 40, 120)
"""From which weight on the first, the second and every later piece may end with a clause."""
SENTENCE_FROM: Final = 20
"""A later piece that weighs less waits for the next sentence, unless a line ends."""
UNSPACED_WEIGHT: Final = 3

_UNSPACED: Final = re.compile(f"[{UNSPACED}]")
_WIDE: Final = frozenset(WIDE_STOPS + WIDE_PAUSES)


def speech_weight(text: str) -> int:
    """Return about how long `text` takes to be spoken, in letters of an alphabet.

    A character counts one, and three in scripts without spaces, where it is a syllable or more.
    """
    return len(text) + (UNSPACED_WEIGHT - 1) * len(_UNSPACED.findall(text))


class Piece(msgspec.Struct, frozen=True, gc=False):
    """A piece of text to be spoken, and the part of the source it stands for."""

    text: str
    """What is spoken, with single spaces and no line breaks; empty if nothing is (then it is the last piece)."""
    start: int
    """Where its part of the source begins, in characters of all text pushed."""
    end: int
    """Where its part of the source ends, and that of the next piece begins."""
    runs: tuple[tuple[int, int], ...] = ()
    """Pairs (place in `text`, place in the source) from which on the two go along, character by character."""

    def source(self, spoken: int) -> int:
        """Return the place in the source up to which the first `spoken` characters of `text` reach.

        Nothing spoken is `start`, everything is `end`.
        """
        if spoken >= len(self.text):
            return self.end
        run = bisect_left(self.runs, (spoken, 0)) - 1
        if run < 0:
            return self.start
        begin, origin = self.runs[run]
        return origin + spoken - begin


class _Place(NamedTuple):
    """Where the piece under way could end."""

    end: int  # in the source
    length: int  # characters spoken until there
    weight: int
    depth: Break


class SpeechCutter:
    """Cuts one streamed text into pieces.

    The spans of the pieces follow each other without gaps and cover the source. A text gives the same pieces however it
    is divided into pushes. No cut goes through a word, a number, an address or a link, except that scripts without
    spaces may be cut between any two letters if nothing better is in reach.

    Args:
        language: BCP 47 tag; it matters only for ordinal numbers with a full stop ("am 3. Mai").
        first_weight: a first piece that weighs more (see `speech_weight`) is cut at a space, if it has no better place.
        weight: likewise for the later ones.
    """

    def __init__(self, language: str | None = None, *, first_weight: int = 80, weight: int = 250) -> None:
        self._language = language.partition("-")[0].lower() if language else ""
        self._lexer = Lexer()
        self._limits = (first_weight, weight)
        self._cut = 0  # how many pieces there are
        self._pieces: list[Piece] = []
        self._finished = False
        self._in_link = False
        # the piece under way
        self._start = self._end = 0
        self._text = ""
        self._weight = 0
        self._speakable = False  # whether there is a letter or digit in the text
        self._runs: list[tuple[int, int]] = []
        self._places: list[_Place] = []
        self._space: int | None = None  # where a space stands that is spoken if something follows
        self._mark: Token | None = None  # the stop or pause that nothing spoken has followed yet

    def push(self, text: str) -> list[Piece]:
        """Append text and return the pieces that are complete by it.

        Raises:
            ValueError: after `finish`.
        """
        if self._finished:
            raise ValueError("the text is finished; use a new cutter for the next one")
        self._lexer.push(text)
        return self._take(final=False)

    def finish(self) -> list[Piece]:
        """End the text and return the pieces that were still open; calling it again returns none."""
        self._finished = True
        pieces = self._take(final=True)
        if self._end > self._start:
            self._emit(self._end, len(self._text))
            pieces += self._pieces
            self._pieces = []
        return pieces

    def _take(self, *, final: bool) -> list[Piece]:
        for token in self._lexer.tokens(final=final):
            self._end = token.end
            match token.kind:
                case Kind.TEXT:
                    self._speak(token)
                    self._mark = None
                case Kind.STOP | Kind.PAUSE:
                    self._speak(token)
                    self._mark = token
                    if self._ends_without_space(token):
                        self._place(token.end, Break.SENTENCE if token.kind is Kind.STOP else Break.CLAUSE)
                case Kind.SPACE:
                    if not self._place(token.end, self._depth(token)) and self._text:
                        self._space = token.spoken
                case Kind.OPEN | Kind.CLOSE:
                    self._in_link = token.kind is Kind.OPEN
                case Kind.SILENT:
                    pass
        pieces, self._pieces = self._pieces, []
        return pieces

    def _ends_without_space(self, mark: Token) -> bool:
        """Whether a stop or pause ends a sentence or clause right here, as in scripts without spaces."""
        after = mark.after
        if not after or after.isspace():
            return False
        before = self._text[-len(mark.text) - 1 : -len(mark.text)]
        if before.isdecimal() and (after.isdecimal() or mark.text == "."):
            return False
        return not _WIDE.isdisjoint(mark.text) or bool(_UNSPACED.match(after))

    def _depth(self, space: Token) -> Break:
        """Judge the break at white space."""
        mark = self._mark
        lines = space.text.count("\n")
        wrapped = lines == 1 and space.after.islower() and (mark is None or mark.kind is Kind.PAUSE)
        if lines and not wrapped:
            return Break.PARAGRAPH
        if mark is None:
            return Break.NONE if self._text[-1:].isdecimal() and space.after.isdecimal() else Break.WORD
        if mark.kind is Kind.PAUSE:
            return Break.CLAUSE
        return stop_break(self._text[: -len(mark.text)], mark.text, space.after, self._language)

    def _speak(self, token: Token) -> None:
        """Add what is spoken of a token to the piece under way."""
        if self._space is not None:
            self._add(" ", self._space)
            self._space = None
        if not _UNSPACED.search(token.text):
            self._add(token.text, token.spoken)
            return
        for place, letter in enumerate(token.text, token.spoken):
            joins = unicodedata.category(letter).startswith("M") or not _UNSPACED.match(letter)
            if not joins and _UNSPACED.match(self._text[-1:]):
                self._place(place, Break.WORD)
            self._add(letter, place)

    def _add(self, text: str, origin: int) -> None:
        if not self._runs or origin - self._runs[-1][1] != len(self._text) - self._runs[-1][0]:
            self._runs.append((len(self._text), origin))
        self._text += text
        self._weight += speech_weight(text)
        self._speakable = self._speakable or _has_letters(text)
        limit = self._limits[self._cut > 0]
        if self._weight > limit and self._places:
            clauses = [place for place in self._places if place.depth >= Break.CLAUSE and 3 * place.weight >= limit]
            best = (clauses or self._places)[-1]
            self._emit(best.end, best.length)

    def _place(self, end: int, depth: Break) -> bool:
        """End the piece here if this is a good place, or remember the place; return whether it was cut."""
        if depth is Break.NONE or self._in_link or not self._speakable:
            return False
        if (
            depth is Break.PARAGRAPH
            or (depth is Break.SENTENCE and (not self._cut or self._weight >= SENTENCE_FROM))
            or (depth >= Break.CLAUSE and self._weight >= CLAUSE_FROM[min(self._cut, 2)])
            or self._weight > self._limits[self._cut > 0]
        ):
            self._emit(end, len(self._text))
            return True
        self._places.append(_Place(end, len(self._text), self._weight, depth))
        return False

    def _emit(self, end: int, length: int) -> None:
        """Cut the piece under way after `length` characters; what follows them begins the next one."""
        text = self._text[:length] if self._speakable else ""
        runs = tuple(run for run in self._runs if run[0] < len(text))
        self._pieces.append(Piece(text, self._start, end, runs))
        rest = self._text[length:].removeprefix(" ")
        used = len(self._text) - len(rest)
        first = bisect_right(self._runs, used, key=itemgetter(0)) - 1  # the run that reaches into the rest
        following = [(max(begin - used, 0), origin + max(used - begin, 0)) for begin, origin in self._runs[first:]]
        lighter = self._weight - speech_weight(rest)
        self._places = [
            place._replace(length=place.length - used, weight=place.weight - lighter)
            for place in self._places
            if place.length > used
        ]
        self._start, self._text, self._speakable = end, rest, _has_letters(rest)
        self._runs = following if rest else []
        self._weight -= lighter
        self._cut += 1
        self._space = None
        if not rest:
            self._mark = None


def _has_letters(text: str) -> bool:
    return any(letter.isalnum() for letter in text)
