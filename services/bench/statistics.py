"""Percentiles, and how sure one can be of them.

The turns of one session resemble each other (it stays on one worker, in one phase with the others), so values are drawn
again by session, not one by one: the cluster bootstrap (Davison and Hinkley, "Bootstrap Methods and their Application",
1997, section 3.8). Taken as independent, they would make any difference look certain.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .results import Distribution

ROUNDS: Final = 2000
"""Times that the values are drawn again."""
CONFIDENCE: Final = 0.95
_CELLS: Final = 4_000_000
"""Numbers that are held at a time, at most."""


class Interval(NamedTuple):
    """An estimate, and where the truth is in 95 of 100 such cases."""

    low: float
    value: float
    high: float

    @property
    def is_certain(self) -> bool:
        """Whether zero is outside: there is a difference."""
        return self.low > 0 or self.high < 0


def percentile(values: Sequence[float], share: float) -> float:
    """Return the least value that `share` (0 to 1) of all values do not exceed (nearest rank).

    Raises:
        ValueError: There are no values.
    """
    if not values:
        raise ValueError("nothing has no percentiles")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def interval(distribution: Distribution, share: float, *, seed: int = 1) -> Interval:
    """Return a percentile with its confidence interval.

    Raises:
        ValueError: There are no values.
    """
    value = percentile(distribution.values, share)
    return _around(value, redrawn(distribution, share, seed=seed))


def difference(before: Distribution, after: Distribution, share: float, *, seed: int = 1) -> Interval:
    """Return by how much a percentile has changed, with its confidence interval.

    Raises:
        ValueError: One of them has no values.
    """
    change = percentile(after.values, share) - percentile(before.values, share)
    return _around(change, redrawn(after, share, seed=seed) - redrawn(before, share, seed=seed + 1))


def redrawn(distribution: Distribution, share: float, *, seed: int) -> NDArray[np.float64]:
    """Return the percentile of `ROUNDS` samples that are drawn from the values again, whole sessions at a time."""
    values = np.asarray(distribution.values, np.float64)
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    sessions = distribution.sessions or range(len(values))
    _, cluster = np.unique(np.asarray(sessions), return_inverse=True)
    clusters, cluster = int(np.max(cluster)) + 1, cluster[order]
    generator = np.random.default_rng(seed)
    even = np.full(clusters, 1 / clusters)
    results = np.empty(ROUNDS)
    at_a_time = max(1, _CELLS // len(values))
    for start in range(0, ROUNDS, at_a_time):
        rounds = min(at_a_time, ROUNDS - start)
        drawn = generator.multinomial(clusters, even, size=rounds)[:, cluster]  # how often each value is in the sample
        reached = np.cumsum(drawn, axis=1)
        wanted = np.maximum(1, np.ceil(share * reached[:, -1]))
        results[start : start + rounds] = ordered[np.argmax(reached >= wanted[:, None], axis=1)]
    return results


def _around(value: float, drawn: NDArray[np.float64]) -> Interval:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail))
    return Interval(float(low), value, float(high))
