"""What the actors of all language models share: an answer is read, understood and passed on, token by token."""

from collections.abc import AsyncIterator, Callable
from typing import Protocol

import msgspec

from ..runtime import Sender
from .contracts import Ended, EndReason, GenerationEvent, TextDelta, ToolCall, Usage
from .errors import BrokenStream, ProviderTimeout
from .http import HttpAnswer
from .usage import Meter


class AnswerDecoder(Protocol):
    """Understands one streamed answer, without I/O; each provider has its own."""

    @property
    def done(self) -> bool:
        """Whether the last item has come; the body may go on for some bytes."""
        ...

    @property
    def complete(self) -> bool:
        """Whether all of the answer has come; its usage may still follow."""
        ...

    @property
    def used(self) -> Usage:
        """What the provider has said so far that it counts."""
        ...

    def push(self, data: bytes) -> str:
        """Take the next item, a JSON text; return the text that it adds to the answer, which may be empty.

        Raises:
            ProviderError: It is an error, or makes no sense.
        """
        ...

    def finish(self) -> tuple[list[ToolCall], Ended]:
        """End the answer; return its tool calls, and how it ended.

        Raises:
            BrokenStream: It ended too early.
        """
        ...


async def pass_on(
    answer: HttpAnswer,
    items: AsyncIterator[bytes],
    decoder: AnswerDecoder,
    replies: Sender[GenerationEvent],
    meter: Meter,
    on_calls: Callable[[list[ToolCall]], None] | None = None,
) -> None:
    """Send what an answer says as it comes, and at last how it ended; count what it used, however it ends.

    Cancelling stops in the middle; the caller's block closes the request.

    Args:
        answer: What is read.
        items: Its items, each a JSON text.
        decoder: Understands them.
        replies: Where to send what it says.
        meter: Counts.
        on_calls: Gets the calls of tools, if there are any, before they are sent.

    Raises:
        ProviderError: The answer is an error, or breaks off, or stops.
    """
    try:
        try:
            async for data in items:
                if text := decoder.push(data):
                    await replies.send(TextDelta(text))
                if decoder.done:
                    break
        except (BrokenStream, ProviderTimeout):
            if not decoder.complete:
                raise  # else only the usage is missing
        calls, ended = decoder.finish()
    finally:
        meter.add(decoder.used)
    if calls and on_calls is not None:
        on_calls(calls)
    for call in calls:
        await replies.send(call)
    await replies.send(ended)
    await answer.drain()


def ended(reason: EndReason, used: Usage, *, cost: float | None = None) -> Ended:
    """Return the end of an answer, with what it used; `cost` is None if the provider did not say it."""
    return Ended(
        reason,
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        cached_tokens=used.cached_tokens,
        cache_write_tokens=used.cache_write_tokens,
        cost=cost,
    )


def whole_calls(calls: list[ToolCall], reason: EndReason) -> list[ToolCall]:
    """Return the calls without one that the limit of the answer's length has cut."""
    return [call for call in calls if is_json(call.arguments)] if reason == "length" else calls


def is_json(text: str) -> bool:
    """Tell whether the arguments of a call are whole."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    return True
