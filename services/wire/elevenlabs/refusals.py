"""Errors as ElevenLabs writes them: under ``detail``, with a code; those of a form with places."""

from typing import Any, Final

from ..answers import Answer, Refused, json_answer

REQUEST_ID: Final = "8f3b1c2d4e5f60718293a4b5c6d7e8f9"

_USUAL: Final = {
    400: ("invalid_request", "The request is invalid."),
    401: ("invalid_api_key", "Invalid API key"),
    402: ("quota_exceeded", "This request exceeds your quota."),
    403: ("output_format_not_allowed", "This output format is only allowed for Pro tier and above."),
    404: ("voice_not_found", "A voice for the voice_id was not found."),
    413: ("max_character_limit_exceeded", "The text is too long."),
    429: ("too_many_concurrent_requests", "Too many concurrent requests."),
    503: ("system_busy", "We are sorry, the system is experiencing heavy traffic."),
}


def refusal(status: int, code: str | None = None, message: str | None = None) -> Answer:
    """Return the answer with that status: as it usually is, unless said otherwise."""
    usual = _USUAL.get(status, ("internal_server_error", "Something went wrong."))
    code = code or usual[0]
    detail = {
        "type": "error",
        "code": code,
        "message": message or usual[1],
        "status": code,
        "request_id": REQUEST_ID,
    }
    return json_answer({"detail": detail}, status)


def misplaced(*place: str) -> Refused:
    """Build the error for a member that is missing or wrong."""
    problem: dict[str, Any] = {"type": "missing", "loc": ["body", *place], "msg": "Field required", "input": None}
    return Refused(json_answer({"detail": [problem]}, 422))
