"""Errors as Anthropic writes them: ``{"type": "error", "error": {"type", "message"}, "request_id"}``."""

from typing import Final

from ..answers import Answer, Refused, json_answer

_USUAL: Final = {
    400: ("invalid_request_error", "The request body is not valid JSON"),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low to access the Anthropic API."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "Not found"),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit"),
    500: ("api_error", "Internal server error"),
    504: ("timeout_error", "Request timed out"),
    529: ("overloaded_error", "Overloaded"),
}


def error_object(kind: str, message: str) -> dict[str, object]:
    """Return the body of an error, which also stands in the middle of a stream."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}


def refusal(status: int, code: str | None = None, *, message: str | None = None) -> Answer:
    """Return the answer with that status: as it usually is, unless said otherwise."""
    kind, usual = _USUAL.get(status, _USUAL[500])
    return json_answer(error_object(code or kind, message or usual), status)


def invalid(message: str) -> Refused:
    """Build the error for a request that is wrong; its message begins with the parameter."""
    return Refused(refusal(400, message=message))


def no_such_model(model: str) -> Refused:
    """Build the error for a model that is not there."""
    return Refused(refusal(404, message=f"model: {model}"))
