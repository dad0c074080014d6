"""Words come out of characters whole, in order, and with the times that they were given, however they are cut."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from troupe.actors.contracts import Word
from troupe.actors.providers.elevenlabs.wire.alignment import Alignment

EACH = 0.06


TEXTS = st.text("aé世🎭,. \n", max_size=60)


@given(
    text=TEXTS,
    cuts=st.lists(st.integers(0, 60), max_size=6),
    relative=st.booleans(),
    spoken=st.sampled_from(["", "the same"]),
)
@example(text="  a", cuts=[2], relative=True, spoken="")
def test_words_are_whole_however_they_are_cut(text: str, cuts: list[int], relative: bool, spoken: str) -> None:
    alignment, words = Alignment(spoken and text), []
    edges = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    for start, end in pairwise(edges):
        offset = start * EACH if relative else 0.0
        starts = [number * EACH - offset for number in range(start, end)]
        words += alignment.push(text[start:end], starts, [time + EACH for time in starts], start * EACH)
    words += alignment.finish()
    assert [word.text for word in words] == text.split()
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)
    at = 0
    for word in words:
        at = text.index(word.text, at)
        assert word.start == pytest.approx(at * EACH, abs=0.03)
        at += len(word.text)
        assert word.end == pytest.approx(at * EACH, abs=0.03)


def test_an_item_may_have_several_characters() -> None:
    words = Alignment().push(["He", "llo ", "you "], [0.0, 0.1, 0.3], [0.1, 0.3, 0.5], 0.0)
    assert [(word.text, word.start, word.end) for word in words] == [("Hello", 0.0, 0.3), ("you", 0.3, 0.5)]


def test_missing_times_leave_words_out_and_break_nothing() -> None:
    assert Alignment().push(["a", " "], [], [], 0.0) == ()


def test_a_word_is_complete_at_its_last_character_where_the_text_is_known() -> None:
    times = [0.0, 0.1, 0.2], [0.1, 0.2, 0.3]
    assert Alignment("One two").push("One", *times, 0.0) == (Word("One", 0.0, 0.3),)
    assert Alignment("Ones").push("One", *times, 0.0) == ()
    assert Alignment("1 two").push("One", *times, 0.0) == ()  # what is said is not what is written
    assert Alignment().push("One", *times, 0.0) == ()
