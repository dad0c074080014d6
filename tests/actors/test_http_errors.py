"""Every way to say what went wrong ends in the right error, and nothing that somebody wrote ends in its text."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json
from troupe.actors.errors import (
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
from troupe.actors.http_errors import (
    Complaint,
    closed,
    complained,
    raise_transport_error,
    read_complaint,
    refused,
    unexpected,
)


def openai(
    message: str = "", kind: str = "invalid_request_error", code: str | None = None, param: str | None = None
) -> Any:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def anthropic(kind: str, message: str) -> Any:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


# What servers really send, from the facts that are public about them.
RECORDED: list[tuple[int, Any, type[ProviderError], str]] = [
    (
        400,
        openai(code="unsupported_parameter", param="max_tokens"),
        InvalidRequest,
        "HTTP 400 unsupported_parameter at max_tokens",
    ),
    (
        400,
        openai(code="context_length_exceeded", param="messages"),
        RequestTooLong,
        "HTTP 400 context_length_exceeded at messages",
    ),
    (400, openai(code="content_policy_violation"), ContentRefused, "HTTP 400 content_policy_violation"),
    (
        401,
        openai("Incorrect API key provided: sk-abc***xyz.", code="invalid_api_key"),
        AuthenticationFailed,
        "HTTP 401 invalid_api_key",
    ),
    (403, openai(kind="request_forbidden"), AuthenticationFailed, "HTTP 403 request_forbidden"),
    (404, openai("The model `x` does not exist", code="model_not_found"), ModelNotFound, "HTTP 404 model_not_found"),
    (404, openai("Invalid URL (POST /v1/foo)"), ProviderFailed, "HTTP 404 invalid_request_error"),
    (413, openai(kind="server_error"), RequestTooLong, "HTTP 413 server_error"),
    (429, openai(kind="tokens", code="rate_limit_exceeded"), RateLimited, "HTTP 429 rate_limit_exceeded"),
    (
        429,
        openai("Request too large for gpt", "tokens", "rate_limit_exceeded"),
        RequestTooLong,
        "HTTP 429 rate_limit_exceeded",
    ),
    (429, openai(kind="insufficient_quota", code="insufficient_quota"), QuotaExceeded, "HTTP 429 insufficient_quota"),
    (429, openai(kind="insufficient_quota"), QuotaExceeded, "HTTP 429 insufficient_quota"),
    (500, openai(kind="server_error"), ProviderUnavailable, "HTTP 500 server_error"),
    # Ollama, vLLM, OpenRouter, FastAPI's servers, whisper.cpp, something in front
    (
        404,
        openai('model "x" not found, try pulling it first', "not_found_error"),
        ModelNotFound,
        "HTTP 404 not_found_error",
    ),
    (
        404,
        {
            "object": "error",
            "message": "The model `x` does not exist.",
            "type": "NotFoundError",
            "param": None,
            "code": 404,
        },
        ModelNotFound,
        "HTTP 404 NotFoundError",
    ),
    (402, {"error": {"message": "Insufficient credits", "code": 402}}, QuotaExceeded, "HTTP 402"),
    (
        502,
        {"error": {"message": "Provider returned error", "code": 502, "metadata": {"raw": "…"}}},
        ProviderUnavailable,
        "HTTP 502",
    ),
    (404, {"detail": "Not Found"}, ProviderFailed, "HTTP 404"),
    (404, {"detail": "Model 'x' is not installed locally."}, ModelNotFound, "HTTP 404"),
    (
        422,
        {"detail": [{"type": "greater_than_equal", "loc": ["body", "speed"], "msg": "Input should be …"}]},
        InvalidRequest,
        "HTTP 422 greater_than_equal at body.speed",
    ),
    (
        400,
        {"detail": {"error": "validation_error", "message": "Voice 'x' not found", "type": "invalid_request_error"}},
        ModelNotFound,
        "HTTP 400 invalid_request_error",
    ),
    (400, openai(code="invalid_value", param="voice"), ModelNotFound, "HTTP 400 invalid_value at voice"),
    (400, {"error": "the speech is unspeakable"}, InvalidRequest, "HTTP 400"),
    (400, "Invalid request", InvalidRequest, "HTTP 400"),
    (404, "File Not Found (/v1/models)", ProviderFailed, "HTTP 404"),
    (503, "<html><body>503 Service Unavailable</body></html>", ProviderUnavailable, "HTTP 503"),
    (
        529,
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        ProviderUnavailable,
        "HTTP 529 overloaded_error",
    ),
    (404, anthropic("not_found_error", "model: claude-9"), ModelNotFound, "HTTP 404 not_found_error at model"),
    (
        400,
        anthropic("invalid_request_error", "messages.1.content.0.text: must not be empty"),
        InvalidRequest,
        "HTTP 400 invalid_request_error at messages.1.content.0.text",
    ),
    (
        400,
        anthropic("invalid_request_error", "`temperature` is deprecated for this model."),
        InvalidRequest,
        "HTTP 400 invalid_request_error at temperature",
    ),
    (
        400,
        anthropic("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        RequestTooLong,
        "HTTP 400 invalid_request_error",
    ),
    (
        400,
        anthropic("invalid_request_error", "This model does not support assistant message prefill."),
        CannotContinue,
        "HTTP 400 invalid_request_error",
    ),
    (402, anthropic("billing_error", "…"), QuotaExceeded, "HTTP 402 billing_error"),
    (413, "<html>cloudflare</html>", RequestTooLong, "HTTP 413"),
    (404, {"error": "model 'x' not found"}, ModelNotFound, "HTTP 404"),  # Ollama's
    (503, {"error": "server busy, please try again."}, ProviderUnavailable, "HTTP 503"),
    (
        403,
        {"error": {"message": "…", "code": 403, "metadata": {"error_type": "content_policy_violation"}}},
        ContentRefused,
        "HTTP 403 content_policy_violation",
    ),
    (
        404,
        {"error": {"message": "…", "error_type": "x", "availability": {"code": "no_endpoints"}}},
        ModelNotFound,
        "HTTP 404 no_endpoints",
    ),
    (
        429,
        {"error": {"message": "…", "type": None, "error_type": "dynamic_token_limited"}},
        RateLimited,
        "HTTP 429 dynamic_token_limited",
    ),
    (307, "", ProviderFailed, "HTTP 307"),
    (408, "", ProviderUnavailable, "HTTP 408"),
    (418, "", InvalidRequest, "HTTP 418"),
]


@pytest.mark.parametrize(("status", "body", "kind", "reason"), RECORDED)
def test_recorded_refusals(status: int, body: Any, kind: type[ProviderError], reason: str) -> None:
    data = body.encode() if isinstance(body, str) else json.encode(body)
    error = refused("wire", status, {"x-request-id": "req_1"}, data)
    assert type(error) is kind
    assert error.reason == reason
    assert error.details["status"] == status
    assert error.details["request_id"] == "req_1"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "boom", "type": "server_error", "param": None, "code": None}, ProviderUnavailable),
        ({"message": "slow down", "code": "rate_limit_exceeded"}, RateLimited),
        ({"message": "Provider disconnected", "code": 502}, ProviderUnavailable),
        ({"message": "Moderated", "code": 403}, AuthenticationFailed),
        ({"message": "…", "code": 403, "metadata": {"error_type": "refusal"}}, ContentRefused),
        ({"message": "…", "code": 502, "metadata": {"error_type": "provider_unavailable"}}, ProviderUnavailable),
        ({"message": "Overloaded", "type": "overloaded_error"}, ProviderUnavailable),
        ({"message": "…", "type": "rate_limit_error"}, RateLimited),
        ("boom", ProviderFailed),
        ({}, ProviderFailed),
        (7, ProviderFailed),
    ],
)
def test_errors_in_the_middle_of_a_stream(error: object, kind: type[ProviderError]) -> None:
    assert type(complained("wire", error)) is kind


def test_a_success_of_the_wrong_type() -> None:
    error = unexpected("wire", "application/json", json.encode(openai(kind="server_error")))
    assert type(error) is ProviderUnavailable
    error = unexpected("wire", "text/html", b"<html>sign in</html>")
    assert (type(error), error.reason) == (BrokenStream, "the answer is text/html")
    assert unexpected("wire", "sk-1 text", b"").reason == "the answer is of an unknown type"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7),
        ({"retry-after": "-1"}, 0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
        ({"retry-after": "after lunch"}, None),
        ({}, None),
    ],
)
def test_when_to_come_back(headers: dict[str, str], seconds: float | None) -> None:
    assert refused("wire", 429, headers, b"").retry_after == seconds


def test_when_to_come_back_as_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    retry_after = refused("wire", 429, {"retry-after": date}, b"").retry_after
    assert retry_after == pytest.approx(30, abs=2)


CANARY = "a4c1proj9Q242"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 999) | st.just(CANARY) | st.just(f"say {CANARY} aloud"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "detail", "message", "msg", "code", "type", "loc", "param", "extra"]), inner
        )
    ),
    max_leaves=12,
)


@given(body=JSON.map(json.encode) | st.binary(), status=st.integers(300, 599), data=st.data())
def test_no_body_whatever_breaks_it_and_no_key_is_quoted(body: bytes, status: int, data: st.DataObject) -> None:
    headers = data.draw(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms"]), st.text(max_size=9)))
    errors = [
        refused("wire", status, headers, body),
        unexpected("wire", f"text/{CANARY}", body),
        complained("wire", read_complaint(body).message),
    ]
    for error in errors:
        assert CANARY not in f"{error} {error!r} {error.args} {error.reason} {error.details}"


def test_the_message_is_read_but_not_told() -> None:
    assert read_complaint(b'{"error": {"message": "secret words"}}') == Complaint("secret words")
    assert "secret" not in str(refused("wire", 400, {}, b'{"error": {"message": "secret words"}}'))


@pytest.mark.parametrize(
    ("raised", "begun", "kind"),
    [
        (httpx2.ConnectTimeout("x"), False, ProviderTimeout),
        (httpx2.ConnectError("x"), False, ProviderUnavailable),
        (httpx2.ReadError("x"), False, ProviderUnavailable),
        (httpx2.ReadError("x"), True, BrokenStream),
        (httpx2.RemoteProtocolError("x"), False, ProviderUnavailable),
        (httpx2.RemoteProtocolError("x"), True, BrokenStream),
        (httpx2.UnsupportedProtocol("x"), False, ProviderFailed),
        (httpx2.LocalProtocolError("x"), False, ProviderFailed),
        (httpx2.ProxyError("x"), False, ProviderUnavailable),
    ],
)
def test_what_happens_to_connections(raised: httpx2.TransportError, begun: bool, kind: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as caught:
        raise_transport_error(raised, "wire", begun=begun)
    assert type(caught.value) is kind
    assert caught.value.details == {"error": f"httpx2.{type(raised).__name__}"}


def test_what_the_server_wrote_does_not_come_along() -> None:
    with pytest.raises(BrokenStream) as caught:
        raise_transport_error(httpx2.RemoteProtocolError("illegal header line: b'x: secret'"), "wire", begun=True)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("status", "unstarted"),
    [(400, True), (401, True), (429, True), (503, True), (529, True), (500, False), (502, False), (504, False)],
)
def test_whether_anything_may_have_begun(status: int, unstarted: bool) -> None:
    assert refused("p", status, {}, b"").unstarted is unstarted
    assert refused("p", status, {"x-request-id": "req_1"}, b"").unstarted is unstarted


@pytest.mark.parametrize(
    ("raised", "unstarted"),
    [(httpx2.ConnectError(""), True), (httpx2.ConnectTimeout(""), True), (httpx2.ReadError(""), False)],
)
def test_whether_it_got_there(raised: httpx2.TransportError, unstarted: bool) -> None:
    with pytest.raises(ProviderError) as caught:
        raise_transport_error(raised, "p", begun=False)
    assert caught.value.unstarted is unstarted


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (3000, "invalid_request_error", AuthenticationFailed),  # no key
        (3000, "invalid_request_error.invalid_api_key", AuthenticationFailed),
        (4000, "invalid_request_error.invalid_model", ModelNotFound),
        (4000, "invalid_request_error.missing_model", InvalidRequest),
        (1001, "Your session hit the maximum duration of 60 minutes.", BrokenStream),
        (1008, "invalid_request_error", InvalidRequest),
    ],
)
def test_how_openai_closes_realtime_connections(code: int, reason: str, expected: type[ProviderError]) -> None:
    error = closed("openai", code, reason)
    assert type(error) is expected
    assert error.details["close_code"] == code
