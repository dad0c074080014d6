import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.inference.demonstration.heard import alike, best_phrase, says, tokens, words


@given(st.text(max_size=80))
def test_tokens_are_slices_in_order(text: str) -> None:
    end = 0
    for token in tokens(text):
        assert end <= token.start < token.end
        assert token.word == text[token.start : token.end].lower().replace("\u2019", "'")
        end = token.end


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What's twenty-one, please?", ["what's", "twenty", "one"]),
        ("What\u2019s 5-3", ["what's", "5", "-", "3"]),
        ("it is -5.25 + 1,000", ["it", "is", "-", "5.25", "+", "1,000"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("heard", "wanted", "same"),
    [
        ("time", "time", True),
        ("lights", "light", True),
        ("light", "lights", True),
        ("boxes", "box", True),
        ("whether", "weather", True),
        ("kilometre", "kilometer", True),
        ("late", "date", False),
        ("time", "tile", False),
        ("mother", "weather", False),
        ("", "time", False),
    ],
)
def test_alike(heard: str, wanted: str, same: bool) -> None:
    assert alike(heard, wanted) is same


@pytest.mark.parametrize(
    ("text", "phrase", "said"),
    [
        ("can you tell me what time it is", "what time", True),
        ("what is the time", "what time", True),
        ("what do you think is the time", "what time", False),
        ("time for what", "what time", False),
        ("what what time", "what time", True),
        ("stop", "stop", True),
        ("", "stop", False),
    ],
)
def test_says(text: str, phrase: str, said: bool) -> None:
    assert says(words(text), phrase) is said


def test_the_longest_phrase_counts() -> None:
    assert best_phrase(words("what is your name"), ["name", "what is your name", "your name"]) == 4
    assert best_phrase(words("goodbye"), ["name"]) == 0
