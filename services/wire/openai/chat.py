"""``POST /v1/chat/completions``: answers word by word, and tool calls whose arguments come in pieces."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct, field

from ..answers import Answer, json_answer, sse_answer
from ..replies import Reply, words
from .refusals import invalid

FINGERPRINT: Final = "fp_44709d6fcb"
CREATED: Final = 1_790_000_000
"""Unix seconds: answers do not depend on when they are given."""


class Asked(Struct, frozen=True, kw_only=True):
    """The part of a request that has to be right; other members are taken as they are."""

    model: str
    messages: tuple[dict[str, Any], ...]
    stream: bool = False
    stream_options: dict[str, bool] | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    tools: tuple[dict[str, Any], ...] = ()

    def check(self) -> None:
        """Raise `Refused` if the API would not take it."""
        if not self.messages:
            raise invalid("Invalid 'messages': empty array. Expected an array with minimum length 1.", "messages")
        if self.stream_options is not None and not self.stream:
            raise invalid("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
        if self.temperature is not None and not 0 <= self.temperature <= 2:
            raise invalid(
                f"Invalid 'temperature': decimal out of range. Expected 0 to 2, but got {self.temperature}.",
                "temperature",
                "decimal_out_of_range",
            )

    def last_text(self) -> str:
        """Return what the user said last."""
        for message in reversed(self.messages):
            if message.get("role") == "user":
                content = message.get("content")
                if isinstance(content, str):
                    return content
                return "".join(part.get("text", "") for part in content or ())
        return ""


class Quirks(Struct, frozen=True, kw_only=True):
    """In what a model, or a server that is not OpenAI's, differs."""

    refused: Mapping[str, str] = field(default_factory=dict[str, str])
    """Parameters that the model does not take, with the code of the error: newer ones want no `max_tokens`."""
    usage_with_finish: bool = False
    """Whether usage stands in the chunk with the finish reason."""
    done: bool = True
    """Whether ``[DONE]`` ends a stream."""


def answer(asked: Asked, reply: Reply, number: int, quirks: Quirks) -> Answer:
    """Return the answer to a request that was checked; `number` makes its id."""
    for param, code in quirks.refused.items():
        if getattr(asked, param, None) is not None:
            raise invalid(f"Unsupported parameter: '{param}' is not supported with this model.", param, code)
    reply = reply.limited(asked.max_completion_tokens or asked.max_tokens)
    head = {"id": f"chatcmpl-{number:029d}", "created": CREATED, "model": asked.model}
    if not asked.stream:
        return json_answer(_completion(asked, reply, head))
    return sse_answer(*_chunks(asked, reply, head, quirks), done=quirks.done)


def _completion(asked: Asked, reply: Reply, head: dict[str, Any]) -> dict[str, Any]:
    text = "".join(reply.pieces())
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text if text or not reply.tool_calls else None,
        "refusal": None,
        "annotations": [],
    }
    if reply.tool_calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in reply.tool_calls
        ]
    return {
        "id": head["id"],
        "object": "chat.completion",
        **{name: head[name] for name in ("created", "model")},
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reply.reason}],
        "usage": _usage(asked, reply),
        "service_tier": "default",
        "system_fingerprint": FINGERPRINT,
    }


def _usage(asked: Asked, reply: Reply) -> dict[str, Any]:
    heard, said = words(asked.messages), reply.counted()
    return {
        "prompt_tokens": heard,
        "completion_tokens": said,
        "total_tokens": heard + said,
        "prompt_tokens_details": {"cached_tokens": reply.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _chunks(asked: Asked, reply: Reply, head: dict[str, Any], quirks: Quirks) -> Iterator[dict[str, Any]]:
    options = asked.stream_options or {}
    wants_usage = options.get("include_usage", False)

    def chunk(choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = {
            "id": head["id"],
            "object": "chat.completion.chunk",
            **{name: head[name] for name in ("created", "model")},
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT,
            "choices": choices,
        }
        if wants_usage:
            result["usage"] = usage
        if options.get("include_obfuscation", True):
            result["obfuscation"] = "x" * (len(str(choices)) % 7 + 1)
        return result

    def choice(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}

    yield chunk([choice({"role": "assistant", "content": None if reply.tool_calls else "", "refusal": None})])
    for piece in reply.pieces():
        yield chunk([choice({"content": piece})])
    for index, call in enumerate(reply.tool_calls):
        first = {"index": index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
        yield chunk([choice({"tool_calls": [first]})])
        for start in range(0, len(call.arguments), 8):
            more = {"index": index, "function": {"arguments": call.arguments[start : start + 8]}}
            yield chunk([choice({"tool_calls": [more]})])
    finish = [choice({}, reply.reason)]
    if wants_usage and quirks.usage_with_finish:
        yield chunk(finish, _usage(asked, reply))
        return
    yield chunk(finish)
    if wants_usage:
        yield chunk([], _usage(asked, reply))
