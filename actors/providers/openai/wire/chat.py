"""``POST /chat/completions``: a conversation out, an answer in, event by event."""

from typing import Any, Final

import msgspec
from msgspec import Struct, field

from ....contracts import Ended, EndReason, Generate, ImagePart, TextPart, ToolCall, Turn, Usage
from ....decoding import decoded
from ....errors import BrokenStream
from ....generation import ended, whole_calls
from ....http_errors import complained
from ..endpoint import Dialect
from .options import ChatOptions

DONE: Final = b"[DONE]"
"""What the last event says instead of JSON."""


def encode_chat(request: Generate, model: str, dialect: Dialect, options: ChatOptions, provider: str) -> bytes:
    """Return the body of ``POST /chat/completions``, asking for a stream.

    Raises:
        InvalidRequest: What the request wishes is out of range.
    """
    options = options.merged(provider, temperature=request.temperature, max_tokens=request.max_tokens)
    body: dict[str, Any] = {"model": model, "messages": [_message(turn) for turn in request.turns], "stream": True}
    if dialect.usage:
        body["stream_options"] = {"include_usage": True}
    body |= options.members("max_tokens", *(() if dialect.temperature else ("temperature",)))
    if options.max_tokens is not None:
        body[dialect.limits[0]] = options.max_tokens
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            }
            for tool in request.tools
        ]
        body["tool_choice"] = (
            request.tool_choice
            if request.tool_choice in {"auto", "none", "required"}
            else {"type": "function", "function": {"name": request.tool_choice}}
        )
    return msgspec.json.encode(body)


def _message(turn: Turn) -> dict[str, Any]:
    if turn.role == "tool":
        return {"role": "tool", "tool_call_id": turn.tool_call_id, "content": turn.text}
    if turn.role == "user" and any(isinstance(part, ImagePart) for part in turn.parts):
        return {"role": "user", "content": [_part(part) for part in turn.parts]}
    message: dict[str, Any] = {"role": turn.role, "content": turn.text}
    if turn.tool_calls:
        message["content"] = turn.text or None
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in turn.tool_calls
        ]
    return message


def _part(part: TextPart | ImagePart) -> dict[str, Any]:
    if isinstance(part, ImagePart):
        return {"type": "image_url", "image_url": {"url": part.url, "detail": part.detail}}
    return {"type": "text", "text": part.text}


def adapted(dialect: Dialect, details: dict[str, Any]) -> Dialect | None:
    """Return the dialect without what a model has just refused; None if that is not for us to leave out.

    Args:
        dialect: In which it was asked.
        details: Those of the `InvalidRequest` that came back.
    """
    match details.get("param"):
        case "temperature" if dialect.temperature:
            return msgspec.structs.replace(dialect, temperature=False)
        case "stream_options" if dialect.usage:
            return msgspec.structs.replace(dialect, usage=False)
        case name if name == dialect.limits[0] and len(dialect.limits) > 1:
            return msgspec.structs.replace(dialect, limits=dialect.limits[1:])
        case _:
            return None


class _Function(Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolDelta(Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(Struct):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolDelta] | None = None


class _Choice(Struct):
    index: int = 0
    delta: _Delta | None = None
    finish_reason: str | None = None


class _PromptDetails(Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _Usage(Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None
    cost: float | None = None  # OpenRouter says it, in US dollars


class _Chunk(Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


class _Call(Struct):
    id: str
    name: str
    arguments: list[str] = field(default_factory=list[str])


_decode_chunk: Final = msgspec.json.Decoder(_Chunk).decode
_REASONS: Final[dict[str, EndReason]] = {
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}


class ChatDecoder:
    """Reads the events of one streamed completion.

    Args:
        provider: For errors.
    """

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._calls: list[_Call] = []
        self._by_index: dict[int | None, _Call] = {}
        self._reason: str | None = None
        self._usage = _Usage()
        self._answered = False
        self._unknown = 0
        self.done = False
        """Whether the last event has come; the body may go on for some bytes."""

    @property
    def complete(self) -> bool:
        """Whether all of the answer has come; its usage may still follow."""
        return self._answered and (self.done or self._reason is not None) and self._reason != "error"

    @property
    def used(self) -> Usage:
        """See `AnswerDecoder.used`."""
        usage, details = self._usage, self._usage.prompt_tokens_details or _PromptDetails()
        return Usage(
            input_tokens=usage.prompt_tokens or 0,
            output_tokens=usage.completion_tokens or 0,
            cached_tokens=details.cached_tokens or 0,
            cache_write_tokens=details.cache_write_tokens or 0,
            cost=usage.cost or 0.0,
            unknown=self._unknown,
        )

    def push(self, data: bytes) -> str:
        """Take the data of the next event; return its text, which may be empty.

        Raises:
            ProviderError: The event is an error.
            BrokenStream: It makes no sense.
        """
        if data.startswith(DONE):
            self.done = True
            return ""
        chunk = decoded(_decode_chunk, data, self._provider)
        if chunk.error:
            raise complained(self._provider, chunk.error)
        if chunk.usage is not None:
            self._usage = chunk.usage
        elif chunk.choices is None:
            self._unknown += 1
        text = ""
        for choice in chunk.choices or ():
            if choice.index == 0:
                self._answered = True
                self._reason = choice.finish_reason or self._reason
                if choice.delta is not None:
                    text += self._read(choice.delta)
        return text

    def _read(self, delta: _Delta) -> str:
        for part in delta.tool_calls or ():
            function = part.function or _Function()
            call = self._by_index.get(part.index)
            if call is None or (part.id and part.id != call.id):  # some servers give all calls the same index, or none
                call = _Call(part.id or f"call_{len(self._calls)}", function.name or "")
                self._by_index[part.index] = call
                self._calls.append(call)
            if function.arguments:
                call.arguments.append(function.arguments)
        return (delta.content or "") + (delta.refusal or "")

    def finish(self) -> tuple[list[ToolCall], Ended]:
        """The stream has ended; return the tool calls, and how it ended.

        Raises:
            BrokenStream: It ended too early.
        """
        if not self.complete:
            raise BrokenStream(self._provider, "the stream ended before the answer did")
        reason = _REASONS.get(self._reason or "", "stop")
        calls = [ToolCall(call.id, call.name, "".join(call.arguments) or "{}") for call in self._calls]
        if calls and reason == "stop":  # a forced call is ended by an ordinary stop
            reason = "tool_calls"
        return whole_calls(calls, reason), ended(reason, self.used, cost=self._usage.cost)
