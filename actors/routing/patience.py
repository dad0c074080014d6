"""How long a provider may be silent before another one is asked: as configured, or less where it uses to be faster."""

import math
from typing import Final

from msgspec import Struct

from .latency import Latency

KNOWN: Final = 5
"""Answers that have to be known before a provider is measured by them."""
COMMON: Final = 0.8
"""The share of answers whose times count as common. Some of the others may have been late because something was wrong,
which is not to be what is measured by next."""
MARGIN: Final = 3.0
"""How many times as long as is common a provider may take. Where times are log-normal, as those of networks and queues
nearly are, that is one false alarm in 1,000 answers if they spread by half (sigma 0.5; 95 % below 2.3 medians)."""
LEAST: Final = 0.4
"""Seconds that are granted to everybody: what TCP has lost comes again after 200 ms and a round trip."""
SLOWER: Final = 5
"""Silences in a row after which a provider is given twice the time, for it may have become slower."""
_STEP: Final = 0.05  # to which limits are rounded up, as the system's timer keeps a queue for each


class Patience(Struct, frozen=True, kw_only=True):
    """What the patience of all routers has in common."""

    alone: float = 10.0
    """For any of these, where nobody else is left to be asked."""
    adaptive: bool = True
    """Whether a provider whose times are known is replaced earlier than that: once it takes three times as long as 4
    of 5 of its latest answers did at most, and 0.4 s at least."""

    def limit(self, most: float, times: Latency, now: float, silences: int) -> float:
        """Return the seconds that a provider may take, if there are others.

        Args:
            most: What is configured.
            times: Its latest.
            now: What time it is.
            silences: How often in a row it has not answered in time.
        """
        usual = times.quantile(COMMON, now, KNOWN) if self.adaptive else None
        if usual is None:
            return most
        limit = max(LEAST, math.ceil(MARGIN * usual / _STEP) * _STEP)
        return min(most, limit * (1 << min(silences // SLOWER, 10)))
