"""Errors as OpenAI writes them: ``{"error": {"message", "type", "param", "code"}}``, all four always there."""

from typing import Final, NamedTuple

from ..answers import Answer, Refused, json_answer


class _Usual(NamedTuple):
    type: str
    code: str | None
    message: str


_USUAL: Final = {
    400: _Usual("invalid_request_error", None, "We could not parse the JSON body of your request."),
    401: _Usual("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: _Usual(
        "request_forbidden", "unsupported_country_region_territory", "Country, region, or territory not supported"
    ),
    404: _Usual("invalid_request_error", None, "Invalid URL"),
    413: _Usual("server_error", None, "413: Maximum content size limit (26214400) exceeded"),
    429: _Usual("requests", "rate_limit_exceeded", "Rate limit reached for requests. Please try again in 1s."),
    500: _Usual("server_error", None, "The server had an error while processing your request. Sorry about that!"),
    503: _Usual("server_error", None, "The server is currently overloaded. Please try again later."),
}
_QUOTA: Final = _Usual(
    "insufficient_quota",
    "insufficient_quota",
    "You exceeded your current quota, please check your plan and billing details.",
)


def refusal(status: int, code: str | None = None, *, message: str | None = None, param: str | None = None) -> Answer:
    """Return the answer with that status: as it usually is, unless said otherwise."""
    usual = _QUOTA if code == _QUOTA.code else _USUAL.get(status, _USUAL[500])
    error = error_object(message or usual.message, usual.type, param, code or usual.code)
    return json_answer({"error": error}, status)


def error_object(message: str, kind: str, param: str | None = None, code: str | None = None) -> dict[str, str | None]:
    """Return what stands under ``error``, in a body as in the middle of a stream."""
    return {"message": message, "type": kind, "param": param, "code": code}


def invalid(message: str, param: str, code: str | None = None) -> Refused:
    """Build the error for a parameter that is wrong."""
    return Refused(refusal(400, code, message=message, param=param))


def wrong_key(key: str) -> Answer:
    """Return the answer to a key that is wrong; the API repeats its ends."""
    shown = f"{key[:8]}{'*' * 10}{key[-4:]}"
    message = (
        f"Incorrect API key provided: {shown}. You can find your API key at "
        "https://platform.openai.com/account/api-keys."
    )
    return refusal(401, message=message)


def missing_key() -> Answer:
    """Return the answer to a request without a key."""
    message = (
        "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
        "(i.e. Authorization: Bearer YOUR_KEY)."
    )
    return json_answer({"error": error_object(message, "invalid_request_error")}, 401)


def no_such_model(model: str) -> Refused:
    """Build the error for a model that is not there."""
    message = f"The model `{model}` does not exist or you do not have access to it."
    return Refused(refusal(404, "model_not_found", message=message))
