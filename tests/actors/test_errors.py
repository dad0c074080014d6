"""Errors of providers: one vocabulary, plain data, nothing in them that came from a conversation."""

import pickle

import pytest
from troupe.actors import errors
from troupe.actors.errors import (
    BrokenStream,
    ProviderError,
    ProviderFailed,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    provider_error,
)
from troupe.runtime.errors import ActorDied, ChannelBroken, DeadlineExceeded, EndOfChannel, NoSuchName
from troupe.runtime.exits import Shutdown
from troupe.runtime.process import wire
from troupe.runtime.process.faults import describe, rebuild

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ProviderError) and kind is not ProviderError
]
SECRET = "sk-canary-0123456789"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_code_of_its_own_and_a_text_for_users(kind: type[ProviderError]) -> None:
    assert [other.code for other in KINDS].count(kind.code) == 1
    assert kind.public.endswith(".")
    assert kind.__name__ in (errors.__doc__ or "")
    error = kind("llm/openai", SECRET)
    assert SECRET not in error.public


@pytest.mark.parametrize("kind", KINDS)
def test_errors_cross_the_border_of_a_process(kind: type[ProviderError]) -> None:
    details = {"status": 429, "attempts": [{"provider": "a", "code": "rate_limited"}]}
    error = kind("llm/openai", "HTTP 429", retry_after=2.5, details=details)
    frame = wire.pack(wire.Failure(1, describe(error)), 100_000)
    (failure,) = wire.Unpacker(wire.FromWorker, 100_000).feed(frame)
    for there in (rebuild(failure.fault), pickle.loads(pickle.dumps(error))):
        assert type(there) is kind
        assert isinstance(there, ProviderError)
        assert str(there) == str(error) == f"llm/openai: {kind.code} (HTTP 429), retry after 2.5 s"
        assert (there.provider, there.retry_after, there.details) == ("llm/openai", 2.5, details)


def test_more_details_make_another_error_of_the_same_kind() -> None:
    error = RateLimited("a", retry_after=1, details={"status": 429})
    more = error.with_details(attempts=[])
    assert type(more) is RateLimited
    assert (more.provider, more.retry_after, more.details) == ("a", 1, {"status": 429, "attempts": []})
    assert error.details == {"status": 429}


@pytest.mark.parametrize(
    ("foreign", "kind"),
    [
        (DeadlineExceeded("a", "Generate", 1.0), ProviderTimeout),
        (TimeoutError(), ProviderTimeout),
        (ActorDied("a", Shutdown()), ProviderUnavailable),
        (NoSuchName("a"), ProviderUnavailable),
        (ConnectionRefusedError(), ProviderUnavailable),
        (ChannelBroken(), BrokenStream),
        (EndOfChannel(), BrokenStream),
        (ValueError(SECRET), ProviderFailed),
    ],
)
def test_foreign_errors_become_the_nearest_kind_and_lose_their_text(
    foreign: Exception, kind: type[ProviderError]
) -> None:
    error = provider_error(foreign, "llm/a")
    assert type(error) is kind
    assert error.provider == "llm/a"
    assert error.__cause__ is foreign
    assert type(foreign).__qualname__ in str(error)
    assert SECRET not in str(error)
    assert SECRET not in repr(error.details)


def test_of_a_group_the_first_error_counts() -> None:
    inner = RateLimited("a")
    group = ExceptionGroup("tasks", [ExceptionGroup("more", [inner]), ValueError()])
    assert provider_error(group, "b") is inner
