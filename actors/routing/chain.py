"""A chain of providers: which of them gets a call, and what happens to the call when that one fails.

A call goes to the first provider whose circuit lets it through. If that fails, the next one goes on with the same call;
what the caller has got by then, only the kind of call knows (`model`, `recogniser`, `synthesizer`). The call fails when
no provider is left, or when an error says that others would do no better.
"""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

from anyio import sleep_forever
from msgspec import Struct

from ...runtime import Context, Ref
from ...runtime.events import Event, Failure
from ..errors import ProviderError, ProviderUnavailable, first_error, provider_error
from .breaker import BreakerPolicy, BreakerStatistics, Circuit, CircuitBreaker, Permit
from .caller import CallerGone
from .events import CircuitClosed, CircuitOpened, ProviderReplaced, ProviderUnusable
from .hedge import Race
from .watchdog import Watchdog, watchdog

OTHERS: Final = "*"
"""In a table of names, what stands for all that are not in it."""
ACCOUNT_REST: Final = 60.0
"""Seconds that a provider is left alone which refuses our account: somebody has to do something first."""


class Provider(Struct, frozen=True):
    """One provider of a chain, and what it calls what callers ask for.

    Both tables lead from the caller's name to the provider's; ``*`` stands for all names that are not in the table, and
    without it those are passed on as they are. So ``{"*": "llama3.2"}`` is one model whatever is asked for.
    """

    path: str
    """Where its actor is, such as ``"llm/openai"``."""
    models: dict[str, str] = {}
    voices: dict[str, str] = {}


def called(names: Mapping[str, str], name: str) -> str:
    """Return what a provider calls `name`."""
    return names.get(name, names.get(OTHERS, name))


class ProviderStatus(Struct, frozen=True):
    """How a provider of a chain is doing."""

    path: str
    breaker: BreakerStatistics


class Attempt:
    """One provider's try at a call.

    Attributes:
        provider: which.
        alone: whether nobody else is left to be asked, so that it's worth waiting longer.
    """

    def __init__(self, call: "Call", provider: Provider, permit: Permit, *, alone: bool) -> None:
        self.provider = provider
        self.permit = permit
        self.alone = alone
        self.race: Race | None = None
        self._call = call
        self._answered = False

    @property
    def path(self) -> str:
        """The path of the provider's actor."""
        return self.provider.path

    @property
    def ref(self) -> Ref:
        """The reference to it.

        Raises:
            NoSuchName: It is not there, or has ended for good.
        """
        return self._call.chain.context.system.ref(self.path)

    def watchdog(self) -> AbstractContextManager[Watchdog]:
        """Watch over this attempt; see `troupe.actors.routing.watchdog.watchdog`."""
        return watchdog(self.path, self._call.chain.context.system.deadlines)

    async def answered(self) -> None:
        """Say that something has come of the provider. If another one was faster, this attempt is cancelled here."""
        if not self._answered:
            self._answered = True
            self._call.chain.tell(self, self.permit.answered)
            if self.race is not None and not self.race.leads(self):
                await sleep_forever()


class Chain:
    """The providers of one router, and their circuit breakers.

    Args:
        providers: In the order in which they are asked. One that is there twice is asked twice.
        context: The router's.
        policy: When to leave a provider alone.
    """

    def __init__(self, providers: Sequence[Provider], context: Context, policy: BreakerPolicy) -> None:
        self.providers = tuple(providers)
        self.context = context
        self.breakers = {provider.path: CircuitBreaker(policy) for provider in providers}
        self.now = context.system.now
        """The event loop's clock."""

    async def call(
        self, attempt: Callable[[Attempt], Awaitable[None]], done: Callable[[], bool], *, hedge_after: float = math.inf
    ) -> None:
        """Have a call done. Cancelling cancels the attempt under way.

        Args:
            attempt: Has one provider do it, or what is left of it; returns when it is done, raises when that failed.
            done: Whether the caller has got everything, so that an error after that changes nothing.
            hedge_after: Seconds after which a second provider is asked beside one that has given nothing.

        Raises:
            ProviderError: No provider could do it: the last one's error; ``details["attempts"]`` has all of them.
        """
        call = Call(self, attempt, done)
        while (first := call.next()) is not None:
            if hedge_after < math.inf:
                await Race(call).run(first, hedge_after)
            else:
                await call.run(first)
        call.conclude()

    def statistics(self) -> tuple[ProviderStatus, ...]:
        """Take a snapshot of each provider's circuit, in the order of the chain."""
        now = self.now()
        return tuple(ProviderStatus(path, breaker.statistics(now)) for path, breaker in self.breakers.items())

    def emit(self, event: Event) -> None:
        """Send an event to where the system's events go."""
        self.context.system.emit(event)

    def tell(self, attempt: Attempt, verdict: Callable[[float], None]) -> None:
        """Tell a provider's breaker something about an attempt, and the log if that opens or closes the circuit."""
        breaker, now = self.breakers[attempt.path], self.now()
        before = breaker.circuit
        verdict(now)
        after, path = breaker.circuit, self.context.ref.name
        if after is Circuit.OPEN and before is not after and breaker.opens_in(now) > 0:
            self.emit(CircuitOpened(path=path, provider=attempt.path, seconds=breaker.opens_in(now)))
        elif after is Circuit.CLOSED and before is not after:
            self.emit(CircuitClosed(path=path, provider=attempt.path))


class Call:
    """One call on its way along a chain."""

    def __init__(self, chain: Chain, function: Callable[[Attempt], Awaitable[None]], done: Callable[[], bool]) -> None:
        self.chain = chain
        self.over = False
        """Whether no further attempt will be made."""
        self._function = function
        self._done = done
        self._waiting = list(chain.providers)
        self._attempts: list[dict[str, Any]] = []
        self._failure: ProviderError | None = None
        """What the call ends with, unless a further attempt succeeds."""
        self._to_replace: tuple[Attempt, ProviderError] | None = None

    def next(self) -> Attempt | None:
        """Return the next attempt, which then has to be run; None if none is left."""
        if self.over:
            return None
        attempt = self._admitted()
        if self._to_replace is not None:
            failed, error = self._to_replace
            self._report(ProviderReplaced, failed, error, by=attempt.path if attempt is not None else "")
            self._to_replace = None
        return attempt

    def _admitted(self) -> Attempt | None:
        now, breakers = self.chain.now(), self.chain.breakers
        for number, provider in enumerate(self._waiting):
            permit = breakers[provider.path].admit(now)
            if permit is not None:
                del self._waiting[number]
                alone = not any(breakers[other.path].admits(now) for other in self._waiting)
                return Attempt(self, provider, permit, alone=alone)
        return None

    async def run(self, attempt: Attempt) -> None:
        """Make an attempt, and note how it went. Cancelling gives it up without a verdict on the provider."""
        started = self.chain.now()
        try:
            await self._function(attempt)
        except Exception as raised:  # policy: what becomes of a call whose provider failed is decided here
            error = first_error(raised)
            if isinstance(error, CallerGone):
                self.over, self._failure = True, None  # there is nobody to be told
            elif self._done():
                self._succeeded(attempt)
            else:
                self._failed(attempt, provider_error(error, attempt.path), self.chain.now() - started)
        else:
            self._succeeded(attempt)
        finally:
            if not attempt.permit.ended:
                attempt.permit.release(self.chain.now())
                self._waiting.insert(0, attempt.provider)

    def _succeeded(self, attempt: Attempt) -> None:
        self.over, self._failure = True, None
        self.chain.tell(attempt, attempt.permit.succeeded)

    def _failed(self, attempt: Attempt, error: ProviderError, seconds: float) -> None:
        self._attempts.append({"provider": attempt.path, "code": error.code, "seconds": round(seconds, 3)})
        self._failure = error
        self.over = not error.elsewhere
        if error.elsewhere:
            self._to_replace = attempt, error
        match error.fault:
            case "request":
                self.chain.tell(attempt, attempt.permit.succeeded)
            case "account":
                self._report(ProviderUnusable, attempt, error)
                rest = error.retry_after or ACCOUNT_REST
                self.chain.tell(attempt, lambda now: attempt.permit.failed(now, rest))
            case "provider":
                self.chain.tell(attempt, lambda now: attempt.permit.failed(now, error.retry_after or None))

    def conclude(self) -> None:
        """Raise what the call failed with, if it failed."""
        if self._failure is not None:
            raise self._failure.with_details(attempts=self._attempts) from self._failure
        if not self.over:
            now = self.chain.now()
            soonest = min(breaker.opens_in(now) for breaker in self.chain.breakers.values())
            path = self.chain.context.ref.name
            raise ProviderUnavailable(path, "all circuits are open", retry_after=soonest, details={"attempts": []})

    def _report(self, kind: type[Failure], attempt: Attempt, error: ProviderError, **fields: str) -> None:
        raised = error.__cause__ if isinstance(error.__cause__, Exception) else error
        path = self.chain.context.ref.name
        self.chain.emit(kind.of(path, raised, provider=attempt.path, code=error.code, **fields))
