"""Errors as Cartesia writes them, in an answer as in the middle of a stream."""

from typing import Any, Final

from ..answers import Answer, Refused, json_answer

REQUEST_ID: Final = "c7d1f0a2-5b6e-4a3d-9c8b-1e2f3a4b5c6d"

_USUAL: Final = {
    400: ("Bad request", "invalid_request"),
    401: ("Unauthorized", "unauthorized"),
    402: ("Payment required", "plan_upgrade_required"),
    403: ("Forbidden", "forbidden"),
    404: ("Voice not found", "voice_not_found"),
    429: ("Too many requests", "concurrency_limited"),
    503: ("Service unavailable", "service_unavailable"),
}


def error_object(status: int, code: str | None = None, message: str | None = None) -> dict[str, Any]:
    """Return what stands in an error."""
    title, usual = _USUAL.get(status, ("Internal server error", "internal_server_error"))
    return {
        "title": title,
        "message": message or title,
        "error_code": code or usual,
        "status_code": status,
        "request_id": REQUEST_ID,
        "doc_url": "https://docs.cartesia.ai",
    }


def refusal(status: int, code: str | None = None, message: str | None = None) -> Answer:
    """Return the answer with that status: as it usually is, unless said otherwise."""
    return json_answer(error_object(status, code, message), status)


def bad_request(message: str) -> Refused:
    """Build the error for a request that the API does not take."""
    return Refused(refusal(400, message=message))
