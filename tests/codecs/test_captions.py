"""Captions: grouping obeys its limits and loses no word; what is written is read back; foreign files are read."""

# ruff: noqa: E501

from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.captions import Caption, captions, from_srt, from_webvtt, to_srt, to_webvtt
from troupe.codecs.errors import BrokenMedia


class Word(NamedTuple):
    text: str
    start: float
    end: float


def say(text: str, *, seconds: float = 0.3, start: float = 0.0) -> list[Word]:
    return [Word(word, start + i * seconds, start + (i + 1) * seconds) for i, word in enumerate(text.split())]


def test_a_sentence_ends_a_caption() -> None:
    words = say("Ever tried and ever failed in this? No matter at all. Try again.")
    assert captions(words) == [
        Caption(0.0, words[6].end, "Ever tried and ever failed in this?"),
        Caption(words[7].start, words[-1].end, "No matter at all. Try again."),
    ]


def test_lines_are_wrapped() -> None:
    words = say("It was the best of times and it was the worst of times and all that", seconds=0.1)
    (caption,) = captions(words, width=36)
    assert caption.text == "It was the best of times and it was\nthe worst of times and all that"


def test_a_pause_ends_a_caption() -> None:
    words = [*say("one two"), *say("three", start=2.0)]
    assert [caption.text for caption in captions(words)] == ["one two", "three"]
    assert [caption.text for caption in captions(words, gap=2)] == ["one two three"]


def test_a_caption_does_not_last_too_long() -> None:
    assert [each.text for each in captions(say("a b c d", seconds=3))] == ["a b", "c d"]
    assert [each.text for each in captions(say("a b", seconds=9))] == ["a", "b"]


def test_scripts_without_spaces_are_joined_and_take_two_columns() -> None:
    words = [Word(letter, i / 10, (i + 1) / 10) for i, letter in enumerate("今天天气很好我们去公园吧")]
    (caption,) = captions(words, width=16)
    assert caption.text == "今天天气很好我们\n去公园吧"


spoken = st.lists(
    st.tuples(st.text("abc.?", min_size=1, max_size=60), st.floats(0, 2), st.floats(0, 4)), max_size=40
)  # fmt: skip


@given(spoken, st.integers(5, 50), st.integers(1, 3), st.floats(0.5, 8), st.floats(0.1, 3))
def test_limits_hold_and_no_word_is_lost(
    said: list[tuple[str, float, float]], width: int, lines: int, duration: float, gap: float
) -> None:
    words, now = [], 0.0
    for text, pause, length in said:
        words.append(Word(text, now + pause, (now := now + pause + length)))
    result = captions(words, width=width, lines=lines, duration=duration, gap=gap)
    assert " ".join(caption.text for caption in result).split() == [word.text for word in words]
    for caption in result:
        count = len(caption.text.split())
        assert len(caption.text.split("\n")) <= lines or count == 1
        assert all(len(line) <= width or " " not in line for line in caption.text.split("\n"))
        assert caption.end - caption.start <= duration or count == 1
    for before, after in pairwise(result):
        assert before.start <= before.end <= after.start


lines_of_text = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1).filter(str.strip)
written = st.lists(
    st.builds(
        lambda start, length, lines: Caption(start / 1000, (start + length) / 1000, "\n".join(lines)),
        st.integers(0, 10**8),
        st.integers(0, 10**5),
        st.lists(lines_of_text | st.sampled_from(["<b>&amp;", "1 --> 2", "00:00:01,000 --> 00:00:02,000", "7"]), max_size=3),
    ),
    max_size=6,
)  # fmt: skip


@given(written)
def test_round_trips(items: list[Caption]) -> None:
    assert from_srt(to_srt(items)) == items
    assert from_webvtt(to_webvtt(items)) == items


def test_what_is_written() -> None:
    items = [Caption(1.0, 2.5, "a < b\n\nc"), Caption(3661.0015, 3662, "")]
    assert to_srt(items) == (
        "1\n00:00:01,000 --> 00:00:02,500\na < b\nc\n\n2\n01:01:01,002 --> 01:01:02,000\n\n"
    )  # fmt: skip
    assert to_webvtt(items) == (
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\na &lt; b\nc\n\n01:01:01.002 --> 01:01:02.000\n\n"
    )  # fmt: skip
    assert to_srt([]) == ""
    assert to_webvtt([]) == "WEBVTT\n"


def test_srt_as_found_in_the_wild() -> None:
    text = "\ufeff1\r\n00:00:01,5 --> 00:00:02.250 X1:5\r\nfirst\r\nline\r\n\r\n\r\n0:0:3,000-->0:0:4,000\r\nno number\r\n\r\nmore"
    assert from_srt(text) == [Caption(1.5, 2.25, "first\nline"), Caption(3.0, 4.0, "no number\nmore")]


def test_webvtt_with_all_its_parts() -> None:
    text = (
        "\ufeffWEBVTT - title\nKind: captions\n\nNOTE a comment\nin lines\n\nSTYLE\n::cue { color: red }\n\n"
        "intro\n00:01.000 --> 00:02.000 align:start position:0%\n<v Ann>Hello <b>you</b> &amp; me &lt;3\n- hi\n\n"
        "this cue has no times\nand is left out\n\n100:00:00.000 --> 100:00:01.000\nlate\n\nNOTE end"
    )
    assert from_webvtt(text) == [
        Caption(1.0, 2.0, "Hello you & me <3\n- hi"),
        Caption(360_000.0, 360_001.0, "late"),
    ]


@pytest.mark.parametrize("text", ["", "WEBVTTX", "1\n00:00:01,000 --> 00:00:02,500\na", "\nWEBVTT"])
def test_what_is_not_webvtt_is_refused(text: str) -> None:
    with pytest.raises(BrokenMedia, match="not WebVTT"):
        from_webvtt(text)


def test_what_is_not_srt_is_refused() -> None:
    assert from_srt("") == from_srt("\n \n") == []
    with pytest.raises(BrokenMedia, match="line 2"):
        from_srt("\nhello\nyou\n")


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    from_webvtt("WEBVTT\n\n" + text)
    from_srt("00:00:01,000 --> 00:00:02,500\n" + text)
