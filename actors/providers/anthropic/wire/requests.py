"""``POST /v1/messages``: a conversation out.

The API wants a conversation to begin with the user and to alternate, has the results of tools in the user's messages,
and system text apart from them all.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from ....contracts import Generate, ImagePart, TextPart, ToolSpec, Turn
from ....images import inline_image
from .options import MessagesOptions

Block = dict[str, Any]
Thoughts = Mapping[tuple[str, str], Sequence[Block]]
"""By model, and the id of the first of the calls that they led to."""

OPENING: Final = "(The assistant begins.)"
"""Said by the user where the conversation would begin with the assistant, which the API does not take."""
_NOT_IN_IDS: Final = re.compile(r"[^A-Za-z0-9_-]")
"""Ids of calls that other providers gave have to be within the API's alphabet."""


class Habits(Struct, frozen=True, kw_only=True):
    """What a model has turned out not to take."""

    sampling: bool = True
    """Whether it takes `temperature`, `top_p` and `top_k`."""
    prefill: bool = True
    """Whether it continues what the assistant has begun to say."""


def encode_messages(
    request: Generate,
    model: str,
    options: MessagesOptions,
    *,
    provider: str,
    habits: Habits,
    thoughts: Thoughts,
) -> bytes:
    """Return the body of ``POST /v1/messages``, asking for a stream.

    Args:
        request: What is asked for.
        model: Of whom.
        options: How to answer, where the request does not say.
        provider: For errors.
        habits: What the model does not take.
        thoughts: What models thought before they called tools, which they want back.

    Raises:
        InvalidRequest: A value is out of range, or a picture has no proper address.
    """
    options = options.merged(provider, temperature=request.temperature, max_tokens=request.max_tokens)
    turns = [turn for turn in request.turns if turn.role != "system"]
    if turns and turns[-1].role == "assistant" and not turns[-1].tool_calls and not habits.prefill:
        turns.pop()
    system = "\n\n".join(turn.text for turn in request.turns if turn.role == "system" and turn.text)
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": options.max_tokens,
        "messages": _messages(turns, model, provider, thoughts),
        "stream": True,
    }
    if system:
        body["system"] = system
    if request.tools:
        body |= {"tools": [_tool(tool) for tool in request.tools], "tool_choice": _choice(request, options)}
    return msgspec.json.encode(body | _settings(options, habits))


def _settings(options: MessagesOptions, habits: Habits) -> dict[str, Any]:
    settings = options.members("max_tokens", "parallel_tool_calls", "thinking", "effort", "cache", "user_id")
    if not habits.sampling:
        settings = {name: value for name, value in settings.items() if name not in SAMPLING}
    match options.thinking:
        case int(budget):
            settings["thinking"] = {"type": "enabled", "budget_tokens": budget}
        case str(kind):
            settings["thinking"] = {"type": kind}
        case None:
            pass
    if options.effort:
        settings["output_config"] = {"effort": options.effort}
    if options.cache:
        settings["cache_control"] = {"type": "ephemeral", "ttl": options.cache}
    if options.user_id:
        settings["metadata"] = {"user_id": options.user_id}
    return settings


SAMPLING: Final = frozenset({"temperature", "top_p", "top_k"})


def begun(request: Generate) -> str:
    """Return the beginning of the answer, if the request has one."""
    last = request.turns[-1] if request.turns else None
    return last.text if last is not None and last.role == "assistant" and not last.tool_calls else ""


def _messages(turns: Sequence[Turn], model: str, provider: str, thoughts: Thoughts) -> list[Block]:
    messages: list[Block] = []
    for turn in turns:
        role = "assistant" if turn.role == "assistant" else "user"
        blocks = _assistant(turn, model, thoughts) if role == "assistant" else _user(turn, provider)
        if not blocks:
            continue
        if messages and messages[-1]["role"] == role:
            messages[-1]["content"] += blocks
        else:
            messages.append({"role": role, "content": blocks})
    for message in messages:
        if message["role"] == "user":  # results of tools have to come first
            message["content"].sort(key=_not_a_result)
    if not messages or messages[0]["role"] == "assistant":
        messages.insert(0, {"role": "user", "content": [_text(OPENING)]})
    if messages[-1]["role"] == "assistant" and (last := messages[-1]["content"][-1])["type"] == "text":
        last["text"] = last["text"].rstrip()  # white space at the very end is refused
    return messages


def _not_a_result(block: Block) -> bool:
    return bool(block["type"] != "tool_result")


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _user(turn: Turn, provider: str) -> list[Block]:
    blocks = [
        _image(part, provider) if isinstance(part, ImagePart) else _text(part.text)
        for part in turn.parts
        if not (isinstance(part, TextPart) and not part.text.strip())  # blocks without text are refused
    ]
    if turn.role != "tool":
        return blocks
    return [{"type": "tool_result", "tool_use_id": _id(turn.tool_call_id or ""), "content": blocks}]


def _assistant(turn: Turn, model: str, thoughts: Thoughts) -> list[Block]:
    blocks: list[Block] = []
    if turn.tool_calls:
        blocks += thoughts.get((model, turn.tool_calls[0].id), ())
    if turn.text.strip():
        blocks.append(_text(turn.text))
    return blocks + [
        {"type": "tool_use", "id": _id(call.id), "name": call.name, "input": _object(call.arguments)}
        for call in turn.tool_calls
    ]


def _object(arguments: str) -> dict[str, Any]:
    """Return a call's arguments as the object that the API wants, even if another model wrote something else."""
    try:
        value = msgspec.json.decode(arguments or "{}")
    except msgspec.DecodeError:
        value = arguments
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {"arguments": value}


def _id(id: str) -> str:  # noqa: A002
    return _NOT_IN_IDS.sub("_", id)


def _image(part: ImagePart, provider: str) -> Block:
    inline = inline_image(part, provider)
    if inline is None:
        return {"type": "image", "source": {"type": "url", "url": part.url}}
    return {"type": "image", "source": {"type": "base64", "media_type": inline.media_type, "data": inline.base64}}


def _tool(tool: ToolSpec) -> Block:
    described = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **described, "input_schema": {"type": "object", **tool.parameters}}


def _choice(request: Generate, options: MessagesOptions) -> Block:
    choices: dict[str, Block] = {"auto": {"type": "auto"}, "none": {"type": "none"}, "required": {"type": "any"}}
    choice = choices.get(request.tool_choice, {"type": "tool", "name": request.tool_choice})
    if not options.parallel_tool_calls and choice["type"] != "none":
        choice["disable_parallel_tool_use"] = True
    return choice
