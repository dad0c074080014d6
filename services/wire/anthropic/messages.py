"""``POST /v1/messages``: answers word by word, with thoughts before them and calls of tools after."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from ..answers import Answer, json_answer
from ..replies import Reply, words
from .refusals import invalid

PIECE: Final = 8
"""Characters of the arguments of a call that come at once."""
_IDS: Final = re.compile(r"[a-zA-Z0-9_-]+")
_MEDIA_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_STOPS: Final = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
_SIGNATURE: Final = "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds"


class Quirks(Struct, frozen=True, kw_only=True):
    """In what a model differs."""

    refused: Mapping[str, str] = field(default_factory=dict[str, str])
    """Parameters that it does not take, with what it says of them: newer ones take no `temperature`."""
    prefill: bool = True
    """Whether it continues what the assistant has begun; those since Claude Opus 4.6 do not."""
    delta_input_tokens: bool = True
    """Whether ``message_delta`` repeats the tokens of the input; it does not have to."""


class Asked(Struct, frozen=True, kw_only=True):
    """The part of a request that has to be right; other members are taken as they are."""

    model: str
    max_tokens: int
    messages: list[dict[str, Any]]
    system: str | list[dict[str, Any]] = ""
    stream: bool = False
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    thinking: dict[str, Any] | None = None
    tools: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    tool_choice: dict[str, Any] | None = None

    def check(self, quirks: Quirks) -> None:
        """Raise `Refused` if the API would not take it."""
        for name, message in quirks.refused.items():
            if getattr(self, name) is not None:
                raise invalid(message)
        if self.max_tokens < 1:
            raise invalid("max_tokens: Input should be greater than or equal to 1")
        if self.temperature is not None and not 0 <= self.temperature <= 1:
            raise invalid("temperature: range: 0..1")
        if self.tool_choice is not None and not self.tools:
            raise invalid("tool_choice: `tool_choice` may only be specified while providing `tools`.")
        if not self.messages:
            raise invalid("messages: at least one message is required")
        if self.messages[0]["role"] != "user":
            raise invalid('messages: first message must use the "user" role')
        for number, turn in enumerate(self.messages):
            for place, block in enumerate(blocks(turn)):
                _check_block(block, f"messages.{number}.content.{place}")
        self._check_results()
        self._check_end(quirks)

    def _check_results(self) -> None:
        for number, (message, following) in enumerate(pairwise([*self.messages, {"role": "user", "content": []}])):
            called = {block["id"] for block in blocks(message) if block["type"] == "tool_use"}
            results = [block["type"] == "tool_result" for block in blocks(following)]
            given = {block["tool_use_id"] for block in blocks(following) if block["type"] == "tool_result"}
            if called - given:
                raise invalid(
                    f"messages.{number + 1}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                    f"{', '.join(sorted(called - given))}. Each `tool_use` block must have a corresponding "
                    "`tool_result` block in the next message."
                )
            if given - called:
                raise invalid(
                    f"messages.{number + 1}.content.0: unexpected `tool_use_id` found in `tool_result` blocks"
                )
            if called and results != sorted(results, reverse=True):
                raise invalid(f"messages.{number + 1}: `tool_result` blocks have to come first")

    def _check_end(self, quirks: Quirks) -> None:
        last = self.messages[-1]
        if last["role"] != "assistant":
            return
        if not quirks.prefill:
            raise invalid(
                "This model does not support assistant message prefill. The conversation must end with a user message."
            )
        text = blocks(last)[-1].get("text", "")
        if text != text.rstrip():
            raise invalid("messages: final assistant content cannot end with trailing whitespace")

    def last_text(self) -> str:
        """Return what the user said last."""
        for message in reversed(self.messages):
            said = "".join(block["text"] for block in blocks(message) if block["type"] == "text")
            if message["role"] == "user" and said:
                return said
        return ""

    def tokens(self) -> int:
        """Count the tokens of the conversation."""
        return words(self.system) + words(self.messages)


def blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the content of a message as blocks, however it is written."""
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _check_block(block: dict[str, Any], place: str) -> None:
    match block:
        case {"type": "text", "text": text}:
            if not text.strip():
                raise invalid(f"{place}.text: text content blocks must be non-empty")
        case {"type": "image", "source": {"type": "base64", "media_type": kind, "data": str()}}:
            if kind not in _MEDIA_TYPES:
                raise invalid(f"{place}.image.source.base64.media_type: Input should be {', '.join(_MEDIA_TYPES)}")
        case {"type": "image", "source": {"type": "url", "url": str()}}:
            pass
        case {"type": "tool_use", "id": str(id), "name": str(), "input": dict()}:
            if not _IDS.fullmatch(id):
                raise invalid(f"{place}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
        case {"type": "tool_result", "tool_use_id": str()}:
            pass
        case {"type": "thinking", "thinking": str(), "signature": signature}:
            if signature != _SIGNATURE:
                raise invalid(f"{place}: Invalid `signature` in `thinking` block")
        case _:
            raise invalid(f"{place}: Input does not match any of the expected tags")


def answer(asked: Asked, reply: Reply, number: int, quirks: Quirks) -> Answer:
    """Return the answer to a request that was checked; `number` makes its id."""
    reply = reply.limited(asked.max_tokens)
    content = _content(reply)
    usage = _usage(asked, reply)
    head = {
        "id": f"msg_{number:024d}",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
    }
    end: dict[str, Any] = {"stop_reason": _STOPS[reply.reason], "stop_sequence": None, "stop_details": None}
    if not asked.stream:
        return json_answer({**head, "content": content, **end, "usage": usage})
    return events_answer(*_events(head, reply, content, usage, end, quirks))


def _content(reply: Reply) -> list[dict[str, Any]]:
    thoughts = [{"type": "thinking", "thinking": reply.thinking, "signature": _SIGNATURE}] if reply.thinking else []
    text = "".join(reply.pieces())
    said = [{"type": "text", "text": text}] if text or not reply.tool_calls else []
    calls = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": _object(call.arguments)}
        for call in reply.tool_calls
    ]
    return [*thoughts, *said, *calls]


def _object(arguments: str) -> Any:
    try:
        return msgspec.json.decode(arguments)
    except msgspec.DecodeError:  # cut by the limit
        return {}


def _usage(asked: Asked, reply: Reply) -> dict[str, Any]:
    written = reply.cache_write_tokens
    return {
        "input_tokens": asked.tokens() - reply.cached_tokens - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": reply.cached_tokens,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": reply.counted(),
        "service_tier": "standard",
    }


def _events(
    head: dict[str, Any],
    reply: Reply,
    content: list[dict[str, Any]],
    usage: dict[str, Any],
    end: dict[str, Any],
    quirks: Quirks,
) -> Iterator[dict[str, Any]]:
    nothing: dict[str, Any] = {"content": [], **dict.fromkeys(end), "usage": usage | {"output_tokens": 1}}
    yield {"type": "message_start", "message": head | nothing}
    calls = iter(reply.tool_calls)
    for index, block in enumerate(content):
        match block["type"]:
            case "text":
                empty: dict[str, Any] = {"text": ""}
                deltas = [{"type": "text_delta", "text": piece} for piece in reply.pieces()]
            case "thinking":
                empty = {"thinking": "", "signature": ""}
                deltas = [
                    {"type": "thinking_delta", "thinking": block["thinking"]},
                    {"type": "signature_delta", "signature": block["signature"]},
                ]
            case _:
                empty = {"input": {}}
                arguments = next(calls).arguments
                pieces = [arguments[at : at + PIECE] for at in range(0, len(arguments), PIECE)]
                deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces)]
        yield {"type": "content_block_start", "index": index, "content_block": block | empty}
        if index == 0:
            yield {"type": "ping"}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
    told = {name: usage[name] for name in (names if quirks.delta_input_tokens else names[-1:])}
    yield {"type": "message_delta", "delta": end, "usage": told}
    yield {"type": "message_stop"}


def events_answer(*events: dict[str, Any]) -> Answer:
    """Answer with server-sent events that say their type twice."""
    return Answer(
        headers={"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"},
        steps=tuple(
            b"event: %b\ndata: %b\n\n" % (event["type"].encode(), msgspec.json.encode(event)) for event in events
        ),
        streamed=True,
    )
