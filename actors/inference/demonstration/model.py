"""The demonstration language model: rules, and the manners of a model that streams, remembers and calls tools."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, Literal, TypeAlias

import msgspec

from ...contracts import Ended, GenerationEvent, TextDelta, ToolCall, ToolSpec, Turn
from . import skills
from .tools import Call, choose, computes, name_words

Json: TypeAlias = "dict[str, Json] | list[Json] | str | float | bool | None"

_TOKEN: Final = re.compile(r"\s*(?:[^\W\d_]{1,6}|\d{1,3}|\S)|\s+")
_LISTENED_TO = 1000  # letters of a turn, so that no answer takes long
_LOOKED_AT = 20  # turns: a tool's open questions are no older
_GREETING = "Hello! I'm a demonstration model. Ask me what I can do."


def tokenize(text: str) -> list[str]:
    """Cut `text` into pieces of the size of a language model's tokens; put side by side they are the text."""
    return _TOKEN.findall(text)


class DemonstrationModel:
    """Answers by rules. The same conversation at the same time gives the same answer.

    Args:
        clock: tells the time, with the user's zone.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def generate(
        self,
        turns: Sequence[Turn],
        tools: Sequence[ToolSpec] = (),
        *,
        tool_choice: str = "auto",
        max_tokens: int | None = None,
    ) -> Iterator[GenerationEvent]:
        """Continue a conversation, token by token.

        Args:
            turns: the conversation; what the system says is not followed.
            tools: those on offer.
            tool_choice: ``auto``, ``none``, ``required``, or the name of the tool to be called.
            max_tokens: where to cut the answer.

        Raises:
            ValueError: if `tool_choice` names no tool on offer.
        """
        if tool_choice not in ("auto", "none", "required"):
            tools = [tool for tool in tools if tool.name == tool_choice]
            if not tools:
                raise ValueError(f"the tool {tool_choice!r} is not on offer")
        answer = self._answer(turns, () if tool_choice == "none" else tools, insist=tool_choice not in ("auto", "none"))
        taken = sum(len(tokenize(turn.text)) for turn in turns) + sum(_size(tool) for tool in tools)
        return _streamed(answer, taken, max_tokens)

    def _answer(self, turns: Sequence[Turn], tools: Sequence[ToolSpec], *, insist: bool) -> str | ToolCall:
        if turns and turns[-1].role == "tool":
            return _report(turns)
        said = [turn.text[:_LISTENED_TO] for turn in turns if turn.role == "user"]
        if not said:
            return _GREETING
        answered = [turn.text for turn in turns if turn.role == "assistant" and turn.text]
        conversation = skills.Conversation(said[-1], said[:-1], answered, self._clock())
        call = _call(turns[-_LOOKED_AT:], tools, insist=insist)
        if call and (insist or _is_wanted(call, conversation)):
            if call.missing and not insist:
                return call.question
            return ToolCall(f"call_{len(turns)}", call.tool.name, msgspec.json.encode(call.arguments).decode())
        return skills.answer(conversation)


def _is_wanted(call: Call, conversation: skills.Conversation) -> bool:
    """Whether the tool is to be preferred to the model's own answer."""
    if skills.is_about_the_conversation(conversation):
        return False
    return computes(call.tool) or skills.compute(conversation) is None


def _call(turns: Sequence[Turn], offered: Sequence[ToolSpec], *, insist: bool = False) -> Call | None:
    """Return the call that the conversation asks for: by its last words, or as the answer to a question about it."""
    spoken = [turn for turn in turns if turn.role in ("user", "assistant")]
    if not offered or not spoken or spoken[-1].role != "user":
        return None
    if len(spoken) >= 3 and spoken[-2].role == "assistant" and spoken[-2].text.startswith("What should the "):
        before = _call(spoken[:-2], offered)
        if before and before.missing and before.question == spoken[-2].text:
            return before.answered(spoken[-1].text[:_LISTENED_TO])
    return choose(offered, spoken[-1].text[:_LISTENED_TO], insist=insist)


def _report(turns: Sequence[Turn]) -> str:
    """Read out what the tools called last have answered."""
    results: list[str] = []
    for turn in reversed(turns):
        if turn.role != "tool":
            break
        called = (call.name for past in turns for call in past.tool_calls if call.id == turn.tool_call_id)
        name = " ".join(name_words(next(called, "tool")))
        results.insert(0, f"The tool {name} says: {_spoken(turn.text)}.")
    return " ".join(results)


def _spoken(result: str) -> str:
    """Return a tool's result as words: JSON without its signs, anything else as it is."""
    try:
        value: Json = msgspec.json.decode(result)
    except msgspec.DecodeError:
        value = result
    return _flat(value).rstrip(".") or "nothing"


def _flat(value: Json) -> str:
    match value:
        case dict():
            return ", ".join(f"{' '.join(name_words(key))}: {_flat(each)}" for key, each in value.items())
        case list():
            return ", ".join(map(_flat, value))
        case bool() | None:
            return {True: "yes", False: "no", None: "nothing"}[value]
        case _:
            return str(value)


def _size(tool: ToolSpec) -> int:
    return len(tokenize(msgspec.json.encode(tool).decode()))


def _streamed(answer: str | ToolCall, taken: int, most: int | None) -> Iterator[GenerationEvent]:
    reason: Literal["stop", "length", "tool_calls"] = "stop"
    if isinstance(answer, ToolCall):
        yield answer
        yield Ended("tool_calls", taken, len(tokenize(answer.name + answer.arguments)))
        return
    pieces = tokenize(answer)
    if most is not None and most < len(pieces):
        pieces, reason = pieces[:most], "length"
    for piece in pieces:
        yield TextDelta(piece)
    yield Ended(reason, taken, len(pieces))
