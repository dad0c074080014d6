"""What goes wrong between a provider and its client, as changes of a good answer.

Several can be combined: they apply from left to right. `after` counts the pieces of a body (events, chunks of audio),
`at` its bytes. On a WebSocket they count the messages and the bytes of their frames.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

from msgspec import Struct

from .answers import Answer, Break, Pause, Step, text_answer


class Late(Struct, frozen=True, tag=True):
    """The status line takes its time."""

    seconds: float | None = None
    """None: for ever."""


class Refuse(Struct, frozen=True, tag=True):
    """An HTTP error, with the body that the provider sends with it."""

    status: int
    code: str | None = None
    """The provider's word for it, if not the usual one for this status."""
    retry_after: float | None = None
    """Seconds, for the header ``Retry-After``."""
    html: bool = False
    """Whether it comes from something in front of the provider, as a web page."""


class Replace(Struct, frozen=True, tag=True):
    """Another body, of whatever type: a success without data, a web page, JSON where events were asked for."""

    body: bytes = b""
    content_type: str | None = None
    """None: as it was."""


class Stall(Struct, frozen=True, tag=True):
    """Silence in the middle of a body."""

    after: int
    """Pieces that still come."""
    seconds: float | None = None
    """None: for ever."""


class Insert(Struct, frozen=True, tag=True):
    """Something that does not belong there: garbage, an unknown event, an error in the middle of a stream."""

    after: int
    """Pieces that come before it."""
    data: bytes


class End(Struct, frozen=True, tag=True):
    """The body ends early, and HTTP finds nothing wrong with that."""

    at: int


class Reset(Struct, frozen=True, tag=True):
    """The connection is reset in the middle of the body."""

    at: int


class Cut(Struct, frozen=True, tag=True):
    """The connection is closed in the middle of the body."""

    at: int


class Drip(Struct, frozen=True, tag=True):
    """The body comes in other pieces, and slowly."""

    size: int = 1
    """Bytes of each piece."""
    seconds: float = 0.0
    """Between two pieces."""


class Close(Struct, frozen=True, tag=True):
    """A WebSocket is closed."""

    after: int
    """Messages that still come."""
    code: int
    reason: str = ""


class Deaf(Struct, frozen=True, tag=True):
    """A WebSocket is not read any more, and what the client sends piles up."""

    after: int
    """Messages that are still read."""


class Pace(Struct, frozen=True, tag=True):
    """An answer takes its time, as those of real providers do; no fault, unless it takes too much."""

    first: float
    """Seconds to the first piece; on a WebSocket, from each message of the client that is answered."""
    each: float
    """Seconds to each further piece."""


Fault: TypeAlias = Late | Refuse | Replace | Stall | Insert | End | Reset | Cut | Drip | Close | Deaf | Pace
Strike: TypeAlias = Reset | Cut | End | Stall | Pace
"""What can befall an exchange that is under way, whatever has been sent: see `troupe.services.wire.exchange`."""


def spoil(answer: Answer, fault: Fault, refuse: Callable[[int, str | None], Answer]) -> Answer:
    """Return what is sent instead of `answer`.

    Args:
        answer: What would have been sent.
        fault: What goes wrong.
        refuse: Builds the provider's own answer with an HTTP status, given that and the provider's word for it.
    """
    steps = answer.steps
    match fault:
        case Late(seconds):
            return replace(answer, late=_or_for_ever(seconds))
        case Refuse(html=True):
            page = f"<html><head><title>{fault.status}</title></head><body>cloudflare</body></html>"
            return _with_retry_after(text_answer(page, "text/html", fault.status), fault)
        case Refuse():
            return _with_retry_after(refuse(fault.status, fault.code), fault)
        case Replace(body, content_type):
            answer = replace(answer, steps=(body,) if body else ())
            return answer if content_type is None else answer.with_headers(content_type=content_type)
        case Stall(after, seconds):
            pause = Pause(_or_for_ever(seconds))
            return replace(answer, steps=(*steps[:after], pause, *steps[after:]), streamed=True)
        case Insert(after, data):
            return replace(answer, steps=(*steps[:after], data, *steps[after:]))
        case End(at):
            return replace(answer, steps=tuple(_first(steps, at)))
        case Reset(at):
            return replace(answer, steps=(*_first(steps, at), Break.RESET), streamed=True)
        case Cut(at):
            return replace(answer, steps=(*_first(steps, at), Break.CUT), streamed=True)
        case Drip(size, seconds):
            return replace(answer, steps=tuple(_drops(steps, size, seconds)), streamed=True)
        case Pace(first, each):
            paced = (each_step for piece in steps[1:] for each_step in (Pause(each), piece))
            return replace(answer, late=answer.late + first, steps=(*steps[:1], *paced), streamed=True)
        case Close() | Deaf():
            raise ValueError(f"{type(fault).__name__} is for WebSockets only")


def _or_for_ever(seconds: float | None) -> float:
    return math.inf if seconds is None else seconds


def _with_retry_after(answer: Answer, fault: Refuse) -> Answer:
    return answer if fault.retry_after is None else answer.with_headers(retry_after=f"{fault.retry_after:g}")


def _first(steps: tuple[Step, ...], size: int) -> Iterator[Step]:
    """Give the steps up to the first `size` bytes."""
    left = size
    for step in steps:
        if not isinstance(step, bytes):
            yield step
        elif left:
            yield step[:left]
            left = max(0, left - len(step))


def _drops(steps: tuple[Step, ...], size: int, seconds: float) -> Iterator[Step]:
    for step in steps:
        if not isinstance(step, bytes):
            yield step
            continue
        for start in range(0, len(step), size):
            yield step[start : start + size]
            if seconds:
                yield Pause(seconds)
