from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.inference.demonstration.heard import words
from troupe.actors.inference.demonstration.spoken_numbers import LIMIT, read, read_all, spell


@given(st.integers(-LIMIT + 1, LIMIT - 1))
def test_what_is_spelled_is_read(number: int) -> None:
    said = words(spell(number))
    assert read(said) == (number, len(said))


@given(st.integers(0, 10**12), st.integers(0, 10**6))
def test_digits_are_read(whole: int, part: int) -> None:
    assert read(words(f"{whole:,}")) == (whole, 1)
    assert read(words(f"{whole}.{part}")) == (Fraction(f"{whole}.{part}"), 1)


@pytest.mark.parametrize(
    ("text", "value", "length"),
    [
        ("twelve", 12, 1),
        ("twenty one", 21, 2),
        ("twenty-one", 21, 2),
        ("twenty eleven", 20, 1),
        ("one two", 1, 1),
        ("a hundred and five", 105, 4),
        ("one hundred five", 105, 3),
        ("hundred", None, 0),
        ("two thousand and twenty four", 2024, 5),
        ("a million", 10**6, 2),
        ("3.5 million", 3_500_000, 2),
        ("two million three thousand", 2_003_000, 4),
        ("two thousand three million", 2003, 3),
        ("three point one four", Fraction("3.14"), 4),
        ("zero point zero five", Fraction("0.05"), 4),
        ("three point", 3, 1),
        ("minus five", -5, 2),
        ("- 5", -5, 2),
        ("minus", None, 0),
        ("two and a half", Fraction(5, 2), 4),
        ("half", Fraction(1, 2), 1),
        ("a quarter of", Fraction(1, 4), 2),
        ("two and three", 2, 1),
        ("and five", None, 0),
        ("a dog", None, 0),
        ("", None, 0),
    ],
)
def test_read(text: str, value: Fraction | int | None, length: int) -> None:
    assert read(words(text) if text != "- 5" else ["-", "5"]) == (None if value is None else (value, length))


def test_reading_begins_where_it_is_told_to() -> None:
    assert read(["count", "to", "twenty", "five", "now"], 2) == (25, 4)
    assert read(["five"], 1) is None


def test_all_numbers_are_found_in_order() -> None:
    said = ["count", "from", "twenty", "one", "to", "a", "hundred", "and", "", "5"]
    assert read_all(said) == [(21, 2, 4), (100, 5, 7), (5, 9, 10)]


@pytest.mark.parametrize(
    ("number", "spelled"),
    [
        (0, "zero"),
        (19, "nineteen"),
        (40, "forty"),
        (99, "ninety-nine"),
        (101, "one hundred and one"),
        (1100, "one thousand one hundred"),
        (1_000_001, "one million and one"),
        (-12, "minus twelve"),
    ],
)
def test_spell(number: int, spelled: str) -> None:
    assert spell(number) == spelled


@pytest.mark.parametrize("number", [LIMIT, -LIMIT])
def test_too_long_numbers_are_not_spelled(number: int) -> None:
    with pytest.raises(ValueError, match="too many digits"):
        spell(number)
