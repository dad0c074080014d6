"""A message comes in, event by event.

``message_start``, then blocks (``content_block_start``, ``content_block_delta``…, ``content_block_stop``), then
``message_delta`` with the reason for the end and the usage, at last ``message_stop``. ``ping`` and ``error`` may come
anywhere. Counts of tokens in ``message_delta`` replace those of ``message_start``; they are sums already.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct, field

from ....contracts import Ended, EndReason, ToolCall, Usage
from ....decoding import decoded
from ....errors import BrokenStream
from ....generation import ended, whole_calls
from ....http_errors import complained


class _Counts(Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _Message(Struct):
    usage: _Counts | None = None


class _Block(Struct):
    type: str = ""
    id: str = ""
    name: str = ""
    text: str = ""
    data: str = ""  # of thoughts that are not shown


class _Delta(Struct):
    type: str = ""
    text: str = ""
    partial_json: str = ""
    thinking: str = ""
    signature: str = ""
    stop_reason: str | None = None


class _Event(Struct):
    type: str = ""
    index: int = 0
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: _Counts | None = None
    error: Any = None


class _Open(Struct):
    """A block, as far as it has come."""

    start: _Block
    pieces: list[str] = field(default_factory=list[str])
    """Of thoughts, or of the arguments of a call."""
    signature: str = ""

    def thought(self) -> dict[str, Any]:
        """Return it as a block of a request."""
        kind = self.start.type
        if kind == "redacted_thinking":
            return {"type": kind, "data": self.start.data}
        return {"type": kind, "thinking": "".join(self.pieces), "signature": self.signature}


_THOUGHTS: Final = frozenset({"thinking", "redacted_thinking"})
_decode: Final = msgspec.json.Decoder(_Event).decode
_REASONS: Final[dict[str, EndReason]] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class MessageDecoder:
    """Reads the events of one streamed message.

    Args:
        provider: For errors.
        begun: The beginning of the answer, if the request had one. White space at its end was not sent, so the
            answer's own in its place is left out.
    """

    def __init__(self, provider: str, begun: str = "") -> None:
        self._provider = provider
        self._trim = begun != begun.rstrip()
        self._blocks: dict[int, _Open] = {}
        self._counts = _Counts()
        self._reason: str | None = None
        self._unknown = 0
        self.done = False
        """Whether the last event has come."""

    @property
    def complete(self) -> bool:
        """See `AnswerDecoder.complete`."""
        return self._reason is not None

    @property
    def used(self) -> Usage:
        """See `AnswerDecoder.used`; the API counts tokens from the cache and into it apart from the others."""
        counts = self._counts
        read, written = counts.cache_read_input_tokens or 0, counts.cache_creation_input_tokens or 0
        return Usage(
            input_tokens=(counts.input_tokens or 0) + read + written,
            output_tokens=counts.output_tokens or 0,
            cached_tokens=read,
            cache_write_tokens=written,
            unknown=self._unknown,
        )

    @property
    def thoughts(self) -> list[dict[str, Any]]:
        """What the model thought, as blocks that it wants back with the results of its calls."""
        return [block.thought() for block in self._blocks.values() if block.start.type in _THOUGHTS]

    def push(self, data: bytes) -> str:
        """See `AnswerDecoder.push`."""
        event = decoded(_decode, data, self._provider)
        match event.type:
            case "content_block_delta" if event.delta is not None:
                return self._add(event.index, event.delta)
            case "content_block_start" if event.content_block is not None:
                self._blocks[event.index] = _Open(event.content_block)
                return self._said(event.content_block.text)
            case "message_start" if event.message is not None:
                self._count(event.message.usage)
            case "message_delta":
                self._count(event.usage)
                self._reason = (event.delta.stop_reason if event.delta else None) or self._reason
            case "message_stop":
                self.done = True
            case "error":
                raise complained(self._provider, event.error or "error")
            case "ping" | "content_block_stop":
                pass
            case _:
                self._unknown += 1
        return ""

    def _add(self, index: int, delta: _Delta) -> str:
        block = self._blocks.get(index)
        match delta.type:
            case "text_delta":
                return self._said(delta.text)
            case "input_json_delta" if block is not None:
                block.pieces.append(delta.partial_json)
            case "thinking_delta" if block is not None:
                block.pieces.append(delta.thinking)
            case "signature_delta" if block is not None:
                block.signature = delta.signature
            case _:
                self._unknown += 1
        return ""

    def _said(self, text: str) -> str:
        if self._trim and text:
            text = text.lstrip()
            self._trim = not text
        return text

    def _count(self, counts: _Counts | None) -> None:
        for name in _Counts.__struct_fields__ if counts is not None else ():
            if (value := getattr(counts, name)) is not None:
                setattr(self._counts, name, value)

    def finish(self) -> tuple[list[ToolCall], Ended]:
        """See `AnswerDecoder.finish`."""
        if self._reason is None:
            raise BrokenStream(self._provider, "the stream ended before the answer did")
        reason = _REASONS.get(self._reason, "stop")
        calls = [
            ToolCall(block.start.id, block.start.name, "".join(block.pieces) or "{}")
            for block in self._blocks.values()
            if block.start.type == "tool_use"
        ]
        return whole_calls(calls, reason), ended(reason, self.used)
