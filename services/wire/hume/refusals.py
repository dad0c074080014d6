"""Errors as Hume writes them: a code, an error and a message; FastAPI's own for what has the wrong form."""

from typing import Any, Final

from ..answers import Answer, Refused, json_answer

_USUAL: Final = {
    400: ("E0101", "bad_request", "The request is invalid."),
    401: ("E0001", "unauthorized", "Invalid API key."),
    402: ("E0300", "out_of_credits", "You have no credits left."),
    403: ("E0003", "forbidden", "You may not do this."),
    404: ("E0404", "not_found", "Voice not found."),
    429: ("E0429", "too_many_requests", "Too many requests."),
}


def refusal(status: int, code: str | None = None, message: str | None = None) -> Answer:
    """Return the answer with that status: as it usually is, unless said otherwise."""
    usual = _USUAL.get(status, ("E0500", "internal_server_error", "Something went wrong."))
    return json_answer({"code": code or usual[0], "error": usual[1], "message": message or usual[2]}, status)


def misplaced(*place: str | int, problem: str) -> Refused:
    """Build the error for a member that is missing or wrong."""
    detail: dict[str, Any] = {"type": "value_error", "loc": ["body", *place], "msg": problem}
    return Refused(json_answer({"detail": [detail]}, 422))
