"""Deltas of a transcript that is revised: what was told is never wrong where it could be known."""

from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.voice.transcript_deltas import AGREE, TranscriptDeltas


def told(partials: list[str], final: str) -> list[str]:
    deltas, result = TranscriptDeltas(), []
    for partial in partials:
        deltas.partial(partial)
        result.append(deltas.take())
    deltas.final(final)
    return [*result, deltas.take()]


def test_a_word_is_told_when_three_transcripts_agree_on_it_and_more_follows() -> None:
    partials = ["how", "how high", "how high is", "how high is the", "how high is the tower", "how high is the tower"]
    assert told(partials, "How high is it?")[:-1] == ["", "", "", "how ", "high ", "is "]
    assert told(partials, "how high is the tower")[-1] == "the tower"


def test_a_word_that_may_still_grow_is_not_told() -> None:
    assert told(["so there"] * 5, "so therefore") == ["", "", "so ", "", "", "therefore"]


def test_what_was_told_and_then_revised_is_not_made_worse() -> None:
    deltas = told(["to be or"] * AGREE, "two bees are here")
    assert "".join(deltas) == "to be "  # the completed event has the rest


@given(st.lists(st.text("ab ", max_size=12), max_size=12), st.text("ab ", max_size=12))
def test_deltas_are_the_final_transcript_or_the_part_of_it_that_was_believed(partials: list[str], final: str) -> None:
    deltas = "".join(told(partials, final))
    assert deltas == final or not final.startswith(deltas)


@given(st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=12))
def test_transcripts_that_only_grow_give_the_whole_text(words: list[str]) -> None:
    partials = [" ".join(words[:count]) for count in range(len(words) + 1)]
    deltas = told(partials, partials[-1])
    assert "".join(deltas) == partials[-1]
    assert all(
        not delta or partial.startswith("".join(deltas[: n + 1]))
        for n, (delta, partial) in enumerate(zip(deltas, partials, strict=False))
    )
