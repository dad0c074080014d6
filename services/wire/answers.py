"""Answers as data: what a server sends, step by step, so that a fault is a change of the steps and nothing else."""

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypeAlias

import msgspec


class Break(Enum):
    """How a connection ends before its answer does."""

    RESET = "reset"
    """With a TCP reset: the client gets an error."""
    CUT = "cut"
    """In good order for TCP, in the middle of a body for HTTP."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is sent for a while."""

    seconds: float
    """May be infinite; the client's leaving ends it."""


Step: TypeAlias = bytes | Pause | Break


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP response."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    late: float = 0.0
    """Seconds before the status line."""
    steps: tuple[Step, ...] = ()
    """The body: each piece of bytes is sent as one chunk, or all at once where `streamed` is not set."""
    streamed: bool = False
    """Whether its length is unknown beforehand, so that it goes out in chunks."""

    def with_headers(self, **headers: str) -> "Answer":
        """Return it with more headers; ``retry_after`` stands for ``retry-after``."""
        return replace(self, headers=self.headers | {name.replace("_", "-"): text for name, text in headers.items()})


class Refused(Exception):
    """A request that the provider does not accept, with its answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def json_answer(value: object, status: int = 200) -> Answer:
    """Answer with JSON, indented by two as OpenAI does."""
    body = msgspec.json.format(msgspec.json.encode(value), indent=2)
    return Answer(status=status, headers={"content-type": "application/json"}, steps=(body,))


def text_answer(text: str, content_type: str = "text/plain; charset=utf-8", status: int = 200) -> Answer:
    """Answer with text."""
    return Answer(status=status, headers={"content-type": content_type}, steps=(text.encode(),))


def sse_answer(*events: object, done: bool) -> Answer:
    """Answer with server-sent events that have data only: one chunk each, and ``[DONE]`` at the end if asked for."""
    steps = [b"data: %b\n\n" % msgspec.json.encode(event) for event in events]
    if done:
        steps.append(b"data: [DONE]\n\n")
    return Answer(
        headers={"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"},
        steps=tuple(steps),
        streamed=True,
    )
