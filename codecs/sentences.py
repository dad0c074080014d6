"""Where sentences end: what a full stop, a question mark or an ellipsis means between what stands around it."""

# ruff: noqa: RUF001  # marks of other scripts are what this is about

import re
from enum import IntEnum
from typing import Final

from .markup import CLOSERS, WIDE_STOPS


class Break(IntEnum):
    """How deep the break is between two words, and so how good a place it is to cut."""

    NONE = 0
    """No place to cut, whatever the length."""
    WORD = 1
    CLAUSE = 2
    SENTENCE = 3
    PARAGRAPH = 4


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TITLES: Final = _words(
    "mr mrs ms dr prof st hon rev gen col sgt capt lt cmdr gov sen rep pres vs approx resp incl excl "
    "sr sra srta dott sig avv ing mme mlle "
    "bzw ca evtl ggf inkl exkl str tel vgl zzgl hrsg bspw sog "
    "dhr mevr bijv "
    "г ул им проф"
)
"""Abbreviations after which a sentence goes on, whatever follows."""
_BEFORE_NUMBERS: Final = _words(
    "no nr nos art fig figs vol vols p pp ch sec eq abs bd kap ed "
    "jan feb mar apr jun jul aug sep sept oct nov dec mär okt dez ene abr ago dic"
)
"""Abbreviations only if a number follows."""
_DOTTED_ENDS: Final = _words("a.m p.m ph.d b.c a.d u.a u.s.w s.a")
"""Abbreviations with dots inside after which a sentence may begin."""
_INITIALS: Final = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_LAST_WORD: Final = re.compile(r"[^\s(\[{\"'“‘«„]*$")
_ORDINAL_DOT: Final = _words("de da nb nn no fi cs sk pl hu hr sl sr bs et lv lt is tr eu fo")
"""Languages that write ordinal numbers with a full stop."""


def stop_break(before: str, stop: str, after: str, language: str = "") -> Break:
    """Judge the break at a stop that white space follows.

    Args:
        before: the text before the stop; its last word matters.
        stop: the marks, with the quotes and brackets closed after them.
        after: the first character behind the white space; empty at the end of the text.
        language: primary language subtag, such as ``de``; it matters for numbers with a full stop.
    """
    if after == "" or any(mark in WIDE_STOPS for mark in stop):
        return Break.SENTENCE
    marks = stop.rstrip(CLOSERS)
    goes_on = after.islower()
    if "?" in marks or "!" in marks:
        return Break.CLAUSE if goes_on and marks != stop else Break.SENTENCE
    if len(marks) > 1 or marks == "…":
        return Break.CLAUSE if goes_on else Break.SENTENCE
    if marks == stop:
        word = _last_word(before).lower()
        if word.isdecimal():
            ordinal = language in _ORDINAL_DOT and len(word) <= 3
            return Break.WORD if ordinal or goes_on or after.isdecimal() else Break.SENTENCE
        if word in _TITLES or (word in _BEFORE_NUMBERS and after.isdecimal()):
            return Break.WORD
        if _INITIALS.fullmatch(word):
            return Break.SENTENCE if word in _DOTTED_ENDS and not goes_on else Break.WORD
    return Break.CLAUSE if goes_on else Break.SENTENCE


def _last_word(text: str) -> str:
    found = _LAST_WORD.search(text[-40:])
    return found[0] if found else ""
