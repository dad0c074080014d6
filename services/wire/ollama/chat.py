"""``POST /api/chat`` and ``POST /api/generate``: answers word by word, calls of tools whole."""

import base64
import binascii
from typing import Any

import msgspec
from msgspec import Struct, field

from ..answers import Answer
from ..replies import Reply, words
from .answers import CREATED, invalid, lines_answer, whole_answer

Json = dict[str, Any]


class Asked(Struct, frozen=True, kw_only=True):
    """What both kinds of requests have."""

    model: str = ""
    stream: bool | None = None
    format: Any = None
    think: bool | str | None = None
    keep_alive: float | str | None = None
    options: Json = field(default_factory=Json)

    @property
    def limit(self) -> int | None:
        """Tokens of the answer."""
        limit: int | None = self.options.get("num_predict")
        return limit

    @property
    def unloads(self) -> bool:
        """Whether the model is to be forgotten."""
        return self.keep_alive in (0, "0", "0s")


class AskedToChat(Asked, frozen=True, kw_only=True):
    """A conversation."""

    messages: list[Json] = field(default_factory=list[Json])
    tools: list[Json] = field(default_factory=list[Json])

    def check(self) -> None:
        """Raise `Refused` if the API would not take it."""
        for message in self.messages:
            if message.get("role") not in {"system", "user", "assistant", "tool"}:
                raise invalid(f"invalid role: {message.get('role')}, must be one of [system, user, assistant, tool]")
            _check_images(message.get("images"))
            for call in message.get("tool_calls") or ():
                if not isinstance(call["function"]["arguments"], dict):
                    raise invalid("json: cannot unmarshal string into Go struct field .arguments of type map")

    def last_text(self) -> str:
        """Return what the user said last."""
        said = (message["content"] for message in reversed(self.messages) if message["role"] == "user")
        return str(next(said, ""))


class AskedToGenerate(Asked, frozen=True, kw_only=True):
    """A prompt."""

    prompt: str = ""
    images: list[str] | None = None

    def check(self) -> None:
        """Raise `Refused` if the API would not take it."""
        _check_images(self.images)


def _check_images(images: list[str] | None) -> None:
    for image in images or ():
        try:
            base64.b64decode(image, validate=True)
        except binascii.Error:
            raise invalid("illegal base64 data at input byte 4") from None


def chat(asked: AskedToChat, reply: Reply) -> Answer:
    """Return the answer to a conversation."""
    if not asked.messages:
        nothing = {"role": "assistant", "content": ""}
        return whole_answer(_head(asked) | {"message": nothing, "done": True, "done_reason": _loaded(asked)})
    reply = reply.limited(asked.limit)
    thinks = bool(reply.thinking) and asked.think is not False
    called = [_call(number, reply) for number in range(len(reply.tool_calls))]
    thinking: list[Json] = [{"content": "", "thinking": reply.thinking}] if thinks else []
    said: list[Json] = [{"content": piece} for piece in reply.pieces()]
    calls: list[Json] = [{"content": "", "tool_calls": [call]} for call in called]
    end = _end(words(asked.messages), reply)
    if asked.stream is False:
        message: Json = {"role": "assistant", "content": "".join(reply.pieces())}
        if thinks:
            message["thinking"] = reply.thinking
        if called:
            message["tool_calls"] = called
        return whole_answer(_head(asked) | {"message": message} | end)
    lines = [*thinking, *said, *calls]
    return lines_answer(
        *(_head(asked) | {"message": {"role": "assistant", **line}, "done": False} for line in lines),
        _head(asked) | {"message": {"role": "assistant", "content": ""}} | end,
    )


def generate(asked: AskedToGenerate, reply: Reply) -> Answer:
    """Return the answer to a prompt."""
    if not asked.prompt:
        return whole_answer(_head(asked) | {"response": "", "done": True, "done_reason": _loaded(asked)})
    reply = reply.limited(asked.limit)
    end = _end(words(asked.prompt), reply) | {"context": [1, 2, 3]}
    if asked.stream is False:
        return whole_answer(_head(asked) | {"response": "".join(reply.pieces())} | end)
    return lines_answer(
        *(_head(asked) | {"response": piece, "done": False} for piece in reply.pieces()),
        _head(asked) | {"response": ""} | end,
    )


def _head(asked: Asked) -> Json:
    return {"model": asked.model, "created_at": CREATED}


def _loaded(asked: Asked) -> str:
    return "unload" if asked.unloads else "load"


def _call(number: int, reply: Reply) -> Json:
    call = reply.tool_calls[number]
    function = {"index": number, "name": call.name, "arguments": msgspec.Raw(call.arguments.encode())}
    return {"id": call.id, "function": function}


def _end(heard: int, reply: Reply) -> Json:
    """Return what the last line has; counts that are zero are left out."""
    counts = {
        "total_duration": 4_883_583_458,
        "load_duration": 1_334_875,
        "prompt_eval_count": heard,
        "prompt_eval_duration": 342_546_000,
        "eval_count": reply.counted(),
        "eval_duration": 4_535_599_000,
    }
    reason = "length" if reply.reason == "length" else "stop"
    return {"done": True, "done_reason": reason} | {name: count for name, count in counts.items() if count}
