"""Arithmetic as people say it: "what is twelve times three plus one", "20 % of 80", "divide ten by four"."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import isqrt
from typing import Final

from . import spoken_numbers

MOST_DIGITS: Final = 60
"""Numbers with more digits are refused, so that no question takes long."""
_MOST_WORDS = 100  # likewise, and brackets in brackets are read by recursion

# What is said, the longest first where one begins with the other; then how tightly it binds, and what it is.
_INFIX: Final[tuple[tuple[tuple[str, ...], int, str], ...]] = tuple(
    (tuple(words.split()), tightness, operation)
    for words, tightness, operation in (
        ("plus", 1, "+"),
        ("added to", 1, "+"),
        ("+", 1, "+"),
        ("minus", 1, "-"),
        ("take away", 1, "-"),
        ("less", 1, "-"),
        ("-", 1, "-"),
        ("multiplied by", 2, "*"),
        ("multiply by", 2, "*"),
        ("times", 2, "*"),
        ("time", 2, "*"),  # as it is often heard
        ("x", 2, "*"),
        ("*", 2, "*"),
        ("\u00d7", 2, "*"),
        ("divided by", 2, "/"),
        ("divide by", 2, "/"),
        ("divided", 2, "/"),
        ("over", 2, "/"),
        ("/", 2, "/"),
        ("\u00f7", 2, "/"),
        ("percent of", 3, "%"),
        ("per cent of", 3, "%"),
        ("% of", 3, "%"),
        ("to the power of", 4, "^"),
        ("to the", 4, "^"),
        ("^", 4, "^"),
        ("of", 3, "of"),  # of a fraction: "half of ten"
    )
)
_POSTFIX: Final = {"squared": 2, "cubed": 3}
_BEFORE: Final = (("square", "root", "of"), ("root", "of"))
_OF_TWO: Final[dict[str, tuple[frozenset[str], Callable[[Fraction, Fraction], Fraction]]]] = {
    "add": (frozenset({"and", "to"}), lambda x, y: x + y),
    "sum": (frozenset({"and"}), lambda x, y: x + y),
    "subtract": (frozenset({"from"}), lambda x, y: y - x),
    "difference": (frozenset({"and"}), lambda x, y: abs(x - y)),
    "multiply": (frozenset({"by", "and", "with"}), lambda x, y: x * y),
    "product": (frozenset({"and"}), lambda x, y: x * y),
    "divide": (frozenset({"by"}), lambda x, y: _divide(x, y)),
}
_LEADS = frozenset({"and", "what", "what's", "is", "about", "that", "it", "now"})
_LINKS = frozenset({"of", "between", "the", "up"})
# Numbers that a recogniser writes as other words; taken for numbers only beside an operator.
_SOUNDS_LIKE: Final = {"to": 2, "too": 2, "for": 4, "won": 1, "ate": 8, "tree": 3, "free": 3}


def evaluate(words: Sequence[str], before: Fraction | None = None) -> Fraction | None:
    """Work out the longest piece of arithmetic among `words`.

    Args:
        words: as `heard.words` gives them.
        before: the result before; arithmetic that begins with an operator ("plus five") goes on from it.

    Returns:
        The exact result (roots to 12 decimals), or None if no arithmetic was said.

    Raises:
        ZeroDivisionError: if it divides by zero.
        OverflowError: if a number gets more than `MOST_DIGITS` digits.
        ValueError: if it has no real result.
    """
    best: tuple[int, Fraction] | None = None
    goes_on = True  # as long as nothing was said that means anything
    words = words[:_MOST_WORDS]
    for start, word in enumerate(words):
        reader = _Reader(words, start)
        value = reader.two() if word in _OF_TWO else reader.expression(0, before if goes_on else None)
        if value is not None and reader.operations and (best is None or reader.place - start > best[0]):
            best = reader.place - start, value
        goes_on &= word in _LEADS
    return best[1] if best else None


def say(number: Fraction) -> str:
    """Write a number to be read out: exactly if it has few decimals, else rounded and "about"."""
    if number.denominator == 1:
        return f"{number.numerator:,}"
    rounded = round(number, 2 if abs(number) >= 1 else 4)
    text = f"{float(rounded):,.4f}".rstrip("0").rstrip(".")
    return text if rounded == number else f"about {text}"


class _Reader:
    """Reads an expression from `place` on, by precedence climbing."""

    def __init__(self, words: Sequence[str], start: int) -> None:
        self.words = words
        self.place = start
        self.operations = 0

    def two(self) -> Fraction | None:
        """Read an operation on two expressions: "subtract three from ten"."""
        links, operation = _OF_TWO[self.words[self.place]]
        self.place += 1
        while self.place < len(self.words) and self.words[self.place] in _LINKS:
            self.place += 1
        left = self.operand(expected=True)
        if left is not None and self.place < len(self.words) and self.words[self.place] in links:
            self.place += 1
            right = self.operand(expected=True)
            if right is not None:
                self.operations += 1
                return _checked(operation(left, right))
        return None

    def expression(self, tightness: int, left: Fraction | None = None) -> Fraction | None:
        """Read operators that bind at least as tightly as `tightness`, and what is between them."""
        if left is None or not self.infix():
            left = self.operand(expected=tightness > 0)
        while left is not None and (found := self.infix()) and found[1] >= tightness:
            length, binds, operation = found
            if operation == "of" and left.denominator == 1:
                break
            before = self.place
            self.place += length
            right = self.expression(binds if operation == "^" else binds + 1)
            if right is None:
                self.place = before
                break
            self.operations += 1
            left = _checked(_apply(operation, left, right))
        return left

    def infix(self) -> tuple[int, int, str] | None:
        """Return the length, the tightness and the name of the operator that comes next."""
        for said, tightness, operation in _INFIX:
            if tuple(self.words[self.place : self.place + len(said)]) == said:
                return len(said), tightness, operation
        return None

    def operand(self, *, expected: bool) -> Fraction | None:
        """Read a number, a bracket or a root, and "squared" after it.

        Args:
            expected: whether there has to be one, as after an operator.
        """
        value = self.root()
        if value is None:
            value = self.bracket()
        if value is None:
            value = self.number(expected=expected)
        while value is not None and self.place < len(self.words) and self.words[self.place] in _POSTFIX:
            value = _checked(_power(value, Fraction(_POSTFIX[self.words[self.place]])))
            self.place += 1
            self.operations += 1
        return value

    def root(self) -> Fraction | None:
        for said in _BEFORE:
            if tuple(self.words[self.place : self.place + len(said)]) == said:
                before = self.place
                self.place += len(said)
                value = self.operand(expected=True)
                if value is None:
                    self.place = before
                    return None
                self.operations += 1
                return _root(value)
        return None

    def bracket(self) -> Fraction | None:
        if self.words[self.place : self.place + 1] != ["("]:
            return None
        before = self.place
        self.place += 1
        value = self.expression(0)
        if value is not None and self.words[self.place : self.place + 1] == [")"]:
            self.place += 1
            return value
        self.place = before
        return None

    def number(self, *, expected: bool) -> Fraction | None:
        if found := spoken_numbers.read(self.words, self.place):
            value, self.place = found
            return value
        if self.place < len(self.words) and (meant := _SOUNDS_LIKE.get(self.words[self.place])):
            self.place += 1
            if expected or self.infix():
                return Fraction(meant)
            self.place -= 1
        return None


def _apply(operation: str, left: Fraction, right: Fraction) -> Fraction:
    match operation:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*" | "of":
            return left * right
        case "/":
            return _divide(left, right)
        case "%":
            return left * right / 100
        case _:
            return _power(left, right)


def _divide(left: Fraction, right: Fraction) -> Fraction:
    if not right:
        raise ZeroDivisionError("division by zero")
    return left / right


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        if exponent == Fraction(1, 2):
            return _root(base)
        raise ValueError("only whole powers and square roots can be worked out")
    digits = len(str(max(abs(base.numerator), base.denominator)))
    if digits * abs(exponent) > 4 * MOST_DIGITS:  # refused before it is worked out
        raise OverflowError("the number gets too long")
    if not base and exponent < 0:
        raise ZeroDivisionError("division by zero")
    return base**exponent.numerator


def _root(value: Fraction) -> Fraction:
    if value < 0:
        raise ValueError("a negative number has no real root")
    numerator, denominator = isqrt(value.numerator), isqrt(value.denominator)
    if (numerator**2, denominator**2) == (value.numerator, value.denominator):
        return Fraction(numerator, denominator)
    return Fraction(isqrt(int(value * 10**24)), 10**12)


def _checked(value: Fraction) -> Fraction:
    if max(abs(value.numerator), value.denominator) >= 10**MOST_DIGITS:
        raise OverflowError("the number gets too long")
    return value
