"""What a stop means between what stands around it."""

# ruff: noqa: RUF001

import pytest
from troupe.codecs.sentences import Break, stop_break

SENTENCE, CLAUSE, WORD = Break.SENTENCE, Break.CLAUSE, Break.WORD


@pytest.mark.parametrize(
    ("before", "stop", "after", "expected"),
    [
        ("It rains", ".", "T", SENTENCE),
        ("It rains", ".", "", SENTENCE),
        ("It rains", ".", "t", CLAUSE),
        ("It rains", ".", "¿", SENTENCE),
        ("It rains", ".", "5", SENTENCE),
        ("Really", "?", "y", SENTENCE),
        ('"Really', '?"', "h", CLAUSE),
        ('"Really', '?"', "H", SENTENCE),
        ("Really", "?!", "w", SENTENCE),
        ("Well", "...", "m", CLAUSE),
        ("Well", "…", "M", SENTENCE),
        ("with Dr", ".", "S", WORD),
        ("(Dr", ".", "S", WORD),
        ("as J. F", ".", "K", WORD),
        ("the U.S", ".", "A", WORD),
        ("for e.g", ".", "t", WORD),
        ("at 5 p.m", ".", "T", SENTENCE),
        ("at 5 p.m", ".", "o", WORD),
        ("approx", ".", "f", WORD),
        ("z. B", ".", "B", WORD),
        ("see No", ".", "5", WORD),
        ("I said no", ".", "T", SENTENCE),
        ("on Jan", ".", "3", WORD),
        ("I have 3", ".", "T", SENTENCE),
        ("I have 3", ".", "t", WORD),
        ("I have 3", ".", "4", WORD),
        ('He was a "Dr', '."', "T", SENTENCE),
        ("Привет", ".", "К", SENTENCE),
        ("你好", "。", "x", SENTENCE),
        ("नमस्ते", "।", "आ", SENTENCE),
    ],
)
def test_stop(before: str, stop: str, after: str, expected: Break) -> None:
    assert stop_break(before, stop, after) is expected


def test_ordinal_numbers() -> None:
    assert stop_break("am 3", ".", "M", "de") is WORD
    assert stop_break("am 3", ".", "M", "en") is SENTENCE
    assert stop_break("im Jahr 2024", ".", "D", "de") is SENTENCE
