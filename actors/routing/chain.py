"""A chain of providers: which of them gets a call, and what happens to the call when that one fails.

A call goes to the first provider whose circuit lets it through. If that fails, the next one goes on with the same call;
what the caller has got by then, only the kind of call knows (`model`, `recogniser`, `synthesizer`). The call fails when
no provider is left, or when an error says that others would do no better.
"""

import math
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, TypeVar

from anyio import sleep_forever
from msgspec import Struct

from ...runtime import Context, Receiver, Ref
from ...runtime.events import Event, Failure
from ..errors import ProviderError, ProviderTimeout, ProviderUnavailable, RateLimited, first_error, provider_error
from .breaker import BreakerPolicy, BreakerStatistics, Circuit, CircuitBreaker, Permit
from .caller import CallerGone
from .events import CircuitClosed, CircuitOpened, ProviderReplaced, ProviderUnusable
from .hedge import Race
from .latency import Latency
from .pace import Pace
from .patience import Patience
from .record import LEFT, OK, Record, Waits
from .watchdog import Watchdog, watchdog

T = TypeVar("T")

OTHERS: Final = "*"
"""In a table of names, what stands for all that are not in it."""
SOME: Final = 20
"""Answers that have to be known before one can be late."""
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
    flexible: bool = False
    """Whether it changes places with the others of which this is true, so that the soonest is asked first."""

    per_minute: float | None = None
    """Calls that it may get from this router in a minute; those beyond go to the next one. None for any number."""
    expected: float | None = None
    """Seconds in which it is expected to begin its answers, until it has been asked: from an earlier run, say."""

    @property
    def key(self) -> tuple[str, str]:
        """What its times are noted under: one actor may serve models that are not equally fast."""
        return self.path, called(self.models, "")


def called(names: Mapping[str, str], name: str) -> str:
    """Return what a provider calls `name`."""
    return names.get(name, names.get(OTHERS, name))


def soonest_first(providers: Sequence[Provider], expected: Callable[[Provider], float]) -> list[Provider]:
    """Return providers with the flexible ones among them in the order of what is expected of them.

    The others keep their places; of those that are expected alike, whoever is listed first stays in front.
    """
    flexible = iter(sorted((provider for provider in providers if provider.flexible), key=expected))
    return [next(flexible) if provider.flexible else provider for provider in providers]


class ProviderStatus(Struct, frozen=True):
    """How a provider of a chain is doing."""

    path: str
    model: str
    """What it calls its model; empty for its own choice."""
    breaker: BreakerStatistics
    record: Record
    """Its counters, which go on counting: to read, not to change."""
    median: float | None
    """Seconds within which half of its latest answers began; None if there are none."""
    p95: float | None
    """Seconds within which 19 of 20 did; None if there are fewer than `SOME`."""


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
        self._waits: Waits[Any] | None = None

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

    @property
    def record(self) -> Record:
        """What is known of the provider's calls."""
        return self._call.chain.records[self.provider.key]

    def waits(self, items: Receiver[T], dog: Watchdog) -> Waits[T]:
        """Iterate over the items of an answer, noting how long each is waited for."""
        self._waits = waits = Waits(items, dog, self.record, self._call.chain.context.system.deadlines)
        return waits

    def first(self, most: float, patience: Patience) -> float:
        """Return the seconds that the first of an answer may take.

        Args:
            most: What is configured.
            patience: The router's.
        """
        return self._limit(self._call.chain.latencies, most, patience)

    def between(self, most: float, patience: Patience) -> float:
        """Return the seconds from each of an answer to the next; see `first`."""
        return self._limit(self._call.chain.gaps, most, patience)

    def _limit(self, times: Mapping[tuple[str, str], Latency], most: float, patience: Patience) -> float:
        key, silences = self.provider.key, self._call.chain.silences
        return patience.alone if self.alone else patience.limit(most, times[key], self.now(), silences[key])

    def note_gap(self) -> None:
        """Note the longest time that was waited between two items of an answer, now that all of it is there."""
        if self._waits is not None and self._waits.longest is not None:
            self._call.chain.gaps[self.provider.key].note(self.now(), self._waits.longest)

    def took(self, seconds: float) -> None:
        """Note after how many seconds the first of an answer came; what that is, only the kind of call knows."""
        self.record.first.observe(seconds)
        chain = self._call.chain
        chain.latencies[self.provider.key].note(chain.now(), seconds)

    def gave_way(self, seconds: float) -> None:
        """Note that after so many seconds another one was faster: its answer would have taken longer, at least.

        If that is less than it takes commonly, it says nothing: the other one is fast.
        """
        chain = self._call.chain
        median = chain.latencies[self.provider.key].quantile(0.5, chain.now())
        if median is not None and seconds > median:
            chain.latencies[self.provider.key].note(chain.now(), seconds)

    def now(self) -> float:
        """Return the time on the event loop's clock."""
        return self._call.chain.now()

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
        self.paces = {each.path: Pace(each.per_minute) for each in providers if each.per_minute is not None}
        self.latencies = {provider.key: Latency() for provider in providers}
        self.gaps = {provider.key: Latency() for provider in providers}
        """The longest time between two items of each of the latest answers."""
        self.records = {provider.key: Record() for provider in providers}
        self.silences = Counter[tuple[str, str]]()
        """How often in a row a provider has not answered in time."""
        self.now = context.system.now
        """The event loop's clock."""
        for each in providers:
            if each.expected is not None:
                self.latencies[each.key].note(self.now(), each.expected)

    async def call(
        self,
        attempt: Callable[[Attempt], Awaitable[None]],
        done: Callable[[], bool],
        *,
        hedge_after: Callable[[Provider], float] = lambda _: math.inf,
        goes_on: Callable[[ProviderError], bool] = lambda error: error.elsewhere,
    ) -> None:
        """Have a call done. Cancelling cancels the attempt under way.

        Args:
            attempt: Has one provider do it, or what is left of it; returns when it is done, raises when that failed.
            done: Whether the caller has got everything, so that an error after that changes nothing.
            hedge_after: Says after how many seconds a second provider is asked beside one that has given nothing.
            goes_on: Says whether another provider is asked after an error.

        Raises:
            ProviderError: No provider could do it: the last one's error; ``details["attempts"]`` has all of them.
        """
        call = Call(self, attempt, done, goes_on)
        while (first := call.next()) is not None:
            patience = hedge_after(first.provider)
            if patience < math.inf:
                await Race(call).run(first, patience)
            else:
                await call.run(first)
        call.conclude()

    def p95(self, provider: Provider) -> float | None:
        """Return the seconds within which 19 of 20 of a provider's latest answers began; None if it has too few."""
        return self.latencies[provider.key].quantile(0.95, self.now(), SOME)

    def wait(self, provider: Provider, now: float) -> float:
        """Return the seconds until a provider may be called as far as its pace goes; 0 if it may."""
        pace = self.paces.get(provider.path)
        return pace.wait(now) if pace is not None else 0.0

    def note_call(self, provider: Provider, now: float) -> None:
        """Note that a provider is called."""
        if (pace := self.paces.get(provider.path)) is not None:
            pace.note(now)

    def order(self) -> list[Provider]:
        """Return the providers in the order in which they are to be asked now."""
        now = self.now()
        return soonest_first(self.providers, lambda provider: self._expected(provider, now))

    def _expected(self, provider: Provider, now: float) -> float:
        """Return after how many seconds a provider's answer is expected to begin.

        One that has not been asked of late is tried, so that its time becomes known; unless it has only failed.
        """
        median = self.latencies[provider.key].quantile(0.5, now)
        if median is not None:
            return median
        return math.inf if self.breakers[provider.path].failing else 0.0

    def statistics(self) -> tuple[ProviderStatus, ...]:
        """Take a snapshot of each provider, in the order of the chain."""
        now = self.now()
        return tuple(
            ProviderStatus(
                provider.path,
                called(provider.models, ""),
                self.breakers[provider.path].statistics(now),
                self.records[provider.key],
                self.latencies[provider.key].quantile(0.5, now),
                self.p95(provider),
            )
            for provider in {provider.key: provider for provider in self.providers}.values()
        )

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

    def __init__(
        self,
        chain: Chain,
        function: Callable[[Attempt], Awaitable[None]],
        done: Callable[[], bool],
        goes_on: Callable[[ProviderError], bool],
    ) -> None:
        self.chain = chain
        self.over = False
        """Whether no further attempt will be made."""
        self._function = function
        self._done = done
        self._goes_on = goes_on
        self._waiting = chain.order()
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
            if self.chain.wait(provider, now):
                continue
            permit = breakers[provider.path].admit(now)
            if permit is not None:
                return self._attempt(number, permit)
        if self._attempts:  # begun: an open circuit is a guess, and without another provider the caller gets nothing
            for number, provider in enumerate(self._waiting):
                permit = None if self.chain.wait(provider, now) else breakers[provider.path].insist()
                if permit is not None:
                    return self._attempt(number, permit)
        return None

    def _attempt(self, number: int, permit: Permit) -> Attempt:
        now, provider = self.chain.now(), self._waiting.pop(number)
        self.chain.note_call(provider, now)
        alone = all(self.chain.wait(other, now) for other in self._waiting)
        return Attempt(self, provider, permit, alone=alone)

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
                self._succeeded(attempt, self.chain.now() - started)
            else:
                self._failed(attempt, provider_error(error, attempt.path), self.chain.now() - started)
        else:
            self._succeeded(attempt, self.chain.now() - started)
        finally:
            lost = attempt.race is not None and attempt.race.lost(attempt)
            if not attempt.permit.ended and self._done() and not lost:  # the caller has all of it, and has hung up
                self._succeeded(attempt, self.chain.now() - started)
            if not attempt.permit.ended:
                attempt.record.outcomes[LEFT] += 1
                if lost:
                    attempt.gave_way(self.chain.now() - started)
                attempt.permit.release(self.chain.now())
                self._waiting.insert(0, attempt.provider)

    def _succeeded(self, attempt: Attempt, seconds: float) -> None:
        self.over, self._failure = True, None
        attempt.note_gap()
        self.chain.silences.pop(attempt.provider.key, None)
        attempt.record.outcomes[OK] += 1
        attempt.record.total.observe(seconds)
        self.chain.tell(attempt, attempt.permit.succeeded)

    def _failed(self, attempt: Attempt, error: ProviderError, seconds: float) -> None:
        self._attempts.append({"provider": attempt.path, "code": error.code, "seconds": round(seconds, 3)})
        attempt.record.outcomes[error.code] += 1
        if isinstance(error, ProviderTimeout):
            self.chain.silences[attempt.provider.key] += 1
        self._failure = error
        self.over = not self._goes_on(error)
        if not self.over:
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
            path = self.chain.context.ref.name
            paced = [self.chain.wait(each, now) for each in self._waiting if self.chain.breakers[each.path].admits(now)]
            if paced:
                reason = "no more calls are allowed in this minute"
                raise RateLimited(path, reason, retry_after=min(paced), details={"attempts": []})
            soonest = min(breaker.opens_in(now) for breaker in self.chain.breakers.values())
            raise ProviderUnavailable(path, "all circuits are open", retry_after=soonest, details={"attempts": []})

    def _report(self, kind: type[Failure], attempt: Attempt, error: ProviderError, **fields: str) -> None:
        raised = error.__cause__ if isinstance(error.__cause__, Exception) else error
        path = self.chain.context.ref.name
        self.chain.emit(kind.of(path, raised, provider=attempt.path, code=error.code, **fields))
