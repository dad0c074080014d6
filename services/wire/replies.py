"""What a language model is to answer: the same words for all wire servers that have one."""

import re
from collections import deque
from collections.abc import Sequence
from typing import Any, Final, Literal, cast

from msgspec import Struct

from .server import WireServer

WORD: Final = re.compile(r"\s*\S+|\s+")


class ToolUse(Struct, frozen=True):
    """A tool call that a reply contains."""

    name: str
    arguments: str = "{}"
    """JSON; streamed in pieces of eight characters where the protocol has pieces."""
    id: str = "call_0"


class Reply(Struct, frozen=True, kw_only=True):
    """What the model answers."""

    text: str = ""
    tokens: tuple[str, ...] = ()
    """The text cut into tokens; one per word if not given."""
    thinking: str = ""
    """What it thinks before, where the protocol shows that."""
    tool_calls: tuple[ToolUse, ...] = ()
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"] | None = None
    """None for what goes with the rest."""
    cached_tokens: int = 0
    """Of the input: read from the cache."""
    cache_write_tokens: int = 0
    """Of the input: written to the cache, where the protocol says that."""

    def pieces(self) -> tuple[str, ...]:
        """Return the text, token by token."""
        return self.tokens or tuple(WORD.findall(self.text))

    @property
    def reason(self) -> str:
        """Why it ends."""
        return self.finish_reason or ("tool_calls" if self.tool_calls else "stop")

    def limited(self, most: int | None) -> "Reply":
        """Return it cut to a number of tokens."""
        if most is None or most < 0 or most >= len(self.pieces()):
            return self
        return Reply(tokens=self.pieces()[:most], finish_reason="length", cached_tokens=self.cached_tokens)

    def counted(self) -> int:
        """Count its tokens: words, and characters of what it calls."""
        return len(self.pieces()) + sum(len(call.arguments) for call in self.tool_calls)


class ModelWire(WireServer):
    """Base of wire servers with a language model, which answers what it is told, or repeats what the user said."""

    def __init__(self) -> None:
        super().__init__()
        self._replies: deque[Reply] = deque()

    def reply(self, text: str = "", *, reply: Reply | None = None) -> None:
        """Say what the next answer is that has none yet; by default it repeats what the user said."""
        self._replies.append(reply or Reply(text=text))

    def reset(self) -> None:
        """Forget requests, faults and replies."""
        super().reset()
        self._replies.clear()

    def next_reply(self, said: str) -> Reply:
        """Return what is answered to what the user said last."""
        return self._replies.popleft() if self._replies else Reply(text=f"You said: {said}")


def words(value: Any) -> int:
    """Count the words in all texts of a conversation, as it is in JSON: its tokens, for these models."""
    match value:
        case str():
            return len(value.split())
        case list() | tuple():
            return sum(map(words, cast("Sequence[Any]", value)))
        case dict():
            message = cast("dict[str, Any]", value)
            return words(message.get("content")) + words(message.get("text"))
        case _:
            return 0
