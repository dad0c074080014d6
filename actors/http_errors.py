"""What HTTP, or a WebSocket, says went wrong, as a provider's error: the one place where the two meet.

Providers, and the servers that imitate them, say it in many ways: ``{"error": {…}}``, ``{"error": "…"}``,
``{"detail": "…" | […] | {…}}``, an object with `message` and `code` (or `err_code`, `error_code`, `status`) at the top,
plain text, a web page of something in front of them. Their messages may quote the request, or a part of the key. So a
message is looked at, but what comes into an error are only words that look like names: status, code, type, parameter,
the id of the request.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, NoReturn, cast

import httpx2
import msgspec
from msgspec import Struct

from .errors import (
    AuthenticationFailed,
    BrokenStream,
    CannotContinue,
    ContentRefused,
    InvalidRequest,
    ModelNotFound,
    ProviderError,
    ProviderFailed,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    RequestTooLong,
)

_WORD: Final = re.compile("[A-Za-z_.-]{1,48}|[A-Z]{2,8}-[0-9]{4}|[EI][0-9]{4}|[45][0-9]{2}")
"""Codes and types that may be quoted: neither a sentence nor a key looks like this."""
_PLACE: Final = re.compile(r"[A-Za-z_]{1,40}(\.[A-Za-z_]{1,40}|\.\d+|\[\d+\])*", re.ASCII)
"""Parameters: ``messages[0].content``."""
_MEDIA_TYPE: Final = re.compile("[a-z]+/[a-z.+-]+")
_REQUEST_ID: Final = re.compile(r"[\w-]{1,64}", re.ASCII)

_REQUEST_IDS: Final = ("x-request-id", "request-id", "dg-request-id", "x-generation-id")

_BY_CODE: Final[dict[str, type[ProviderError]]] = {
    "insufficient_quota": QuotaExceeded,
    "billing_hard_limit_reached": QuotaExceeded,
    "invalid_api_key": AuthenticationFailed,
    "model_not_found": ModelNotFound,
    "context_length_exceeded": RequestTooLong,
    "string_above_max_length": RequestTooLong,
    "content_filter": ContentRefused,
    "content_policy_violation": ContentRefused,
    "rate_limit_exceeded": RateLimited,
    "server_error": ProviderUnavailable,
    "overloaded_error": ProviderUnavailable,
    "invalid_request_error": InvalidRequest,
    # Anthropic's types, which say something only in the middle of a stream, where there is no status
    "api_error": ProviderUnavailable,
    "timeout_error": ProviderUnavailable,
    "rate_limit_error": RateLimited,
    "authentication_error": AuthenticationFailed,
    "permission_error": AuthenticationFailed,
    "billing_error": QuotaExceeded,
    "not_found_error": ModelNotFound,
    "request_too_large": RequestTooLong,
    # OpenRouter's
    "authentication": AuthenticationFailed,
    "payment_required": QuotaExceeded,
    "no_endpoints": ModelNotFound,
    "model_deprecated": ModelNotFound,
    "model_unavailable_upstream": ModelNotFound,
    "free_variant_ended": ModelNotFound,
    "max_tokens_exceeded": RequestTooLong,
    "token_limit_exceeded": RequestTooLong,
    "string_too_long": RequestTooLong,
    "payload_too_large": RequestTooLong,
    "refusal": ContentRefused,
    "capacity_exhausted": RateLimited,
    "provider_overloaded": ProviderUnavailable,
    "provider_unavailable": ProviderUnavailable,
    "temporarily_unavailable": ProviderUnavailable,
    "server": ProviderUnavailable,
    # Deepgram's
    "DATA-0000": InvalidRequest,
    "BIG-0000": RequestTooLong,
    "BIG-0001": RequestTooLong,
    "NET-0000": ProviderUnavailable,
    "NET-0001": ProviderTimeout,
    # OpenAI's, of realtime sessions
    "invalid_model": ModelNotFound,
    "session_expired": ProviderUnavailable,
    # ElevenLabs': its status for most of them is 401 or 400
    "quota_exceeded": QuotaExceeded,
    "missing_permissions": AuthenticationFailed,
    "needs_authorization": AuthenticationFailed,
    "authentication_required": AuthenticationFailed,
    "auth_error": AuthenticationFailed,
    "unaccepted_terms": AuthenticationFailed,
    "voice_not_found": ModelNotFound,
    "voice_id_does_not_exist": ModelNotFound,
    "voice_does_not_exist": ModelNotFound,
    "max_character_limit_exceeded": RequestTooLong,
    "too_many_concurrent_requests": RateLimited,
    "concurrent_limit_exceeded": RateLimited,
    "rate_limited": RateLimited,
    "commit_throttled": RateLimited,
    "system_busy": ProviderUnavailable,
    "queue_overflow": ProviderUnavailable,
    "resource_exhausted": ProviderUnavailable,
    "session_time_limit_exceeded": ProviderUnavailable,
    "transcriber_error": ProviderUnavailable,
    "input_error": InvalidRequest,
    "invalid_request": InvalidRequest,
    "chunk_size_exceeded": InvalidRequest,
    "voice_limit_reached": QuotaExceeded,
    "can_not_use_instant_voice_cloning": AuthenticationFailed,
    # Hume's
    "E0300": QuotaExceeded,
    # Chatterbox servers'
    "model_error": ProviderUnavailable,
    "generation_error": ProviderUnavailable,
}
"""Codes and, where there is none, types. Status 4xx other than these is decided by `_BY_STATUS`."""

_BY_STATUS: Final[dict[int, type[ProviderError]]] = {
    401: AuthenticationFailed,
    402: QuotaExceeded,
    403: AuthenticationFailed,
    408: ProviderUnavailable,
    409: ProviderUnavailable,
    413: RequestTooLong,
    425: ProviderUnavailable,
    429: RateLimited,
}

_UNTAKEN: Final = frozenset({503, 529})
"""Statuses of servers that have not taken a request, for want of time. What others have done, nobody knows: 502 and 504
come from something in front of a server, which may be at work."""

_BY_CLOSE: Final[dict[int, type[ProviderError]]] = {
    1000: BrokenStream,
    1001: BrokenStream,
    1005: BrokenStream,
    1009: RequestTooLong,
    1011: ProviderUnavailable,
    1012: ProviderUnavailable,
    1013: ProviderUnavailable,
    1014: ProviderUnavailable,
    3000: AuthenticationFailed,
}
"""Close codes (RFC 6455 7.4.1 and IANA's registry, in which 3000 is "unauthorized"). 1008 says no more than that
something was against the rules."""
_CODE_IN_TEXT: Final = re.compile(r"[A-Z]{2,8}-[0-9]{4}|[a-z]+(?:_[a-z]+)+")

_TELLING: Final[tuple[tuple[int | None, re.Pattern[str], type[ProviderError]], ...]] = (
    (404, re.compile(r"\b(model|voice)\b", re.IGNORECASE), ModelNotFound),
    (400, re.compile(r"\bno such model\b", re.IGNORECASE), ModelNotFound),
    (400, re.compile(r"\bvoice\b.*\b(not found|unknown|not exist)\b", re.IGNORECASE), ModelNotFound),
    (409, re.compile(r"\bvoice\b", re.IGNORECASE), InvalidRequest),  # which has a name that another one has
    (429, re.compile(r"request too large", re.IGNORECASE), RequestTooLong),
    (
        400,
        re.compile(r"maximum context length|context (window|length|size|limit)|prompt is too long", re.IGNORECASE),
        RequestTooLong,
    ),
    (None, re.compile(r"model manifest: file does not exist"), ModelNotFound),  # of a fetch by Ollama
    (None, re.compile(r"^voice not found\b", re.IGNORECASE), ModelNotFound),
    (400, re.compile(r"\bprefill|must end with a user message", re.IGNORECASE), CannotContinue),
)
"""Statuses, or none in the middle of a stream, whose meaning only the message tells."""


class Complaint(Struct, frozen=True):
    """What an error's body says, in whichever form."""

    message: str = ""
    """For looking at, not for showing."""
    code: str = ""
    kind: str = ""
    param: str = ""
    status: int | None = None
    """The status that HTTP had, or would have had before the answer began."""


def refused(provider: str, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """Return the error that an HTTP response other than a success stands for.

    Args:
        provider: Who sent it.
        status: Its status.
        headers: Its headers; looked up by names in lower case.
        body: Its body, or the beginning of it.
    """
    error = _error(provider, read_complaint(body), status, retry_after=_retry_after(headers))
    error.unstarted = status < 500 or status in _UNTAKEN
    return error.with_details(request_id=known) if (known := request_id(headers)) else error


def request_id(headers: Mapping[str, str]) -> str:
    """Return what the provider calls the request in its own log; empty if it does not say."""
    return next((known for name in _REQUEST_IDS if (known := _quotable(_REQUEST_ID, headers.get(name)))), "")


def complained(provider: str, error: object) -> ProviderError:
    """Return the error that stands in the middle of a stream, or in a body with status 200.

    Args:
        provider: Who sent it.
        error: What stands under ``error``, decoded.
    """
    complaint = _complaint(error)
    return _error(provider, complaint, complaint.status)


def closed(provider: str, code: int, reason: str) -> ProviderError:
    """Return the error that the end of a WebSocket stands for.

    Args:
        provider: Who closed it.
        code: The close code.
        reason: The text beside it. Only what looks like one of the provider's codes gets into the error.
    """
    words = [word for word in _CODE_IN_TEXT.findall(reason) if word in _BY_CODE]
    known = words[-1] if words else ""  # OpenAI puts the type in front of the code
    says_more = known and (known != "invalid_request_error" or code not in _BY_CLOSE)
    kind = _BY_CODE[known] if says_more else _BY_CLOSE.get(code, ProviderFailed)
    details: dict[str, Any] = {"close_code": code, "code": known} if known else {"close_code": code}
    return kind(provider, f"closed with {code} {known}".rstrip(), details=details)


def unexpected(provider: str, content_type: str, body: bytes) -> ProviderError:
    """Return the error that a body stands for which is a success by its status, but of a type nobody asked for.

    Args:
        provider: Who sent it.
        content_type: Its media type.
        body: The body.
    """
    complaint = read_complaint(body)
    if complaint.code or complaint.kind:
        return _error(provider, complaint, None)
    shown = _quotable(_MEDIA_TYPE, content_type) or "of an unknown type"
    return BrokenStream(provider, f"the answer is {shown}")


def raise_transport_error(error: httpx2.TransportError | httpx2.InvalidURL, provider: str, *, begun: bool) -> NoReturn:
    """Raise what went wrong with a connection as the provider's error.

    Args:
        error: What the HTTP library says.
        provider: Who is talked to.
        begun: Whether there is an answer already, which breaks off then.
    """
    lost = BrokenStream if begun else ProviderUnavailable
    details = {"error": f"{type(error).__module__}.{type(error).__qualname__}"}
    match error:
        case httpx2.ConnectTimeout() | httpx2.PoolTimeout():
            raise _unstarted(ProviderTimeout(provider, "no connection in time", details=details)) from None
        case httpx2.ConnectError():
            raise _unstarted(ProviderUnavailable(provider, "no connection", details=details)) from error
        case httpx2.UnsupportedProtocol() | httpx2.InvalidURL() | httpx2.LocalProtocolError():
            raise _unstarted(ProviderFailed(provider, "the request can't be sent", details=details)) from None
        case httpx2.NetworkError():
            raise lost(provider, "the connection was lost", details=details) from error
        case _:  # its text may quote what the server sent
            raise lost(provider, "the connection ended early", details=details) from None


def _unstarted(error: ProviderError) -> ProviderError:
    error.unstarted = True
    return error


def read_complaint(body: bytes) -> Complaint:
    """Read the body of an error, whatever its form; a web page or nothing is an empty complaint."""
    try:
        return _complaint(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = body.decode("utf-8", "replace").strip()
        return Complaint() if text.startswith("<") else Complaint(text)


def _complaint(value: object) -> Complaint:
    if isinstance(value, str):
        return Complaint(value)
    if isinstance(value, list):
        return _complaint(cast("list[object]", value)[0]) if value else Complaint()
    if not isinstance(value, dict):
        return Complaint()
    fields = cast("dict[str, Any]", value)
    message = next((text for name in _MESSAGES if (text := fields.get(name))), None)
    inner = fields.get("error") or fields.get("detail")
    if inner and not message:
        return _complaint(inner)
    path = fields.get("loc")  # FastAPI's
    place = ".".join(map(str, cast("list[object]", path))) if isinstance(path, list) else ""
    told = _WHERE.match(str(message or ""))  # Anthropic's
    words = [word for value in (*map(fields.get, _DETAILS), fields) for word in _codes(value)]
    return Complaint(
        str(message or ""),
        next((word for word in words if not word.isdigit()), words[0] if words else ""),
        _word(fields.get("type")),
        _quotable(_PLACE, fields.get("param") or place or (told and told[1])),
        next((int(word) for word in words if word.isdigit()), None),
    )


def _codes(value: object) -> list[str]:
    """Return the codes in an object, the one that says most first."""
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    return [word for name in _CODES if (word := _word(fields.get(name)))]


_MESSAGES: Final = ("message", "msg", "err_msg", "description", "title")
_CODES: Final = ("code", "err_code", "error_code", "category", "status", "status_code", "error_type")
_DETAILS: Final = ("metadata", "availability")
"""Objects in which OpenRouter says more."""
_WHERE: Final = re.compile(
    "`?((?:max_tokens|messages|metadata|model|stop_sequences|system|temperature|thinking|tool_choice|tools|top_k|top_p)"
    r"(?:\.[a-z_]+|\.[0-9]+)*)`?(?::| is | and )"
)
"""The parameter with which a message begins: ``messages.1.content: …``, ```temperature` is deprecated …``."""


def _word(value: object) -> str:
    return _quotable(_WORD, value)


def _quotable(pattern: re.Pattern[str], value: object) -> str:
    """Return what looks like a name, and nothing for what does not."""
    text = str(value or "")
    return text if pattern.fullmatch(text) else ""


def _error(
    provider: str, complaint: Complaint, status: int | None, *, retry_after: float | None = None
) -> ProviderError:
    kind = _kind(complaint, status)
    what = complaint.kind if complaint.code in ("", str(status)) else complaint.code
    about = f"at {complaint.param}" if complaint.param else ""
    words = [f"HTTP {status}" if status else "", what, about]
    details = {
        "status": status,
        "code": complaint.code,
        "type": complaint.kind,
        "param": complaint.param,
    }
    return kind(
        provider,
        " ".join(word for word in words if word),
        retry_after=retry_after,
        details={name: value for name, value in details.items() if value},
    )


def _kind(complaint: Complaint, status: int | None) -> type[ProviderError]:
    for told, message, kind in _TELLING:
        if told == status and message.search(complaint.message):
            return kind
    if status in {400, 422} and complaint.param.rpartition(".")[2] in {"model", "voice"}:
        return ModelNotFound
    named = _BY_CODE.get(complaint.code) or _BY_CODE.get(complaint.kind)
    if status is None:
        return named or ProviderFailed
    if complaint.code in _BY_CODE or complaint.kind == "insufficient_quota":
        return cast("type[ProviderError]", named)
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return ProviderUnavailable
    # 3xx and 404: the address is wrong, which is no fault of the request
    return InvalidRequest if status >= 400 and status != 404 else ProviderFailed


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of ``retry-after-ms`` or ``Retry-After`` (RFC 9110 10.2.3: seconds or a date)."""
    if milliseconds := headers.get("retry-after-ms"):
        try:
            return max(0.0, float(milliseconds) / 1000)
        except ValueError:
            pass
    text = headers.get("retry-after", "")
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
