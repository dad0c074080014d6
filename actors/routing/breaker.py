"""A circuit breaker: it keeps calls away from a provider that fails, and finds out when it works again.

::

    CLOSED ──── too many failures ────▶ OPEN ──── the rest is over ────▶ HALF_OPEN
       ▲                                 ▲  ◀──────── the trial fails ───────┤
       └────────────────────── the trial is answered ────────────────────────┘

Closed, all calls pass. Open, none does. Half open, one call passes, as a trial. No clock, no lock, no I/O: whoever asks
says what time it is.
"""

from collections import deque
from enum import Enum
from typing import Final

from msgspec import Struct


class Circuit(Enum):
    """The state of a breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class BreakerPolicy(Struct, frozen=True, kw_only=True):
    """When to open, and for how long. The defaults suit calls that somebody waits for with an ear at the phone."""

    consecutive: int = 3
    """Failures in a row that open the circuit."""
    calls: int = 20
    """The latest calls that count for the share of failures, ..."""
    seconds: float = 10.0
    """... as far as they ended no longer ago than this."""
    least: int = 10
    """Calls that there have to be before their share counts."""
    share: float = 0.5
    """Failures among them that open the circuit."""
    rest: float = 2.0
    """Seconds it is open at first; twice as long after each failed trial, up to ..."""
    longest_rest: float = 5.0
    """... this, unless the provider asks for more."""


DEFAULT_POLICY: Final = BreakerPolicy()


class BreakerStatistics(Struct, frozen=True, kw_only=True):
    """A snapshot of one breaker."""

    circuit: Circuit
    opens_in: float
    """Seconds until a call may pass as a trial; see `CircuitBreaker.opens_in`."""
    calls: int
    """Calls that were let through."""
    failures: int
    """Of these, how many failed."""
    refused: int
    """Calls that were kept away."""
    tripped: int
    """How often the circuit has opened."""


class CircuitBreaker:
    """Decides whether a provider is to be called.

    Args:
        policy: When to open, and for how long.
    """

    def __init__(self, policy: BreakerPolicy = DEFAULT_POLICY) -> None:
        self.policy = policy
        self.circuit = Circuit.CLOSED
        self.phase = 0
        """Counts the changes of state, so that a call that began in an earlier one can't decide about a later one."""
        self._until = 0.0
        self._asked_for = False  # whether it is open for a reason that a further call can't change
        self._rest = policy.rest
        self._outcomes: deque[tuple[float, bool]] = deque(maxlen=policy.calls)
        self._in_a_row = 0
        self._calls = self._failures = self._refused = self._tripped = 0

    def admits(self, now: float) -> bool:
        """Whether `admit` would let a call through."""
        return self.circuit is Circuit.CLOSED or (self.circuit is Circuit.OPEN and now >= self._until)

    def admit(self, now: float) -> "Permit | None":
        """Let a call through, or not. The caller has to say how it went, exactly once; see `Permit`."""
        if not self.admits(now):
            self._refused += 1
            return None
        if self.circuit is Circuit.OPEN:
            self._change(Circuit.HALF_OPEN)
        self._calls += 1
        return Permit(self)

    @property
    def failing(self) -> bool:
        """Whether its latest call failed."""
        return self._in_a_row > 0 or self.circuit is not Circuit.CLOSED

    def insist(self) -> "Permit | None":
        """Let a call through for which nobody else is left, as a trial of an open circuit, or beside one.

        A circuit that is open because the provider asked for that, or our account is not in order, stays so.
        """
        if self._asked_for:
            return None
        if self.circuit is Circuit.OPEN:
            self._change(Circuit.HALF_OPEN)
        self._calls += 1
        return Permit(self)

    def opens_in(self, now: float) -> float:
        """Return the seconds until a call may pass as a trial; 0 unless the circuit is open."""
        return max(self._until - now, 0.0) if self.circuit is Circuit.OPEN else 0.0

    def statistics(self, now: float) -> BreakerStatistics:
        """Take a snapshot of its state and counters."""
        return BreakerStatistics(
            circuit=self.circuit,
            opens_in=self.opens_in(now),
            calls=self._calls,
            failures=self._failures,
            refused=self._refused,
            tripped=self._tripped,
        )

    # -- what permits tell -----------------------------------------------------------------------------------------

    def succeeded(self, now: float) -> None:
        """A call of this phase went well."""
        self._in_a_row = 0
        if self.circuit is Circuit.HALF_OPEN:
            self._rest = self.policy.rest
            self._outcomes.clear()
            self._change(Circuit.CLOSED)
        else:
            self._outcomes.append((now, True))

    def failed(self, now: float, rest: float | None, *, current: bool) -> None:
        """A call failed; `current` if it began in this phase."""
        self._failures += 1
        if rest is not None:
            self._open(now, rest)
            self._asked_for = True
        elif not current:
            return
        elif self.circuit is Circuit.HALF_OPEN:
            self._rest = min(2 * self._rest, self.policy.longest_rest)
            self._open(now, self._rest)
        else:
            self._in_a_row += 1
            self._outcomes.append((now, False))
            if self._in_a_row >= self.policy.consecutive or self._too_many(now):
                self._open(now, self._rest)

    def trial_is_void(self, now: float) -> None:
        """The trial ended without having shown anything."""
        self._until = now
        self._change(Circuit.OPEN)

    def _too_many(self, now: float) -> bool:
        recent = [good for when, good in self._outcomes if now - when <= self.policy.seconds]
        return len(recent) >= self.policy.least and recent.count(False) >= self.policy.share * len(recent)

    def _open(self, now: float, rest: float) -> None:
        until = now + rest
        if self.circuit is Circuit.OPEN:
            self._until = max(self._until, until)
            return
        self._until = until
        self._in_a_row = 0
        self._outcomes.clear()
        self._tripped += 1
        self._change(Circuit.OPEN)

    def _change(self, circuit: Circuit) -> None:
        self.circuit = circuit
        self._asked_for = False
        self.phase += 1


class Permit:
    """One call that a breaker let through. `succeeded`, `failed` or `release` ends it, whichever is first.

    Args:
        breaker: Which.
    """

    __slots__ = ("_breaker", "_phase", "ended")

    def __init__(self, breaker: CircuitBreaker) -> None:
        self._breaker = breaker
        self._phase = breaker.phase
        self.ended = False

    @property
    def _is_current(self) -> bool:
        return self._phase == self._breaker.phase

    def answered(self, now: float) -> None:
        """The first of the answer is there: that is enough to close a half-open circuit. How it ends still counts."""
        if self._is_current and self._breaker.circuit is Circuit.HALF_OPEN:
            self._breaker.succeeded(now)
            self._phase = self._breaker.phase

    def succeeded(self, now: float) -> None:
        """It went well."""
        if not self.ended:
            self.ended = True
            if self._is_current:
                self._breaker.succeeded(now)

    def failed(self, now: float, rest: float | None = None) -> None:
        """It failed; the provider is to be left alone for `rest` seconds, if there is more to it than one failure."""
        if not self.ended:
            self.ended = True
            self._breaker.failed(now, rest, current=self._is_current)

    def release(self, now: float) -> None:
        """It was given up for reasons that say nothing about the provider."""
        if not self.ended:
            self.ended = True
            if self._is_current and self._breaker.circuit is Circuit.HALF_OPEN:
                self._breaker.trial_is_void(now)
