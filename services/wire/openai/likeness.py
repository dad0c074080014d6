"""What the wire servers of OpenAI-compatible providers share: OpenAI's answers, changed where they differ."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import msgspec

from ..answers import Answer, Step, json_answer

Json = dict[str, Any]


def changed(answer: Answer, change: Callable[[Json], Json]) -> Answer:
    """Return the answer with each chunk of its stream, or its whole body, changed."""
    if not answer.streamed:
        return json_answer(change(body_of(answer)), answer.status)
    return replace(answer, steps=tuple(_changed(step, change) for step in answer.steps))


def body_of(answer: Answer) -> Json:
    """Return the JSON of an answer that is not a stream."""
    return cast("Json", msgspec.json.decode(b"".join(step for step in answer.steps if isinstance(step, bytes))))


def _changed(step: Step, change: Callable[[Json], Json]) -> Step:
    if not isinstance(step, bytes) or not step.startswith(b"data: {"):
        return step
    chunk = cast("Json", msgspec.json.decode(step.removeprefix(b"data: ")))
    return b"data: %b\n\n" % msgspec.json.encode(change(chunk))
