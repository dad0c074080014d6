"""``POST /api/chat``: a conversation out, an answer in, line by line. Calls of tools come whole."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from ....contracts import Ended, Generate, ImagePart, ToolCall, Turn, Usage
from ....decoding import decoded
from ....errors import BrokenStream, InvalidRequest
from ....generation import ended
from ....http_errors import complained
from ....images import inline_image
from .options import OllamaOptions


def encode_chat(request: Generate, model: str, options: OllamaOptions, provider: str) -> bytes:
    """Return the body of ``POST /api/chat``, asking for a stream.

    Raises:
        InvalidRequest: A value is out of range, a picture is not in the request itself, or a tool has to be called.
    """
    options = options.merged(provider, temperature=request.temperature, max_tokens=request.max_tokens)
    body: dict[str, Any] = {
        "model": model,
        "messages": [_message(turn, request, provider) for turn in request.turns],
        "stream": True,
    }
    if request.tools and request.tool_choice not in {"auto", "none"}:
        raise InvalidRequest(provider, "a model of Ollama's can't be made to call a tool; use tool_choice='auto'")
    if request.tools and request.tool_choice == "auto":
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": {"type": "object", **tool.parameters},
                },
            }
            for tool in request.tools
        ]
    return msgspec.json.encode(body | options.body())


def _message(turn: Turn, request: Generate, provider: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": turn.role, "content": turn.text}
    if images := [_image(part, provider) for part in turn.parts if isinstance(part, ImagePart)]:
        message["images"] = images
    if turn.tool_calls:
        message["tool_calls"] = [
            {"id": call.id, "function": {"name": call.name, "arguments": _object(call.arguments)}}
            for call in turn.tool_calls
        ]
    if turn.role == "tool":
        calls = (call for other in request.turns for call in other.tool_calls)
        message["tool_call_id"] = turn.tool_call_id
        message["tool_name"] = next((call.name for call in calls if call.id == turn.tool_call_id), "")
    return message


def _image(part: ImagePart, provider: str) -> str:
    inline = inline_image(part, provider)
    if inline is None:
        raise InvalidRequest(provider, "Ollama fetches no pictures; put it into the request with a data: URL")
    return inline.base64


def _object(arguments: str) -> msgspec.Raw:
    """Return a call's arguments as the object that the API wants, even if another model wrote something else."""
    try:
        msgspec.json.decode(arguments or "{}", type=dict[str, Any])
    except msgspec.DecodeError:
        return msgspec.Raw(msgspec.json.encode({"arguments": arguments}))
    return msgspec.Raw(arguments.encode() or b"{}")


class _Function(Struct):
    name: str = ""
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class _Call(Struct):
    function: _Function
    id: str = ""


class _Message(Struct):
    content: str = ""
    tool_calls: list[_Call] | None = None


class _Line(Struct):
    message: _Message | None = None
    done: bool = False
    done_reason: str = ""
    prompt_eval_count: int = 0
    eval_count: int = 0
    error: Any = None


_decode: Final = msgspec.json.Decoder(_Line).decode


class ChatDecoder:
    """Reads the lines of one answer.

    Args:
        provider: For errors.
    """

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._calls: list[ToolCall] = []
        self._last = _Line()
        self._unknown = 0
        self.done = False
        """Whether the last line has come."""

    @property
    def complete(self) -> bool:
        """See `AnswerDecoder.complete`."""
        return self.done

    @property
    def used(self) -> Usage:
        """See `AnswerDecoder.used`."""
        last = self._last
        return Usage(input_tokens=last.prompt_eval_count, output_tokens=last.eval_count, unknown=self._unknown)

    def push(self, data: bytes) -> str:
        """See `AnswerDecoder.push`."""
        line = decoded(_decode, data, self._provider)
        if line.error:
            raise complained(self._provider, line.error)
        if line.done:
            self.done, self._last = True, line
        if line.message is None:
            self._unknown += not line.done
            return ""
        for call in line.message.tool_calls or ():
            arguments = bytes(call.function.arguments).decode()
            self._calls.append(ToolCall(call.id or f"call_{len(self._calls)}", call.function.name, arguments))
        return line.message.content

    def finish(self) -> tuple[list[ToolCall], Ended]:
        """See `AnswerDecoder.finish`."""
        if not self.done:
            raise BrokenStream(self._provider, "the stream ended before the answer did")
        if self._last.done_reason == "length":
            return self._calls, ended("length", self.used)
        return self._calls, ended("tool_calls" if self._calls else "stop", self.used)
