"""How values are distributed: counts in buckets, cheap enough to be kept for everything that takes time."""

from bisect import bisect_left

from msgspec import Struct, field


class Histogram(Struct, eq=False):
    """Counts values by the smallest bound that they do not exceed. It is plain data, so it travels between processes.

    Args:
        bounds: In ascending order; what exceeds the last one is counted, too.
    """

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list[int])
    """Values in each bucket, and in the last place those beyond all bounds."""
    sum: float = 0.0
    """Of all values."""

    def __post_init__(self) -> None:
        if not self.counts:
            self.counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self.counts)
