"""What a router's calls to one model of one provider have come to: how soon, how steadily, how they ended."""

import math
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from ...runtime import Receiver
from ...runtime.deadlines import Deadlines
from ...runtime.histogram import Histogram
from .watchdog import Watchdog

T = TypeVar("T")

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30)
"""Bounds of the times that are counted."""
OK: Final = "ok"
"""How a call ends that a provider has done."""
LEFT: Final = "left"
"""How one ends whose caller has left, or got the answer of another provider that was faster."""


@dataclass(eq=False, slots=True)
class Record:
    """Sums since the start of the router, all of them live."""

    first: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    """Seconds from the question to the first of an answer: a model's first token, a synthesizer's first audio, a
    recogniser's last word after the last audio."""
    between: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    """Seconds from one item to the next, where one was due: only what was spent waiting for the provider."""
    total: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    """Seconds that the calls took which the provider has done."""
    outcomes: Counter[str] = field(default_factory=Counter[str])
    """How calls ended: `OK`, `LEFT`, or the code of a `troupe.actors.errors.ProviderError`."""


class Waits(AsyncIterator[T], Generic[T]):
    """The items of an answer; between them it is noted how long each was waited for.

    Args:
        items: Where they come from.
        dog: Knows whether one is due: who has been given nothing to say owes none.
        record: Where to note it.
        deadlines: The system's, for its clock.
    """

    __slots__ = ("_begun", "_dog", "_items", "_now", "_record", "longest")

    def __init__(self, items: Receiver[T], dog: Watchdog, record: Record, deadlines: Deadlines) -> None:
        self._items = items
        self._dog = dog
        self._record = record
        self._now = deadlines.now
        self._begun = False
        self.longest: float | None = None
        """Seconds that one was waited for, at most, but for the first; None before there was a second."""

    async def __anext__(self) -> T:
        asked = self._now() if self._begun and self._dog.timeout < math.inf else None
        item = await anext(self._items)
        if asked is not None:
            waited = self._now() - asked
            self._record.between.observe(waited)
            self.longest = waited if self.longest is None else max(waited, self.longest)
        self._begun = True
        return item
