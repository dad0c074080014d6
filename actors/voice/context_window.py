"""Which items of a long conversation a model is told, as `truncation` of a session says. No I/O.

Tokens are estimated, as each provider counts in its own way: four characters of text are one, and a picture is as many
as OpenAI counts for one at low detail. https://platform.openai.com/docs/guides/realtime-conversations describes the
truncation.
"""

from collections.abc import Sequence
from typing import Final

from ..errors import RequestTooLong
from ..realtime.items import (
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    Item,
    Message,
    OutputAudio,
)
from ..realtime.session_config import RetentionRatio, Truncation

CONTEXT_TOKENS: Final = 28_224
"""What OpenAI's realtime model leaves for the input: 32,000 less 4,096 for the output, rounded as it does."""
CHARACTERS_PER_TOKEN: Final = 4
IMAGE_TOKENS: Final = 85
ITEM_TOKENS: Final = 4
"""What an item costs beside its content."""


def tokens_of(item: Item) -> int:
    """Estimate how many tokens an item is for a model."""
    match item:
        case Message():
            return ITEM_TOKENS + sum(_part_tokens(part) for part in item.content)
        case FunctionCall():
            return ITEM_TOKENS + _text_tokens(item.name) + _text_tokens(item.arguments)
        case FunctionCallOutput():
            return ITEM_TOKENS + _text_tokens(item.output)
        case _:  # what an MCP server was asked is not told to the model
            return 0


def _part_tokens(part: object) -> int:
    match part:
        case InputImage():
            return IMAGE_TOKENS
        case InputAudio(transcript=transcript) | OutputAudio(transcript=transcript):
            return _text_tokens(transcript) if isinstance(transcript, str) else 0
        case _:
            return _text_tokens(getattr(part, "text", ""))


def _text_tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)


class ContextWindow:
    """Leaves out the oldest items when a conversation is too long.

    With a retention ratio, more is left out than has to be, and the same items stay left out until the next time it is
    too long: providers cache the beginning of a request, and so the beginning should change rarely.

    Args:
        limit: Tokens of a model's input, instructions and tools included.
    """

    def __init__(self, limit: int = CONTEXT_TOKENS) -> None:
        self._limit = limit
        self._left_out: frozenset[str] = frozenset()

    def fit(self, items: Sequence[Item], truncation: Truncation, overhead: str = "") -> list[Item]:
        """Return the items that the model is told, the latest ones; the last one is always among them.

        Args:
            items: The conversation.
            truncation: The session's.
            overhead: What is sent beside them, such as the instructions.

        Raises:
            RequestTooLong: They are too many, and the session does not want any left out.
        """
        room = self._limit - _text_tokens(overhead)
        ratio = 1.0
        if isinstance(truncation, RetentionRatio):
            ratio = truncation.retention_ratio
            limits = truncation.token_limits
            asked = getattr(limits, "post_instructions", None)
            if isinstance(asked, int):
                room = min(room, asked)
        self._left_out &= {item.id for item in items}
        kept = [item for item in items if item.id not in self._left_out]
        sizes = [tokens_of(item) for item in kept]
        total, first = sum(sizes), 0
        if total > room:
            if truncation == "disabled":
                raise RequestTooLong("session", f"{total} tokens by estimate, and room for {max(room, 0)}")
            while total > room * ratio and first < len(kept) - 1:
                total -= sizes[first]
                first += 1
            if isinstance(truncation, RetentionRatio):
                self._left_out |= {item.id for item in kept[:first]}
        return _without_orphans(kept[first:]) if first or self._left_out else kept


def _without_orphans(items: list[Item]) -> list[Item]:
    """Leave out the results of calls that are left out: a model's provider would refuse them."""
    called = {item.call_id for item in items if isinstance(item, FunctionCall)}
    return [item for item in items if not isinstance(item, FunctionCallOutput) or item.call_id in called]
