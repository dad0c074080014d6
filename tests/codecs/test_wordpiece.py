"""Texts become numbers as BERT's tokenizer has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.wordpiece import WordPiece

VOCABULARY = [
    *(
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "un",
        "##aff",
        "##able",
        "the",
        "want",
        "##want",
        "##ed",
        "wa",
        "run",
        "##ning",
    ),
    *(",", ".", "!", "##!", "'", "m", "東", "京", "cafe", "é", "café"),
]


def pieces(text: str, *, lowercase: bool = True, longest: int = 512) -> list[str]:
    numbers = WordPiece(VOCABULARY, lowercase=lowercase).encode(text, longest)
    assert numbers[0] == VOCABULARY.index("[CLS]")
    assert numbers[-1] == VOCABULARY.index("[SEP]")
    return [VOCABULARY[number] for number in numbers[1:-1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("unaffable", "un ##aff ##able"),  # the example of BERT's own tests
        ("UNwant\u00e9d,running", "un ##want ##ed , run ##ning"),  # another one
        ("unaffableX", "[UNK]"),
        ("The  want\ted!", "the want [UNK] !"),
        ("I'm", "[UNK] ' m"),
        ("the\u200b\x00the", "[UNK]"),  # what can't be seen does not part words
        ("the\u00a0the\nthe", "the the the"),
        ("東京the", "東 京 the"),
        ("Café", "cafe"),
        ("the" * 34, "[UNK]"),
    ],
)
def test_pieces(text: str, expected: str) -> None:
    assert pieces(text) == expected.split()


def test_with_case_and_accents() -> None:
    assert pieces("café The the", lowercase=False) == ["café", "[UNK]", "the"]


def test_what_is_too_long_is_cut_at_its_end() -> None:
    assert pieces("the , the . the", longest=5) == ["the", ",", "the"]
    assert pieces("the", longest=2) == []


def test_a_vocabulary_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"has no \[CLS\], \[SEP\]; is it a WordPiece vocabulary"):
        WordPiece(["[UNK]", "the"])


@given(st.text(max_size=60), st.integers(2, 40))
def test_every_text_can_be_written_and_is_no_longer_than_allowed(text: str, longest: int) -> None:
    numbers = WordPiece(VOCABULARY).encode(text, longest)
    assert 2 <= len(numbers) <= longest
    assert set(numbers) <= set(range(len(VOCABULARY)))


@given(st.lists(st.sampled_from(["the", "unaffable", "want", ",", "running", "xyz"]), max_size=8))
def test_what_is_written_can_be_read(words: list[str]) -> None:
    read = " ".join(pieces(" ".join(words))).replace(" ##", "")
    assert read.split() == ["[UNK]" if word == "xyz" else word for word in words]
