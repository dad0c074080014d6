"""Answers as Ollama writes them: lines of JSON, and errors that are a text."""

from typing import Final

import msgspec

from ..answers import Answer, Refused

CREATED: Final = "2026-11-21T12:00:00.123456789Z"
DIGEST: Final = "a80c4f17acd55265feec403c7aef86be0c25983ab279d83f3bcd3abbcb5b8b72"
_USUAL: Final = {
    400: "missing request body",
    401: "unauthorized",
    403: "forbidden",
    404: "model 'llama9' not found",
    413: "request body too large",
    429: "too many requests",
    500: "llama runner process has terminated: exit status 2",
    503: "server busy, please try again.  maximum pending requests exceeded",
}


def refusal(status: int, message: str | None = None) -> Answer:
    """Return the answer with that status."""
    return whole_answer({"error": message or _USUAL.get(status, _USUAL[500])}, status)


def invalid(message: str, status: int = 400) -> Refused:
    """Build the error for a request that is wrong."""
    return Refused(refusal(status, message))


def whole_answer(value: object, status: int = 200) -> Answer:
    """Answer with JSON on one line."""
    headers = {"content-type": "application/json; charset=utf-8"}
    return Answer(status=status, headers=headers, steps=(msgspec.json.encode(value),))


def lines_answer(*lines: object) -> Answer:
    """Answer with lines of JSON."""
    steps = tuple(msgspec.json.encode(line) + b"\n" for line in lines)
    return Answer(headers={"content-type": "application/x-ndjson"}, steps=steps, streamed=True)
