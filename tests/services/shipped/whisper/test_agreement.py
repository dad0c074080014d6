import random

from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.services.shipped.whisper.agreement import Agreement
from troupe.services.shipped.whisper.engine import HeardWord

VOCABULARY = (" alpha", " bravo", " Charlie,", " delta.")


def heard(text: str) -> list[HeardWord]:
    """Words of half a second each."""
    return [HeardWord(f" {word}", 0.5 * number, 0.5 * number + 0.5) for number, word in enumerate(text.split())]


def test_what_two_hypotheses_agree_on_is_said_once() -> None:
    agreement = Agreement()
    said = [
        agreement.push(heard(text)) for text in ("the", "the quick brow", "The quick, brown fax", "the quick brown fox")
    ]
    assert said == ["", "the", " quick,", " brown"]
    assert agreement.finish(heard("the quick brown fox jumps")) == (" fox jumps", "the quick brown fox jumps")


def test_the_whole_text_has_the_right_words_where_wrong_ones_were_said() -> None:
    agreement = Agreement()
    agreement.push(heard("a nice"))
    assert agreement.push(heard("a nice")) == "a nice"
    assert agreement.finish(heard("an ice cream")) == (" cream", "an ice cream")


def test_settled_audio_is_forgotten_and_its_words_are_not() -> None:
    agreement = Agreement()
    assert agreement.forget() is None  # nobody has said anything
    agreement.push(heard("one two three"))
    assert agreement.forget() == 0.0  # nothing is agreed on
    agreement.push(heard("one two tree"))
    assert agreement.forget() == 1.0
    assert agreement.forgotten == "one two"
    assert agreement.push(heard("tree four")) == " tree"  # as was heard before of what is left
    assert agreement.finish(heard("three four")) == (" four", "one two three four")


def test_words_that_the_last_hypothesis_lacks_are_not_said_again() -> None:
    agreement = Agreement()
    agreement.push(heard("one two three"))
    assert agreement.push(heard("one two three")) == "one two three"
    agreement.push(heard("one two"))
    assert agreement.forget() == 1.0
    assert [agreement.push(heard("three four")) for _ in range(2)] == ["", " four"]


def test_words_can_be_settled_without_agreement() -> None:
    agreement = Agreement()
    agreement.push(heard("la la"))
    assert agreement.settle() == "la la"
    assert agreement.settle() == ""


@settings(max_examples=50)
@given(
    hypotheses=st.lists(st.lists(st.sampled_from(VOCABULARY), max_size=6), max_size=8),
    final=st.lists(st.sampled_from(VOCABULARY), max_size=8),
    seed=st.integers(0, 2**16),
)
def test_nothing_is_said_twice_or_left_out(hypotheses: list[list[str]], final: list[str], seed: int) -> None:
    chance = random.Random(seed)
    agreement, said, gone = Agreement(), "", 0
    last: list[HeardWord] = []
    for texts in hypotheses:
        last = [HeardWord(text, float(number), number + 1.0) for number, text in enumerate(texts)]
        said += agreement.push(last)
        if chance.random() < 0.3 and (until := agreement.forget()):
            gone += int(until)
    assert len(said.split()) >= gone  # no audio goes before its words are said
    rest, text = agreement.finish([HeardWord(text, 0.0, 0.0) for text in final])
    assert len(text.split()) == gone + len(final)
    assert len((said + rest).split()) == max(len(said.split()), gone + len(final))
    if agreement.forgotten:
        assert text.startswith(agreement.forgotten)
