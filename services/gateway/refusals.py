"""Why somebody is turned away before anything has begun, in HTTP and in OpenAI's words.

Clients look at the status and at `code`; metrics count by `reason`. A text names the setting that would change the
answer where the operator is the one to read it, and never quotes what came in.
"""

import math
from typing import Literal

import msgspec

from ...actors.realtime.errors import RefusedConnection, no_key, wrong_key

Reason = Literal[
    "host",
    "origin",
    "key",
    "guesses",
    "secret",
    "starting",
    "draining",
    "sessions",
    "lag",
    "sessions_per_key",
    "starts_per_minute",
    "body",
]


class Refusal(Exception):
    """Somebody who may not come in, or not now.

    Args:
        reason: For metrics.
        status: The HTTP status of the answer.
        error: OpenAI's error object: its type, its code and its text.
        retry_after: Seconds after which trying again makes sense; None: it does not.
    """

    def __init__(
        self, reason: Reason, status: int, error: tuple[str, str | None, str], *, retry_after: float | None = None
    ) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.status = status
        self.type, self.code, self.message = error
        self.retry_after = retry_after
        self.challenge = "Bearer"
        """How somebody without a key is told what to give."""

    def body(self) -> bytes:
        """Return the body of the answer, in JSON."""
        error = {"message": self.message, "type": self.type, "param": None, "code": self.code}
        return msgspec.json.encode({"error": error})

    def headers(self) -> dict[str, str]:
        """Return the headers that belong to it."""
        headers = {"content-type": "application/json", "cache-control": "no-store"}
        if self.status == 401:
            headers["www-authenticate"] = self.challenge
        if self.reason == "body":
            headers["connection"] = "close"  # what is still to come of it is not read
        if self.retry_after is not None:
            headers["retry-after"] = str(max(1, math.ceil(self.retry_after)))
        return headers


def foreign_host() -> Refusal:
    """A name by which nobody should call the server: DNS rebinding, or a proxy that nobody told it of."""
    text = "This server is not called by that name. If it is to be, add the name to `allowed_hosts`."
    return Refusal("host", 403, ("invalid_request_error", "host_not_allowed", text))


def foreign_origin() -> Refusal:
    """A web page of somebody else."""
    text = "Pages of that origin may not use this server. If they are to, add the origin to `allowed_origins`."
    return Refusal("origin", 403, ("invalid_request_error", "origin_not_allowed", text))


def key_missing() -> Refusal:
    """No key, where one is required."""
    return _of(no_key(), "key")


def key_unknown() -> Refusal:
    """A key that is none."""
    return _of(wrong_key(), "key")


def secret_invalid() -> Refusal:
    """A client secret that opens nothing; why not is nobody's business: it looks like any wrong key."""
    return _of(wrong_key(), "secret")


def too_many_guesses(wait: float) -> Refusal:
    """Wrong keys, one after the other."""
    text = "Too many wrong API keys from this address. Try again later."
    return Refusal("guesses", 429, ("rate_limit_error", "rate_limit_exceeded", text), retry_after=wait)


def too_many_sessions_of_key(limit: int) -> Refusal:
    """As many sessions as one key may have."""
    text = f"This API key has {limit} sessions open, which is as many as it may have. Close one first."
    return Refusal("sessions_per_key", 429, ("rate_limit_error", "rate_limit_exceeded", text), retry_after=1)


def too_many_starts(limit: int, wait: float) -> Refusal:
    """More new sessions than one key may start."""
    text = f"This API key has started {limit} sessions within a minute, which is as many as it may."
    return Refusal("starts_per_minute", 429, ("rate_limit_error", "rate_limit_exceeded", text), retry_after=wait)


def body_too_long(limit: int) -> Refusal:
    """The body of an HTTP request."""
    text = f"The request's body is too long: at most {limit} bytes are read."
    return Refusal("body", 413, ("invalid_request_error", "request_too_large", text))


def body_too_late() -> Refusal:
    """The body of an HTTP request that does not come."""
    return Refusal("body", 408, ("invalid_request_error", "request_timeout", "The request's body did not come."))


def starting() -> Refusal:
    """The providers are not ready yet."""
    return _busy("starting", "The server is starting.", 1)


def draining() -> Refusal:
    """The server is about to end."""
    return _busy("draining", "The server is about to shut down; another one may serve you.", 1)


def full() -> Refusal:
    """As many sessions as the process may have."""
    return _busy("sessions", "The server has as many sessions as it can serve.", 5)


def overloaded() -> Refusal:
    """The event loop is late already."""
    return _busy("lag", "The server is overloaded.", 2)


def _busy(reason: Reason, text: str, retry_after: float) -> Refusal:
    return Refusal(reason, 503, ("server_error", "server_overloaded", text), retry_after=retry_after)


def _of(mistake: RefusedConnection, reason: Reason) -> Refusal:
    return Refusal(reason, mistake.status, ("invalid_request_error", mistake.code, mistake.message))
