"""What the demonstration model can do without tools: a table of phrases to listen for and functions that answer."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final, NamedTuple

from . import arithmetic, spoken_numbers, units
from .heard import best_phrase, tokens, words

MOST_COUNTED: Final = 200

_REMEMBERED = 20  # turns in which a result is looked for that a sum may go on from
_ECHO = re.compile(
    r"\W*(?:(?:please|can you|could you|now|okay)\W+)*(?:repeat after me|say)\b[\s,:]*(?P<what>.+)",
    re.IGNORECASE | re.DOTALL,
)
_AGAIN = re.compile(r"(?:that|it)\b.{0,10}$", re.IGNORECASE)  # "say that again"

_ABILITIES = (
    "I can tell you the time and the date, do sums, convert units, count, tell a story, repeat what was said, remember "
    "your name, and call tools."
)
_STORY = (
    "Once there was a lighthouse that could not sleep. Every night it turned its lamp and counted the ships, and every "
    "morning it had forgotten the number. So it asked a gull to remember it. The gull agreed, but gulls can only count "
    "to three, and there were always more ships than that. The lighthouse thought for a long time. Then it said: count "
    "to three, and then begin again, and each time drop a shell at my door. From that day on there was a heap of "
    "shells at the foot of the lighthouse, and nobody knew why. But the lighthouse knew, and it slept very well."
)


@dataclass(frozen=True)
class Conversation:
    """What an answer may depend on.

    Attributes:
        text: what the user said last.
        asked: what the user said before that, the latest last.
        answered: what the assistant said, the latest last.
        now: the time, with the user's zone.
    """

    text: str
    asked: Sequence[str]
    answered: Sequence[str]
    now: datetime

    @property
    def heard(self) -> list[str]:
        """The words of what the user said last."""
        return words(self.text)


class Skill(NamedTuple):
    """Something the model can do."""

    phrases: tuple[str, ...]
    """What it is asked for with; the skill with the longest phrase that was said answers."""
    answer: Callable[[Conversation], str]
    goes_first: bool = False
    """Whether it is about the conversation itself, and so not meant for a tool."""


def answer(conversation: Conversation) -> str:
    """Answer as well as it can be done without tools."""
    if (echo := _echo(conversation)) is not None:
        return echo
    if not is_about_the_conversation(conversation) and (computed := compute(conversation)):
        return computed
    skill, _ = _find(conversation.heard)
    return skill.answer(conversation) if skill else _give_up(conversation)


def is_about_the_conversation(conversation: Conversation) -> bool:
    """Whether what was said is no matter for tools: a lone "stop" is not, "stop the music" is."""
    skill, length = _find(conversation.heard)
    about = skill is not None and skill.goes_first and 2 * length >= len(conversation.heard)
    return about or _echo(conversation) is not None


def _echo(conversation: Conversation) -> str | None:
    """Answer "repeat after me ..." and "say ..."."""
    found = _ECHO.match(conversation.text)
    return found["what"].strip() if found and not _AGAIN.match(found["what"]) else None


def compute(conversation: Conversation) -> str | None:
    """Answer a conversion or a sum, or return None if it is neither."""
    heard = conversation.heard
    if converted := units.convert(heard):
        return converted
    try:
        result = arithmetic.evaluate(heard, _result_before(conversation))
    except ZeroDivisionError:
        return "That can't be divided by zero."
    except OverflowError:
        return "That is too large a number for me."
    except ValueError:
        return "That has no answer among the real numbers that I know."
    return None if result is None else f"That is {arithmetic.say(result)}."


def _give_up(conversation: Conversation) -> str:
    """Say honestly what was heard and that there is no answer."""
    if not conversation.heard:
        return "I didn't hear any words. Could you say that again?"
    return f'I heard: "{conversation.text.strip()}". I\'m only a demonstration, so I have no answer. {_ABILITIES}'


def _result_before(conversation: Conversation) -> Fraction | None:
    """Return the last result that the user has been told of."""
    result: Fraction | None = None
    for text in conversation.asked[-_REMEMBERED:]:
        with suppress(ArithmeticError, ValueError):
            further = arithmetic.evaluate(words(text), result)
            result = result if further is None else further
    return result


def _time(conversation: Conversation) -> str:
    now = conversation.now
    return f"It's {now.hour % 12 or 12}:{now:%M %p}."


def _date(conversation: Conversation) -> str:
    heard = conversation.heard
    for word, days in (("tomorrow", 1), ("yesterday", -1)):
        if word in heard:
            day = conversation.now + timedelta(days=days)
            return f"{word.title()} {'is' if days > 0 else 'was'} {day:%A}, {day:%B} {day.day}, {day.year}."
    return f"Today is {conversation.now:%A}, {conversation.now:%B} {conversation.now.day}, {conversation.now.year}."


def _count(conversation: Conversation) -> str:
    heard = conversation.heard
    numbers = [int(value) for value, _, _ in spoken_numbers.read_all(heard)]
    if not numbers:
        return "How far should I count?"
    *first, last = numbers[-2:]
    start = first[0] if first else 1
    if not first and ("down" in heard or "backwards" in heard):
        start, last = last, 0
    if abs(last - start) >= MOST_COUNTED or abs(start) >= spoken_numbers.LIMIT:
        return f"That takes too long. I count {MOST_COUNTED} numbers at most."
    step = 1 if last >= start else -1
    return ", ".join(spoken_numbers.spell(number) for number in range(start, last + step, step)).capitalize() + "."


def _say_again(conversation: Conversation) -> str:
    return conversation.answered[-1] if conversation.answered else "I haven't said anything yet."


def _what_was_heard(conversation: Conversation) -> str:
    if not conversation.asked:
        return "That was the first thing I heard from you."
    which = 0 if "first" in conversation.heard else -1
    return f'You said: "{conversation.asked[which].strip()}".'


def _name(text: str) -> str:
    """Return the name in "my name is ...", "call me ..."."""
    said = tokens(text)
    for start in (("my", "name", "is"), ("my", "name's"), ("call", "me")):
        for place in range(len(said) - len(start)):
            if tuple(token.word for token in said[place : place + len(start)]) == start:
                token = said[place + len(start)]
                return text[token.start : token.end].capitalize()
    return ""


def _meet(conversation: Conversation) -> str:
    name = _name(conversation.text)
    return f"Nice to meet you, {name}." if name else "I didn't catch your name."


def _recall_name(conversation: Conversation) -> str:
    names = (name for text in reversed(conversation.asked) if (name := _name(text)))
    return next((f"Your name is {name}." for name in names), "You haven't told me your name.")


def _greet(conversation: Conversation) -> str:
    return "Hello again!" if conversation.answered else "Hello! I'm a demonstration model. What can I do for you?"


def _fixed(text: str) -> Callable[[Conversation], str]:
    return lambda _: text


SKILLS: Final = (
    Skill(("stop", "be quiet", "shut up", "never mind", "cancel that"), _fixed("Okay."), goes_first=True),
    Skill(
        (
            "who are you",
            "what are you",
            "who is this",
            "who am i talking to",
            "what is your name",
            "what's your name",
            "which model are you",
            "what model are you",
            "are you human",
            "are you real",
            "are you an ai",
            "are you a robot",
            "are you a language model",
            "about yourself",
        ),
        _fixed(
            "I'm Troupe's demonstration model: a small set of rules, not a language model. I'm here so that you can "
            f"try a conversation with nothing else installed. {_ABILITIES}"
        ),
        goes_first=True,
    ),
    Skill(("help", "what can you do", "what do you do", "how can you help"), _fixed(_ABILITIES), goes_first=True),
    Skill(
        ("repeat that", "say that again", "say it again", "what did you say", "come again", "pardon", "repeat"),
        _say_again,
        goes_first=True,
    ),
    Skill(
        (
            "what did i say",
            "what did i just say",
            "what have i said",
            "what did you hear",
            "what did i ask",
            "what was my question",
            "what was my first question",
            "what was my last question",
        ),
        _what_was_heard,
        goes_first=True,
    ),
    Skill(("what is my name", "what's my name", "who am i", "do you know my name"), _recall_name, goes_first=True),
    Skill(("my name is", "my name's", "call me"), _meet, goes_first=True),
    Skill(("what time", "the time", "what's the time", "what is the time", "time is it"), _time),
    Skill(
        (
            "what date",
            "the date",
            "what day",
            "what is the date",
            "what's the date",
            "what day is it",
            "day is it",
            "day is today",
            "what year",
            "which year",
            "what month",
            "today's date",
        ),
        _date,
    ),
    Skill(("count", "count to", "count from", "count down", "count down from", "count backwards"), _count),
    Skill(("a story", "tell me a story", "story"), _fixed(_STORY)),
    Skill(("how are you", "how do you do"), _fixed("I'm a few rules in good order, thank you. And you?")),
    Skill(("thank you", "thanks", "thank you very much"), _fixed("You're welcome.")),
    Skill(("goodbye", "good bye", "bye", "see you"), _fixed("Goodbye!")),
    Skill(("hello", "hi", "hey", "good morning", "good evening", "good afternoon"), _greet),
)
"""In case of a tie the first answers."""


def _find(heard: Sequence[str]) -> tuple[Skill | None, int]:
    """Return the skill that is asked for, and how many words ask for it."""
    scores = [best_phrase(heard, skill.phrases) for skill in SKILLS]
    best = max(scores)
    return (SKILLS[scores.index(best)], best) if best else (None, 0)
