from datetime import UTC, datetime

import pytest
from troupe.actors.inference.demonstration.skills import (
    MOST_COUNTED,
    SKILLS,
    Conversation,
    answer,
    compute,
    is_about_the_conversation,
)

NOW = datetime(2026, 11, 21, 15, 5, tzinfo=UTC)


def said(text: str, *before: tuple[str, str], now: datetime = NOW) -> Conversation:
    """A conversation of pairs of question and answer, and then `text`."""
    return Conversation(text, [asked for asked, _ in before], [answered for _, answered in before], now)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("what time is it", "It's 3:05 PM."),
        ("uh can you tell me the time please", "It's 3:05 PM."),
        ("what's the date today", "Today is Saturday, November 21, 2026."),
        ("what day is it", "Today is Saturday, November 21, 2026."),
        ("what day is tomorrow", "Tomorrow is Sunday, November 22, 2026."),
        ("what date was yesterday", "Yesterday was Friday, November 20, 2026."),
        ("what is twelve times three", "That is 36."),
        ("how many feet in a mile", "1 mile is 5,280 feet."),
        ("what is three divided by zero", "That can't be divided by zero."),
        ("what is 9 ^ 9 ^ 9", "That is too large a number for me."),
        ("the square root of minus two", "That has no answer among the real numbers that I know."),
        ("count to five", "One, two, three, four, five."),
        ("count from eight to eleven", "Eight, nine, ten, eleven."),
        ("count down from three", "Three, two, one, zero."),
        ("count backwards from five to three", "Five, four, three."),
        ("count", "How far should I count?"),
        ("count to a million", f"That takes too long. I count {MOST_COUNTED} numbers at most."),
        ("repeat after me: I like cheese", "I like cheese"),
        ("please say good morning everyone", "good morning everyone"),
        ("say", "I heard: "),
        ("stop", "Okay."),
        ("thanks a lot", "You're welcome."),
        ("goodbye", "Goodbye!"),
        ("", "I didn't hear any words."),
    ],
)
def test_answers(text: str, expected: str) -> None:
    assert answer(said(text)).startswith(expected)


@pytest.mark.parametrize(
    ("hour", "spoken"), [(0, "12:00 AM"), (9, "9:00 AM"), (12, "12:00 PM"), (13, "1:00 PM"), (23, "11:00 PM")]
)
def test_the_time_is_that_of_a_twelve_hour_clock(hour: int, spoken: str) -> None:
    assert answer(said("what time is it", now=datetime(2026, 1, 1, hour, tzinfo=UTC))) == f"It's {spoken}."


@pytest.mark.parametrize("text", ["who are you", "are you human", "what is your name", "are you an ai"])
def test_it_says_what_it_is(text: str) -> None:
    assert "demonstration" in answer(said(text))
    assert "not a language model" in answer(said(text))


def test_what_it_does_not_know_it_says_with_what_it_heard() -> None:
    text = answer(said("why is the sky blue"))
    assert '"why is the sky blue"' in text
    assert "only a demonstration" in text


def test_it_remembers() -> None:
    before = (("my name is ada", "Nice to meet you, Ada."), ("what is two plus two", "That is 4."))
    assert answer(said("what's my name", *before)) == "Your name is Ada."
    assert answer(said("what did i just say", *before)) == 'You said: "what is two plus two".'
    assert answer(said("what was my first question", *before)) == 'You said: "my name is ada".'
    assert answer(said("say that again", *before)) == "That is 4."
    assert answer(said("what did you say", *before)) == "That is 4."
    assert answer(said("times three", *before)) == "That is 12."
    assert answer(said("times three", *before, ("plus one", "That is 5."))) == "That is 15."
    assert answer(said("plus three", *before, ("four minus four", "That is 0."))) == "That is 3."
    assert answer(said("hello", *before)) == "Hello again!"


def test_it_has_nothing_to_remember_at_first() -> None:
    assert answer(said("what is my name")) == "You haven't told me your name."
    assert answer(said("repeat that")) == "I haven't said anything yet."
    assert answer(said("what did i say")) == "That was the first thing I heard from you."
    assert compute(said("times three")) is None


def test_a_story_is_long_enough_to_be_interrupted() -> None:
    assert len(answer(said("tell me a story")).split()) > 100


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("stop", True),
        ("stop please", True),
        ("stop the music in the kitchen", False),
        ("who are you", True),
        ("help", True),
        ("can you help me to turn on the light", False),
        ("say the weather is fine", True),
        ("what time is it", False),
        ("two plus two", False),
    ],
)
def test_what_is_about_the_conversation_is_not_for_tools(text: str, about: bool) -> None:
    assert is_about_the_conversation(said(text)) is about


@pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.phrases[0])
def test_every_phrase_leads_to_its_skill(skill: object) -> None:
    for phrase in skill.phrases:  # type: ignore[attr-defined]
        conversation = said(phrase)
        assert answer(conversation) == skill.answer(conversation), phrase  # type: ignore[attr-defined]
