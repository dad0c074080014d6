"""Where an answer goes on when another model takes it over in the middle.

The next model is asked to continue what has been said. Some models do; some begin again, from the start or from the
last sentence or word, perhaps with other punctuation. Which of these one is doing shows only in what it writes. So its
text is held back while it could still be a repetition, compared letter by letter with what was said. As soon as it is
clear, the repetition is dropped, and what follows goes through as it comes.

In principle "ha" after "ha" may be the second half of "haha" or the word once more. The rules that decide:

- A repetition of everything that was said, or of at least `EVIDENCE` letters from the start of a word on, is one,
  whatever its case and punctuation. A shorter one has to be the whole answer so far, or the last sentence or word, in
  the same case, and must not begin with a space, with which an answer that is being continued would go on.
- Of several, the longest is meant.
- An answer that broke off within a sentence, and now begins as before, but after `STRAY_EVIDENCE` letters goes on in
  other words, is followed to where it comes to the words that were said last. If it never does, it can't be joined.
"""

import re
import unicodedata
from bisect import bisect_left
from typing import Final, NamedTuple

from ...codecs.markup import WIDE_STOPS

EVIDENCE: Final = 12
"""Letters that don't agree by chance."""
SHORT_EVIDENCE: Final = 3
"""Letters of a last sentence or word that is repeated."""
STRAY_EVIDENCE: Final = 16
"""Letters in the same case that two sentences don't have in common unless one is a version of the other."""
LONGEST_GAP: Final = 32
"""Punctuation and spaces that are compared at the joint; what more there is passes through."""
LONGEST_DETOUR: Final = 60
"""Letters that an answer in other words may take beyond half as many again as were said."""

_SENTENCE_END: Final = re.compile(rf"[.!?…][^\w\s]*\s+|[{WIDE_STOPS}]|\n+")
_ENDS_SENTENCE: Final = re.compile(rf"[.!?…:;{WIDE_STOPS}][^\w\s]*\s*$|\n\s*$")
_IGNORED: Final = frozenset("PZC")  # Unicode categories: punctuation, spaces, control characters


class CannotJoin(Exception):
    """The text is another answer, and no continuation of what was said."""


class _Tail(NamedTuple):
    """A part of what was said, up to its end, that may be repeated."""

    start: int  # in letters
    literal: bool  # whether the repetition has to be in the same case, without a space in front


class Continuation:
    """The text of the next model, less what it repeats.

    The result does not depend on how the text is divided into pushes, and no letter is held back for longer than until
    the repetition is over or ruled out.

    Args:
        said: What was said before.
    """

    def __init__(self, said: str) -> None:
        self._is_letter = _is_letter if any(map(_is_letter, said)) else _is_anything
        places = [place for place, letter in enumerate(said) if self._is_letter(letter)]
        self._said = "".join(said[place] for place in places)
        self._folded = "".join(map(_fold, self._said))
        self._ending = said[places[-1] + 1 :] if places else ""
        self._starts_with_space = said[:1].isspace()
        self._within_sentence = not _ENDS_SENTENCE.search(said)
        self._tails = _tails(said, places)
        self._strayed = False
        """Whether it began like what was said, and goes on in other words."""
        self._held = ""
        self._letters = ""  # of what is held
        self._lower = ""  # the same, folded
        self._places: list[int] = []  # of each of them in what is held
        self._joined = not places

    @property
    def held(self) -> str:
        """What is held back now: a repetition, or what may turn out to be one."""
        return self._held

    def push(self, text: str) -> str:
        """Take more text of the model; return what is new of it, which may be nothing.

        Raises:
            CannotJoin: It is another answer.
        """
        if self._joined:
            return text
        for place, letter in enumerate(text, len(self._held)):
            if self._is_letter(letter):
                self._letters += letter
                self._lower += _fold(letter)
                self._places.append(place)
        self._held += text
        return self._judge(final=False)

    def finish(self) -> str:
        """The model has ended its text; return what was still held back of it and is new.

        Raises:
            CannotJoin: It is another answer.
        """
        return "" if self._joined else self._judge(final=True)

    def _judge(self, *, final: bool) -> str:
        if self._strayed:
            return self._follow(final=final)
        self._tails = [tail for tail in self._tails if self._agrees(tail)]
        lengths = [len(self._said) - tail.start for tail in self._tails]
        if not final and any(length > len(self._letters) for length in lengths):
            return ""
        if complete := [length for length in lengths if length <= len(self._letters)]:
            return self._join(max(complete), final=final)
        if final:
            ends_early = len(self._letters) >= SHORT_EVIDENCE and self._agrees(_Tail(0, literal=True))
            return self._pass_on("" if ends_early else self._held)
        began = self._letters[:STRAY_EVIDENCE]
        as_before = len(began) == STRAY_EVIDENCE and self._said.startswith(began) and not self._begins_with_space()
        self._strayed = as_before and self._within_sentence
        return self._follow(final=final) if self._strayed else self._pass_on(self._held)

    def _agrees(self, tail: _Tail) -> bool:
        """Whether the letters so far are the beginning of the tail, or the other way round."""
        if not tail.literal:
            repeated, letters = self._folded[tail.start :], self._lower
        elif self._begins_with_space() and not (tail.start == 0 and self._starts_with_space):
            return False
        else:
            repeated, letters = self._said[tail.start :], self._letters
        return repeated.startswith(letters) or letters.startswith(repeated)

    def _begins_with_space(self) -> bool:
        return self._held[:1].isspace()

    def _follow(self, *, final: bool) -> str:
        """Look for the words that were said last in an answer that uses others."""
        last = self._folded[-EVIDENCE:]
        limit = len(self._said) * 3 // 2 + LONGEST_DETOUR
        found = self._lower.find(last, 0, limit)
        if found >= 0:
            return self._join(found + len(last), final=final)
        if final or len(self._letters) >= limit:
            raise CannotJoin
        return ""

    def _join(self, repeated: int, *, final: bool) -> str:
        """Drop so many letters, and what both have of punctuation and spaces after them."""
        end = self._places[repeated - 1] + 1
        following = self._places[repeated] if repeated < len(self._places) else len(self._held)
        gap = self._held[end : min(following, end + LONGEST_GAP)]
        rest = self._held[end + len(gap) :]
        if gap.startswith(self._ending):
            return self._pass_on(gap[len(self._ending) :] + rest)
        if not (rest or final or len(gap) == LONGEST_GAP):
            return ""
        return self._pass_on(_bridge(self._ending, gap) + rest)

    def _pass_on(self, text: str) -> str:
        self._joined, self._held = True, ""
        return text


def _tails(said: str, places: list[int]) -> list[_Tail]:
    """Find what may be repeated of `said`, whose letters are at `places`."""
    if not places:
        return []
    letters = set(places)
    words = [number for number, place in enumerate(places) if place - 1 not in letters]
    sentences = [match.end() for match in _SENTENCE_END.finditer(said)]
    short = {bisect_left(places, sentences[-1])} if sentences else set[int]()
    if len(said) - 1 in letters:
        short.add(words[-1])
    tails = [_Tail(start, literal=False) for start in words if len(places) - start >= EVIDENCE]
    tails += [_Tail(start, literal=True) for start in short if SHORT_EVIDENCE <= len(places) - start < EVIDENCE]
    if len(places) < EVIDENCE:
        tails.append(_Tail(0, literal=True))
    return tails


def _bridge(ending: str, gap: str) -> str:
    """Return what leads from the `ending` of what was said to the next word, where the repetition had a `gap`.

    The punctuation after a word has been said, in one way or another. A space, and what stands before the next word and
    belongs to it (a quotation mark, a minus), may be missing.
    """
    space, opening = _after_word(gap)
    said_space, said_opening = _after_word(ending)
    if not said_space:
        return space + opening
    return opening[len(said_opening) :] if opening.startswith(said_opening) else ""


def _after_word(gap: str) -> tuple[str, str]:
    """Return the last white space between two words and what is after it; without any, all belongs to the first."""
    match = re.search(r"(\s+)(\S*)$", gap)
    return (match[1], match[2]) if match else ("", "")


def _is_letter(character: str) -> bool:
    """Whether it counts in a comparison: letters, digits, marks and symbols, but not punctuation."""
    return unicodedata.category(character)[0] not in _IGNORED


def _is_anything(_character: str) -> bool:
    return True


def _fold(letter: str) -> str:
    """Take away the case, if that leaves one letter: places must not shift."""
    folded = letter.casefold()
    return folded if len(folded) == 1 else letter
