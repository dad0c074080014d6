"""When to restart, and when to give up: pure functions of outcomes and times."""

import math
import sys
from collections import deque
from dataclasses import dataclass
from enum import Enum
from random import Random

from .exits import Crashed, Exit, Killed


class Restart(Enum):
    """Which endings make a supervisor start the child again."""

    PERMANENT = "permanent"
    """Always."""
    TRANSIENT = "transient"
    """Only after a crash."""
    TEMPORARY = "temporary"
    """Never; and its specification is forgotten."""

    def applies_to(self, exit: Exit) -> bool:
        """Whether a child of this kind that ended by itself with `exit` is started again."""
        match self:
            case Restart.PERMANENT:
                return True
            case Restart.TRANSIENT:
                return isinstance(exit, (Crashed, Killed))
            case Restart.TEMPORARY:
                return False


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before the n-th restart in a row.

    ``min(longest, first * factor ** n) * (1 + jitter * random())``, and nothing before the very first restart after a
    quiet time, unless `eager` is False: a provider that died once should be back before the caller notices.
    """

    first: float = 0.1
    """Seconds before the first delayed restart."""
    factor: float = 2.0
    """Each delay is this many times the one before."""
    longest: float = 10.0
    """Seconds no delay exceeds, before jitter."""
    jitter: float = 0.2
    """The largest random addition, as a share of the delay, so that what died together does not come back together."""
    quiet: float = 10.0
    """Seconds of running after which the count begins anew."""
    eager: bool = True
    """Whether the first restart happens at once."""

    def __post_init__(self) -> None:
        if not (
            0 <= self.first <= self.longest < math.inf
            and 1 <= self.factor < math.inf
            and 0 <= self.jitter < math.inf
            and self.quiet >= 0
        ):
            raise ValueError(f"0 ≤ first ≤ longest, factor ≥ 1, jitter ≥ 0 and quiet ≥ 0 must hold, not {self}")

    def delay(self, attempt: int, random: Random) -> float:
        """Seconds to wait before restart number `attempt` (from 0) in a row."""
        step = attempt - 1 if self.eager else attempt
        if step < 0:
            return 0.0
        try:
            growth = self.factor**step
        except OverflowError:
            growth = sys.float_info.max
        return min(self.longest, self.first * growth) * (1 + self.jitter * random.random())


NO_BACKOFF = Backoff(first=0.0, longest=0.0)
"""Restart at once, always: only the supervisor's intensity is the brake."""


class RestartWindow:
    """Counts restarts in a sliding window of time.

    Args:
        intensity: Restarts that are allowed in any `period`.
        period: Seconds.
    """

    __slots__ = ("_times", "intensity", "period")

    def __init__(self, intensity: int, period: float) -> None:
        self.intensity = intensity
        self.period = period
        self._times: deque[float] = deque()

    def exceeded_by(self, now: float) -> bool:
        """Count one restart at `now`; return whether that was one too many."""
        while self._times and self._times[0] <= now - self.period:
            self._times.popleft()
        self._times.append(now)
        return len(self._times) > self.intensity
