"""Whatever the next model repeats, every letter of the answer comes once."""

# ruff: noqa: RUF001

import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from troupe.actors.routing.overlap import (
    EVIDENCE,
    LONGEST_DETOUR,
    SHORT_EVIDENCE,
    STRAY_EVIDENCE,
    CannotJoin,
    Continuation,
)

ANSWERS = {
    "prose": "Well, the tower is 330 metres high. It was built in 1889, for a fair; and it's still standing – proudly!",
    "lists": "Here is what you need:\n\n- 2 eggs,\n- 100 g of flour (sifted),\n- a pinch of salt.\n\nThen: mix it all.",
    "code": "Use `len(x) == 3`:\n```python\nif len(x) == 3:\n    print('three', x[-1])\n```\nThat's all.",
    "german": "Ärger über größere Öfen? Müßig! Straße 12 liegt näher, sagte sie: „Komm heut' Abend vorbei.“",
    "chinese": "北京是中国的首都。它有三千多年的历史，人口约两千一百万！你想知道更多吗？",
    "arabic": "مرحبا! برج إيفل يقع في باريس، فرنسا. ارتفاعه ٣٣٠ مترا، أليس كذلك؟",
    "thai": "สวัสดีครับ วันนี้อากาศดีมาก ไปเดินเล่นกันไหม",
    "hindi": "नमस्ते! आज मौसम बहुत अच्छा है, क्या आप घूमने चलेंगे?",
    "emoji": "👍 Great 👩‍🚀 idea! 🎉🎂 See you at 5 🕔, ok?",
    "numbers": "Pi is 3.14159, e is 2.71828 and -40 °C is -40 °F; 25 % of $1,200 is $300.",
    "decomposed": unicodedata.normalize("NFD", "Déjà vu à l'opéra: où êtes-vous, chère Zoë?"),
}
OTHER_PUNCTUATION = str.maketrans(
    {",": " –", ";": ",", ":": ".", "!": ".", "–": ",", "'": "\u2019", "„": "«", "“": "»", "，": "、", "\n": " "}
)

answers = pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
pieces = st.lists(st.integers(1, 7), min_size=1, max_size=30)


def joined(said: str, text: str, sizes: list[int] | None = None) -> str:
    """What comes through of `text`, cut into pieces of these sizes in turn."""
    continuation = Continuation(said)
    result, start, number = "", 0, 0
    sizes = sizes or [len(text) or 1]
    while start < len(text):
        size = sizes[number % len(sizes)]
        result += continuation.push(text[start : start + size])
        start, number = start + size, number + 1
    return result + continuation.finish()


def letters(text: str) -> str:
    return "".join(each for each in text if unicodedata.category(each)[0] not in "PZC")


def cuts(answer: str) -> range:
    return range(len(answer) + 1)


@answers
@pytest.mark.parametrize("sizes", [[1], [4, 1, 3], [1000]], ids=str)
def test_a_model_that_continues_is_passed_through(answer: str, sizes: list[int]) -> None:
    for cut in cuts(answer):
        assert answer[:cut] + joined(answer[:cut], answer[cut:], sizes) == answer, answer[:cut]


@answers
@pytest.mark.parametrize("sizes", [[1], [4, 1, 3], [1000]], ids=str)
def test_a_model_that_begins_again_is_cut_where_it_comes_to_something_new(answer: str, sizes: list[int]) -> None:
    for cut in cuts(answer):
        assert answer[:cut] + joined(answer[:cut], answer, sizes) == answer, answer[:cut]


@answers
def test_other_punctuation_does_not_hide_a_repetition(answer: str) -> None:
    other = answer.translate(OTHER_PUNCTUATION)
    for cut in cuts(answer):
        said = answer[:cut]
        if not letters(said):
            continue  # nothing but punctuation was said: that is compared as it is
        result = said + joined(said, other, [3, 1])
        assert letters(result) == letters(answer), said
        assert len(result) > len(answer) - 5, said  # the spaces are still there


@answers
def test_a_long_answer_is_recognised_in_any_case_and_behind_a_space(answer: str) -> None:
    for cut in cuts(answer):
        said = answer[:cut]
        if len(letters(said)) >= EVIDENCE:
            other = "\n " + answer.lower()
            assert letters(said + joined(said, other, [2])) == letters(said + answer[cut:].lower())


@answers
def test_the_last_words_may_be_repeated(answer: str) -> None:
    for cut in cuts(answer):
        said = answer[:cut]
        for start in range(1, cut):
            begins_word = not letters(said[start - 1]) and letters(said[start])
            if begins_word and len(letters(said[start:])) >= EVIDENCE:
                assert said + joined(said, answer[start:], [3]) == answer, (said, start)


@pytest.mark.parametrize(
    ("said", "text", "new"),
    [
        ("Hello wor", "world!", "ld!"),  # the word once more
        ("On the", "the mat", " mat"),
        ("On the", " the mat", " the mat"),  # a space says that it goes on
        ("So ha", "ha", "ha"),  # too short to tell: believed
        ("I am here. Now you", "Now you see.", " see."),  # the sentence once more
        ("Well. No. ", "No. Never.", "No. Never."),  # a complete sentence is not repeated by mistake
        ("Hello,", "Hello - world", " world"),
        ("Hello, ", "Hello - world", "world"),
        ("Hello.", "Hello!", ""),
        ('He said "', "He said: “yes”", "yes”"),
        ("It is: ", "It is -5 degrees", "-5 degrees"),
        ("It is,", "It is -5 degrees", " -5 degrees"),
        ("...", "... and on", " and on"),  # without any letter, punctuation is compared
        ("Row, row,", " row your boat", " row your boat"),
        ("", "Hello", "Hello"),
        ("All of it.", "All of it.", ""),
        ("All of it.", "", ""),
    ],
)
def test_examples(said: str, text: str, new: str) -> None:
    assert joined(said, text) == new
    assert joined(said, text, [1]) == new


SAID = "The tower is 330 metres high, and it was built for a fair that too"


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("The tower is 330 metres tall, and it was built for a fair that took place.", "k place."),
        ("The tower is 330 metres high. It was raised in 1889 for a fair that took place.", "k place."),
    ],
)
def test_an_answer_in_other_words_is_followed_to_the_words_said_last(text: str, new: str) -> None:
    assert joined(SAID, text, [5]) == new
    assert joined(SAID, text) == new


@pytest.mark.parametrize(
    "text", ["The tower is 330 metres tall.", "The tower is 330 metres tall. " + "No more. " * LONGEST_DETOUR]
)
def test_another_answer_can_not_be_joined(text: str) -> None:
    with pytest.raises(CannotJoin):
        joined(SAID, text, [5])
    with pytest.raises(CannotJoin):
        joined(SAID, text)


def test_a_new_sentence_may_begin_like_the_first() -> None:
    said = "The capital of the Netherlands is Amsterdam. "
    text = "The capital of the Netherlands Antilles was Willemstad."
    assert joined(said, text, [4]) == text


def test_an_answer_that_ends_within_the_repetition_adds_nothing() -> None:
    assert joined("Yes, and here is why: the", "Yes, and here") == ""
    assert joined("Thank you for coming. I would like to say", " thank you.") == " thank you."


@given(said=st.text(), text=st.text(), sizes=pieces, others=pieces)
def test_pieces_do_not_matter(said: str, text: str, sizes: list[int], others: list[int]) -> None:
    def outcome(sizes: list[int]) -> str | None:
        try:
            return joined(said, text, sizes)
        except CannotJoin:
            return None

    assert outcome(sizes) == outcome(others)


words = st.sampled_from(["a", "an", "and", "Ann", "the", "tea", "5", "55", "5,5", "ha", "haha", "no", "north", "über"])
sentences = st.lists(st.tuples(words, st.sampled_from([" ", ", ", ". ", "\n", " – ", "! "])), max_size=25).map(
    lambda pairs: "".join(word + mark for word, mark in pairs)
)


@given(answer=sentences, cut=st.integers(0, 100), sizes=pieces)
def test_a_repetition_of_all_is_always_removed(answer: str, cut: int, sizes: list[int]) -> None:
    said = answer[:cut]
    assert said + joined(said, answer, sizes) == answer


@given(answer=sentences, cut=st.integers(0, 100), sizes=pieces)
@example(answer="no, no, no", cut=3, sizes=[1])
def test_a_continuation_that_does_not_look_like_a_repetition_is_never_touched(
    answer: str, cut: int, sizes: list[int]
) -> None:
    said, rest = answer[:cut], answer[cut:]
    assume(not looks_repeated(said, rest))
    assert joined(said, rest, sizes) == rest


def looks_repeated(said: str, rest: str) -> bool:
    """Whether `rest` begins with what was said from some place on, or is itself the beginning of it: by brute force."""
    before, after = letters(said).lower(), letters(rest).lower()
    if not before:
        return bool(said)
    return before.startswith(after) or any(
        after.startswith(before[start:]) and (start == 0 or len(before) - start >= SHORT_EVIDENCE)
        for start in range(len(before))
    )


@given(answer=sentences, cut=st.integers(1, 100))
def test_nothing_is_held_back_that_is_clear(answer: str, cut: int) -> None:
    said, rest = answer[:cut], answer[cut:]
    before = letters(said).lower()
    assume(before)
    continuation = Continuation(said)
    for letter in rest:
        continuation.push(letter)
        held = letters(continuation.held).lower()
        strayed = len(held) > STRAY_EVIDENCE and held[:STRAY_EVIDENCE] == before[:STRAY_EVIDENCE]
        assert held in before or (strayed and len(held) < 1.5 * len(before) + LONGEST_DETOUR)
