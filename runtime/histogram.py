"""How values are distributed: counts in buckets, cheap enough to be kept for everything that takes time."""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Counts values by the smallest bound that they do not exceed.

    Args:
        bounds: In ascending order; what exceeds the last one is counted, too.
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        """Values in each bucket, and in the last place those beyond all bounds."""
        self.sum = 0.0
        """Of all values."""

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self.counts)
