"""Errors as Deepgram writes them: ``err_code``, ``err_msg``, ``request_id``; beside a handshake also in a header."""

from typing import Final

from ..answers import Answer, Refused, json_answer

REQUEST_ID: Final = "5a2e2e3a-0c4e-4b6e-9f11-7d2b1c0a9e55"

_USUAL: Final = {
    400: ("Bad Request", "Bad Request: failed to process audio: corrupt or unsupported data"),
    401: ("INVALID_AUTH", "Invalid credentials."),
    402: ("ASR_PAYMENT_REQUIRED", "Project does not have enough credits for an ASR request."),
    403: ("INSUFFICIENT_PERMISSIONS", "User does not have sufficient permissions."),
    404: ("PROJECT_NOT_FOUND", "Project not found."),
    413: ("PAYLOAD_TOO_LARGE", "Payload too large."),
    415: ("UNSUPPORTED_MEDIA_TYPE", "Unsupported media type."),
    429: ("TOO_MANY_REQUESTS", "Too many requests. Please try again later"),
    503: ("SERVICE_UNAVAILABLE", "Service unavailable."),
}


def refusal(status: int, code: str | None = None, message: str | None = None) -> Answer:
    """Return the answer with that status: as it usually is, unless said otherwise."""
    usual = _USUAL.get(status, ("INTERNAL_SERVER_ERROR", "Internal server error."))
    text = message or usual[1]
    body = {"err_code": code or usual[0], "err_msg": text, "request_id": REQUEST_ID}
    return json_answer(body, status).with_headers(dg_error=text)


def bad_request(message: str) -> Refused:
    """Build the error for a request that the API does not take."""
    return Refused(refusal(400, "Bad Request", f"Bad Request: {message}"))


def no_such_model() -> Refused:
    """Build the error for a model that is not there."""
    message = "Bad Request: No such model/language/tier combination found."
    return Refused(refusal(400, "Bad Request", message))
