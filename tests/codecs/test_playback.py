"""The playback clock: the laws of what was heard, with and without word times, by the clock and by acknowledgement."""

# ruff: noqa: RUF001, E501

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.playback import Heard, PlaybackClock
from troupe.codecs.speakable import Piece, SpeechCutter

RATE = 24_000


class Word(NamedTuple):
    text: str
    start: float
    end: float


def pieces_of(source: str) -> list[Piece]:
    cutter = SpeechCutter()
    return [piece for piece in cutter.push(source) + cutter.finish() if piece.text]


def clock_for(source: str, seconds_per_letter: float = 0.05, *, aligned: bool) -> PlaybackClock:
    """Everything is sent at the time 0; each word takes its letters, and so do the spaces."""
    clock = PlaybackClock(RATE)
    for piece in pieces_of(source):
        clock.begin(piece)
        clock.send(round(len(piece.text) * seconds_per_letter * RATE), 0.0)
        if aligned:
            at = 0
            for text in piece.text.split():
                at = piece.text.index(text, at)
                clock.words([Word(text, at * seconds_per_letter, (at + len(text)) * seconds_per_letter)])
                at += len(text)
        clock.complete()
    return clock


SOURCE = "Well, **yes**. I can do that for you! Shall we begin at 10:30, or later?"
BOTH = pytest.mark.parametrize("aligned", [True, False])


@BOTH
def test_word_by_word(aligned: bool) -> None:
    clock = clock_for(SOURCE, aligned=aligned)
    heard = [clock.heard(tenths / 10) for tenths in range(40)]
    texts = list(dict.fromkeys(each.text for each in heard))
    whole = "Well, yes. I can do that for you! Shall we begin at 10:30, or later?"
    words = whole.split()
    assert texts == [" ".join(words[:count]) for count in range(len(words) + 1)]
    by_text = {each.text: SOURCE[: each.source_end] for each in heard}
    assert by_text["Well,"] == "Well,"
    assert by_text["Well, yes."] == "Well, **yes**. ", "the whole piece, with what follows it"
    assert by_text["Well, yes. I can"] == "Well, **yes**. I can"
    assert by_text[whole] == SOURCE


@BOTH
def test_the_clock_follows_time(aligned: bool) -> None:
    clock = clock_for("one two three", seconds_per_letter=0.1, aligned=aligned)
    assert clock.heard(-5.0) == clock.heard(0.0) == Heard("", 0, 0)
    assert clock.heard(0.35).text == "one"
    assert clock.heard(0.65).text == "one"
    assert clock.heard(0.75) == Heard("one two", 7, 18_000)
    assert clock.heard(99.0) == Heard("one two three", 13, 31_200)
    assert clock.remaining(0.3) == pytest.approx(1.0)
    assert clock.remaining(5) == 0
    assert clock.milliseconds == 1300


def test_playback_waits_when_audio_runs_out() -> None:
    (piece,) = pieces_of("one two three four")
    clock = PlaybackClock(1000)
    clock.begin(piece)
    clock.send(100, 10.0)
    clock.send(100, 10.05)
    assert [clock.position(now) for now in (10.0, 10.1, 10.2, 11.0)] == [0, 100, 200, 200]
    clock.send(100, 12.0)
    assert [clock.position(now) for now in (12.0, 12.05, 13.0)] == [200, 250, 300]
    assert clock.remaining(12.05) == pytest.approx(0.05)


def test_latency_is_time_before_playback_sets_in() -> None:
    clock = PlaybackClock(1000, latency=0.2)
    clock.begin(Piece("hello", 0, 5))
    clock.send(100, 0.0)
    clock.send(100, 0.1)
    assert [clock.position(now) for now in (0.1, 0.2, 0.25, 0.4, 0.5)] == [0, 0, 50, 200, 200]
    assert clock.remaining(0.1) == pytest.approx(0.3)


def test_acknowledgements_set_the_clock() -> None:
    clock = PlaybackClock(1000)
    clock.begin(Piece("hello", 0, 5))
    clock.send(1000, 0.0)
    clock.mark("a")
    clock.send(1000, 0.1)
    clock.mark("b")
    clock.reached(300, 0.5)  # it is slower than we thought
    assert [clock.position(now) for now in (0.5, 0.6, 9)] == [300, 400, 2000]
    assert clock.reached_mark("a", 1.5)
    assert clock.position(1.6) == 1100
    assert not clock.reached_mark("a", 1.7), "once"
    assert not clock.reached_mark("never set", 1.7)
    assert clock.reached_mark("b", 2.0)
    assert clock.position(2.0) == 2000
    clock.reached(10**9, 3.0)
    assert clock.position(3.0) == 2000
    clock.reached(-5, 4.0)
    assert clock.position(4.0) == 0


def test_a_later_mark_stands_for_the_earlier_ones() -> None:
    clock = PlaybackClock(1000)
    clock.begin(Piece("hello", 0, 5))
    for name in "abc":
        clock.send(100, 0.0)
        clock.mark(name)
    assert clock.reached_mark("b", 1.0)
    assert not clock.reached_mark("a", 1.0)
    assert clock.reached_mark("c", 1.0)


def align(text: str, words: list[str]) -> list[str]:
    """What has been heard each second, if every word takes one."""
    clock = PlaybackClock(1000)
    clock.begin(Piece(text, 0, len(text), ((0, 0),)))
    clock.send(1000 * (len(words) + 1), 0.0)
    clock.words([Word(word, second, second + 1) for second, word in enumerate(words)])
    clock.complete()
    return [clock.heard(float(second)).text for second in range(len(words) + 2)]


@pytest.mark.parametrize(
    ("text", "words", "heard"),
    [
        ("One two.", ["one", "TWO"], ["", "One", "One two.", "One two."]),
        ("\u201cDon\u2019t!\u201d he said", ["Don't", "he"], ["", "\u201cDon\u2019t!\u201d", "\u201cDon\u2019t!\u201d he", "\u201cDon\u2019t!\u201d he said"]),
        ("It costs $5 now", ["It", "costs", "five", "dollars", "now"], ["", "It", "It costs", "It costs", "It costs", "It costs $5 now", "It costs $5 now"]),
        ("a cat, a", ["a", "cat", "a"], ["", "a", "a cat,", "a cat, a", "a cat, a"]),
        ("a well-known one", ["a", "well", "known", "one"], ["", "a", "a", "a well-known", "a well-known one", "a well-known one"]),
        ("你好。我是", ["你好", "我", "是"], ["", "你好。", "你好。我", "你好。我是", "你好。我是"]),
        ("that cat at a", ["cat", "a"], ["", "that cat", "that cat at a", "that cat at a"]),
        ("yes yes yes", ["yes", "yes", "yes"], ["", "yes", "yes yes", "yes yes yes", "yes yes yes"]),
    ],
)  # fmt: skip
def test_words_are_found_in_the_text(text: str, words: list[str], heard: list[str]) -> None:
    assert align(text, words) == heard


def test_words_that_fit_nowhere_leave_the_estimate() -> None:
    text = "one two three four"
    assert align(text, ["eins", "zwei"])[1:3] == ["one", "one two"]


def test_what_is_told_is_known_without_guessing() -> None:
    clock = PlaybackClock(RATE)
    with pytest.raises(ValueError, match="no piece"):
        clock.told()
    text = "Well, 42 is enough."
    clock.begin(Piece(text, 0, len(text)))
    clock.send(RATE // 2, 0.0)
    assert clock.told() == (0, 0)
    clock.words([Word("well", 0.0, 0.3), Word("forty-two", 0.3, 0.45), Word("is", 0.45, 0.6)])
    assert clock.told() == (round(0.3 * RATE), len("Well,"))
    clock.send(RATE // 2, 0.0)
    assert clock.told() == (round(0.6 * RATE), len("Well, 42 is"))


def test_without_times_an_unfinished_piece_goes_by_the_pace_of_those_before() -> None:
    clock = PlaybackClock(1000)
    clock.begin(Piece("abcd efgh", 0, 9, ((0, 0),)))
    clock.send(9000, 0.0)  # one letter a second
    clock.begin(Piece("ijkl mnop", 9, 18, ((0, 9),)))
    clock.send(5000, 0.0)
    assert clock.heard(14.0).text == "abcd efgh ijkl"
    assert clock.heard(12.9).text == "abcd efgh"
    alone = PlaybackClock(1000)
    alone.begin(Piece("abcd efgh", 0, 9, ((0, 0),)))
    alone.send(400, 0.0)
    assert alone.heard(0.4).text == "abcd", "about 15 letters a second"


def test_pieces_of_scripts_without_spaces_are_joined_without_one() -> None:
    clock = PlaybackClock(1000)
    for piece in pieces_of("你好。我很高兴认识你！"):
        clock.begin(piece)
        clock.send(1000, 0.0)
    clock.complete()
    assert clock.heard(1.5).text == "你好。我很高"
    assert clock.heard(9).text == "你好。我很高兴认识你！"


def test_a_truncation_stands() -> None:
    clock = clock_for("one two three", seconds_per_letter=0.1, aligned=True)
    assert clock.truncate(700).text == "one two"
    assert clock.truncate(5000).text == "one two"
    assert clock.heard(99).text == "one two"
    assert clock.milliseconds == 701
    assert clock.remaining(0) == pytest.approx(0.701)
    assert clock.truncate(300).text == "one"


def test_misuse() -> None:
    clock = PlaybackClock(1000)
    assert clock.heard(1.0) == clock.truncate(5) == Heard("", 0, 0)
    with pytest.raises(ValueError, match="begin"):
        clock.send(10, 0.0)
    clock.begin(Piece("a", 0, 1))
    clock.complete()
    with pytest.raises(ValueError, match="begin"):
        clock.words([Word("a", 0, 1)])


sources = st.lists(
    st.sampled_from(["Hello", "there,", "**you**", "3.14", "e.g.", "well-known.", "(so)", "你好。", "Yes!", "\n", "`x_y`"]),
    min_size=1,
    max_size=30,
).map(" ".join).filter(pieces_of)  # fmt: skip


@given(sources, st.booleans(), st.lists(st.integers(-10, 4000), min_size=1, max_size=10), st.floats(0.001, 0.2))
def test_laws(source: str, aligned: bool, times: list[int], seconds_per_letter: float) -> None:
    clock = clock_for(source, seconds_per_letter, aligned=aligned)
    whole = clock.heard(1e9)
    assert " ".join(piece.text for piece in pieces_of(source)).split() == whole.text.replace("。", "。 ").split()
    assert whole.source_end == pieces_of(source)[-1].end
    assert clock.heard(0) == Heard("", 0, 0)
    earlier = Heard("", 0, 0)
    for time in sorted(times):
        heard = clock.heard(time / 1000)
        assert heard.source_end >= earlier.source_end
        assert heard.text.startswith(earlier.text)
        assert whole.text.startswith(heard.text)
        rest = whole.text[len(heard.text) :]
        assert not (rest and heard.text and rest[0].isalnum() and heard.text[-1].isascii()), "inside a word"
        earlier = heard


@given(sources, st.booleans(), st.lists(st.integers(0, 3000), min_size=1, max_size=6))
def test_laws_of_truncation(source: str, aligned: bool, times: list[int]) -> None:
    def truncated(*times: int) -> Heard:
        clock = clock_for(source, aligned=aligned)
        return [clock.truncate(time) for time in times][-1]

    clock = clock_for(source, aligned=aligned)
    whole = clock.heard(1e9)
    assert truncated(0) == Heard("", 0, 0)
    assert truncated(clock.milliseconds) == truncated(10**7) == whole
    assert truncated(*times) == truncated(min(times)), "the earliest truncation counts, as often as it comes"
    for earlier, later in zip(sorted(times), sorted(times)[1:], strict=False):
        assert truncated(later).text.startswith(truncated(earlier).text)
        assert truncated(earlier).source_end <= truncated(later).source_end
