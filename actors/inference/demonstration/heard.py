"""What was said, as words: forgiving, since it comes from a speech recogniser."""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Final, NamedTuple

_TOKEN = re.compile(r"\d[\d,]*(?:\.\d+)?|[^\W\d_]+(?:['\u2019][^\W\d_]+)*|(?<![^\W\d_])-|[+*/^()%=\u00d7\u00f7]")
_GAP = 2  # words that may stand between two of a phrase
_SHORT = 5  # letters below which a word has to be exact: "late" is no "date"


def word_set(text: str) -> frozenset[str]:
    """Return the words of `text`, which white space parts."""
    return frozenset(text.split())


FILLERS: Final = word_set("uh um er ah oh well so please just then now okay ok")
"""Words that say nothing."""


class Token(NamedTuple):
    """A word, a number or a sign."""

    word: str
    """In lower case, with a straight apostrophe."""
    start: int
    end: int
    """Where it stands in the text."""


def tokens(text: str) -> list[Token]:
    """Cut `text` into words, numbers and the signs of arithmetic; a hyphen between letters only parts two words."""
    return [
        Token(match[0].lower().replace("\u2019", "'"), match.start(), match.end()) for match in _TOKEN.finditer(text)
    ]


def words(text: str) -> list[str]:
    """Return the words of `tokens`, without fillers."""
    return [token.word for token in tokens(text) if token.word not in FILLERS]


def alike(heard: str, wanted: str) -> bool:
    """Whether one word may have been meant for the other: equal, its plural, or, if long, nearly the same letters.

    Recognisers seldom miss a word's beginning, and comparing only words with the same first letter takes little time.
    """
    if heard == wanted or heard in (f"{wanted}s", f"{wanted}es") or wanted in (f"{heard}s", f"{heard}es"):
        return True
    if heard[:1] != wanted[:1] or min(len(heard), len(wanted)) < _SHORT or abs(len(heard) - len(wanted)) > 2:
        return False
    return SequenceMatcher(None, heard, wanted).ratio() >= 0.8


def says(heard: Sequence[str], phrase: str) -> bool:
    """Whether the words of `phrase` were heard one after the other, with at most two others between them."""
    first, *rest = phrase.split()
    return any(alike(word, first) and _goes_on(heard, place + 1, rest) for place, word in enumerate(heard))


def best_phrase(heard: Sequence[str], phrases: Iterable[str]) -> int:
    """Return the number of words of the longest of `phrases` that was said; 0 if none was."""
    return max((len(phrase.split()) for phrase in phrases if says(heard, phrase)), default=0)


def _goes_on(heard: Sequence[str], place: int, rest: Sequence[str]) -> bool:
    for wanted in rest:
        for step, word in enumerate(heard[place : place + _GAP + 1]):
            if alike(word, wanted):
                place += step + 1
                break
        else:
            return False
    return True
