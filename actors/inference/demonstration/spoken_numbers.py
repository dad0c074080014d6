"""English numbers in words and digits: read and spelled."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

_ONES: Final = tuple(
    word
    for line in (
        "zero one two three four five six seven eight nine",
        "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
    )
    for word in line.split()
)
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES: Final = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}

_SMALL: Final = dict(zip(_ONES, range(20), strict=True)) | dict(zip(_TENS, range(20, 100, 10), strict=True))
_PARTS = {"half": Fraction(1, 2), "quarter": Fraction(1, 4)}
LIMIT: Final = 10**15
"""From here on `spell` has no words."""


def read(words: Sequence[str], start: int = 0) -> tuple[Fraction, int] | None:
    """Read the number that begins at `start`, as in "a hundred and five", "3.5 million", "two and a half".

    Args:
        words: in lower case; numbers in digits may have commas and a decimal point.
        start: index of the number's first word.

    Returns:
        The number and the index after its last word, or None if none begins there.
    """
    if found := _read_sign(words, start):
        return found
    if found := _read_whole(words, start):
        value, place = found
        if words[place : place + 1] == ["point"]:
            return _read_decimals(words, value, place)
        if words[place : place + 2] == ["and", "a"] and (part := _PARTS.get(_at(words, place + 2))):
            return value + part, place + 3
        return Fraction(value), place
    skip = 1 if _at(words, start) == "a" else 0
    if part := _PARTS.get(_at(words, start + skip)):
        return part, start + skip + 1
    return None


def read_all(words: Sequence[str]) -> list[tuple[Fraction, int, int]]:
    """Return all numbers among `words`, each with the index of its first word and the index after its last."""
    found: list[tuple[Fraction, int, int]] = []
    place = 0
    while place < len(words):
        if number := read(words, place):
            value, after = number
            found.append((value, place, after))
            place = after
        else:
            place += 1
    return found


def spell(number: int) -> str:
    """Write a whole number below `LIMIT` in words, as "one hundred and five".

    Raises:
        ValueError: if it has too many digits.
    """
    if abs(number) >= LIMIT:
        raise ValueError("the number has too many digits to be spelled")
    if number < 0:
        return f"minus {spell(-number)}"
    for name, scale in reversed(_SCALES.items()):
        if number >= scale:
            count, rest = divmod(number, scale)
            return f"{spell(count)} {name}" + _tail(rest)
    if number >= 100:
        count, rest = divmod(number, 100)
        return f"{spell(count)} hundred" + _tail(rest)
    if number >= 20:
        tens, ones = divmod(number, 10)
        return _TENS[tens - 2] + (f"-{_ONES[ones]}" if ones else "")
    return _ONES[number]


def _tail(rest: int) -> str:
    if not rest:
        return ""
    return f" and {spell(rest)}" if rest < 100 else f" {spell(rest)}"


def _at(words: Sequence[str], place: int) -> str:
    return words[place] if place < len(words) else ""


def _read_sign(words: Sequence[str], start: int) -> tuple[Fraction, int] | None:
    if _at(words, start) in ("minus", "negative", "-") and (found := read(words, start + 1)):
        return -found[0], found[1]
    return None


def _read_decimals(words: Sequence[str], whole: Fraction, place: int) -> tuple[Fraction, int]:
    """Read the digits that are spoken after "point"."""
    digits = ""
    after = place + 1
    while (digit := _SMALL.get(_at(words, after), _digit(_at(words, after)))) is not None and digit < 10:
        digits += str(digit)
        after += 1
    return (whole + Fraction(int(digits), 10 ** len(digits)), after) if digits else (whole, place)


def _digit(word: str) -> int | None:
    return int(word) if len(word) == 1 and word.isdecimal() else None


def _read_whole(words: Sequence[str], start: int) -> tuple[Fraction, int] | None:
    """Read a number without sign and fraction; in digits it may have a decimal point."""
    total = Fraction(0)  # of the thousands, millions, ... that are complete
    group: Fraction | None = None  # what comes before the next scale
    last_scale = LIMIT
    place = start
    while place < len(words):
        word = words[place]
        if word[:1].isdecimal():
            if group is not None:
                break
            group = Fraction(word.replace(",", ""))
        elif word in _SMALL:
            value = _SMALL[word]
            fits = group is None or (
                group.denominator == 1
                and group > 0
                and value > 0
                and group % (100 if value >= 10 or group % 100 < 20 else 10) == 0
                and words[place - 1] in (*_TENS, "hundred", "and")
            )
            if not fits:
                break
            group = (group or 0) + Fraction(value)
        elif word == "hundred" and group is not None and 0 < group < 100:
            group *= 100
        elif word in _SCALES and group and _SCALES[word] < last_scale:
            last_scale = _SCALES[word]
            total, group = total + group * last_scale, None
        elif (
            word == "a" and place == start and (_at(words, place + 1) == "hundred" or _at(words, place + 1) in _SCALES)
        ):
            group = Fraction(1)
        elif not (
            word == "and"
            and place > start
            and words[place - 1] in ("hundred", *_SCALES)
            and _at(words, place + 1) in _SMALL
        ):
            break
        place += 1
    if place == start:
        return None
    return total + (group or 0), place
