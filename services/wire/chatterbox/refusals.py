"""Errors as the server writes them: a message and a type under ``error``; FastAPI's own for what has the wrong form."""

from typing import Any, Final

from ..answers import Answer, Refused, json_answer

_USUAL: Final = {
    400: ("invalid_request_error", "The request is invalid."),
    404: ("voice_not_found_error", "Voice not found"),
    409: ("voice_exists_error", "Voice already exists"),
    500: ("generation_error", "TTS generation failed"),
}


def refusal(status: int, kind: str | None = None, message: str | None = None) -> Answer:
    """Return the answer with that status: as it usually is, unless said otherwise."""
    usual = _USUAL.get(status, ("internal_server_error", "Something went wrong."))
    return json_answer({"error": {"message": message or usual[1], "type": kind or usual[0]}}, status)


def misplaced(where: str, member: str, problem: str) -> Refused:
    """Build the error for a member that is missing or out of range."""
    detail: dict[str, Any] = {"type": "value_error", "loc": [where, member], "msg": problem, "input": None}
    return Refused(json_answer({"detail": [detail]}, 422))
