"""What can go wrong with a provider, whichever it is.

::

    ProviderError (never raised itself)
    ├── AuthenticationFailed    the key is missing, wrong or revoked, or may not do this
    ├── QuotaExceeded           the account has no credit left
    ├── RateLimited             too much at once; `retry_after` says when to come back
    ├── InvalidRequest          the provider does not understand the request, and no other will
    ├── RequestTooLong          it does not fit into this model's context
    ├── ModelNotFound           there is no such model or voice here
    ├── ContentRefused          the provider's policy forbids the answer
    ├── CannotContinue          what another provider has begun can't be continued here
    ├── ProviderUnavailable     it is down, overloaded or out of reach
    ├── ProviderTimeout         it did not answer, or fell silent in the middle
    ├── BrokenStream            its answer broke off in the middle
    └── ProviderFailed          anything else

Nothing in an error comes from a conversation, and no secret is in it: `reason` and `details` hold what a provider's
status line and error codes say, never the text of its message, which may quote the request. `public` is what a user may
be told. The errors are plain data, so they cross the borders between processes as what they are.
"""

from copy import copy
from typing import Any, ClassVar, Final, Literal, Self, cast

from ..runtime.errors import (
    ChannelBroken,
    ChannelClosed,
    ChannelFull,
    DeadlineExceeded,
    EndOfChannel,
    NoSuchName,
    RuntimeFault,
)


class ProviderError(Exception):
    """Base of all errors of providers; never raised itself.

    Args:
        provider: Which one, such as the path of its actor.
        reason: In a few words, what it said: ``HTTP 503``.
        retry_after: Seconds after which it may be asked again, if it said so.
        details: More for the log, as plain data: status, the provider's own code, the id of the request.

    Attributes:
        unstarted: Whether it is certain that nothing was begun: the request never got there, or was refused. Only then
            what costs money may be asked for once more.
    """

    code: ClassVar[str]
    """The error's name for programs; it does not change."""
    public: ClassVar[str]
    """What a user of the API may read."""
    fault: ClassVar[Literal["provider", "account", "request"]] = "provider"
    """What is wrong: the provider, right now; our account with it, until somebody acts; or this one request."""
    elsewhere: ClassVar[bool] = True
    """Whether another provider may well do what this one did not."""
    retryable: ClassVar[bool] = False
    """Whether the same provider may do it if it is asked again."""

    def __init__(
        self,
        provider: str,
        reason: str = "",
        *,
        retry_after: float | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(provider, reason)
        self.provider = provider
        self.reason = reason
        self.retry_after = retry_after
        self.details = details or {}
        self.unstarted = False

    def __str__(self) -> str:
        text = f"{self.provider}: {self.code}"
        if self.reason:
            text += f" ({self.reason})"
        if self.retry_after is not None:
            text += f", retry after {self.retry_after:g} s"
        return text

    def with_details(self, **more: Any) -> Self:
        """Return the same error with more details."""
        other = copy(self)
        other.details = {**self.details, **more}
        return other


class AuthenticationFailed(ProviderError):
    """The key is missing, wrong or revoked, or it does not allow this."""

    code = "authentication_failed"
    public = "The server has no access to a provider that it needs."
    fault = "account"


class QuotaExceeded(ProviderError):
    """The account has no credit left; waiting does not help."""

    code = "quota_exceeded"
    public = "The server's quota at a provider is used up."
    fault = "account"


class RateLimited(ProviderError):
    """Too many requests, or too much in them, in too short a time."""

    code = "rate_limited"
    public = "A provider is getting too many requests. Try again in a moment."
    retryable = True


class InvalidRequest(ProviderError):
    """The provider does not understand the request; it would be no better elsewhere."""

    code = "invalid_request"
    public = "A provider did not accept the request."
    fault = "request"
    elsewhere = False


class RequestTooLong(ProviderError):
    """The request does not fit into the model's context, or is over the provider's limit of length."""

    code = "request_too_long"
    public = "The conversation is too long for the model."
    fault = "request"


class ModelNotFound(ProviderError):
    """The provider has no such model or voice."""

    code = "model_not_found"
    public = "There is no such model or voice."
    fault = "request"


class ContentRefused(ProviderError):
    """The provider's policy forbids the request or its answer."""

    code = "content_refused"
    public = "A provider refused the content."
    fault = "request"
    elsewhere = False


class CannotContinue(ProviderError):
    """What another provider has begun can't be continued by this one without losing or repeating something."""

    code = "cannot_continue"
    public = "A provider failed while it was answering."
    fault = "request"


class ProviderUnavailable(ProviderError):
    """The provider is down, overloaded, restarting, or can't be reached."""

    code = "provider_unavailable"
    public = "A provider is not available. Try again in a moment."
    retryable = True


class ProviderTimeout(ProviderError):
    """The provider did not begin to answer in time, or fell silent in the middle."""

    code = "provider_timeout"
    public = "A provider did not answer in time."
    retryable = True


class BrokenStream(ProviderError):
    """The answer broke off: the connection was lost, or the stream ended without its last item."""

    code = "broken_stream"
    public = "A provider failed while it was answering."
    retryable = True


class ProviderFailed(ProviderError):
    """The provider, or the code that talks to it, raised something that says no more than its type."""

    code = "provider_failed"
    public = "A provider failed."


_FOREIGN: Final[tuple[tuple[tuple[type[Exception], ...], type[ProviderError]], ...]] = (
    ((DeadlineExceeded, TimeoutError), ProviderTimeout),  # before OSError, which TimeoutError derives from
    ((ChannelBroken, ChannelClosed, EndOfChannel, EOFError), BrokenStream),
    ((OSError, RuntimeFault), ProviderUnavailable),  # among the latter: ActorDied, NoSuchName, ChannelFull
)


def first_error(error: Exception) -> Exception:
    """Return the error itself, or of a group, such as a task group raises, the one that came first."""
    while isinstance(error, ExceptionGroup):
        error = cast("ExceptionGroup[Exception]", error).exceptions[0]
    return error


def provider_error(error: Exception, provider: str) -> ProviderError:
    """Return `error` as a provider's error: itself, or for a foreign one the nearest, naming its type but not its text.

    Of a group it is the first error that counts.
    """
    error = first_error(error)
    if isinstance(error, ProviderError):
        return error
    kind = next((kind for foreign, kind in _FOREIGN if isinstance(error, foreign)), ProviderFailed)
    raised = type(error)
    result = kind(provider, raised.__qualname__, details={"error": f"{raised.__module__}.{raised.__qualname__}"})
    result.unstarted = isinstance(error, NoSuchName | ChannelFull)  # it has not even heard of the request
    result.__cause__ = error
    return result
