"""Service levels, such as ``first_audio p95 < 800ms, errors < 1%``: what users must not have to put up with."""

import re
from typing import Final

from msgspec import Struct

from ..config.errors import nearest
from .measures import MEASURES
from .results import Step
from .statistics import percentile

DEFAULT: Final = "first_audio p95 < 800ms, unanswered < 1%, errors < 1%, disconnects = 0"
RATES: Final = ("errors", "disconnects", "unanswered", "early", "talked_over", "gaps", "false_starts")
"""What is counted, and may be limited as a share of turns (of sessions, for disconnects), or as a number."""
_UNITS: Final = {"ms": 0.001, "s": 1.0, "%": 0.01, "": 1.0}
_CONDITION: Final = re.compile(
    r"(?P<name>\w+)(?:\s+(?P<rank>p\d{1,2}(?:\.\d+)?|max))?\s*(?P<relation><=|<|=|≤)\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|%|)"
)


class LevelError(ValueError):
    """A service level can't be understood; the text says what one is like."""


class Condition(Struct, frozen=True):
    """One of its parts."""

    text: str
    name: str
    share: float | None
    """Of the values that are to hold it, for a quantity that takes time; None for a rate."""
    limit: float
    """In seconds, a share, or a number."""
    strict: bool
    """Whether the limit itself is too much."""
    relative: bool = False
    """Whether a rate is a share of turns."""

    def value(self, step: Step) -> float | None:
        """Return what a step has had; None if nothing of it was measured."""
        if self.share is not None:
            distribution = step.distributions.get(self.name)
            return percentile(distribution.values, self.share) if distribution and distribution.values else None
        count = float(step.counts.get(self.name, 0))
        if not self.relative:
            return count
        whole = step.sessions if self.name == "disconnects" else step.counts.get("turns", 0)
        return count / whole if whole else min(count, 1.0)

    def holds(self, step: Step) -> bool:
        """Whether a step has held it; what was not measured is not held."""
        value = self.value(step)
        if value is None:
            return False
        return value < self.limit or (not self.strict and value == self.limit)


class Level(Struct, frozen=True):
    """A service level: all of its conditions."""

    conditions: tuple[Condition, ...]

    def broken(self, step: Step) -> list[Condition]:
        """Return the conditions that a step has not held."""
        return [condition for condition in self.conditions if not condition.holds(step)]

    def __str__(self) -> str:
        return ", ".join(condition.text for condition in self.conditions)


def parse(text: str) -> Level:
    """Read a service level: conditions, with commas between them.

    A condition is ``NAME pNN < TIME`` (or ``max`` for all values), NAME one of `MEASURES`, or ``NAME < SHARE`` with
    a name of `RATES`, such as ``errors < 1%``, or ``NAME = 0``.

    Raises:
        LevelError: It is none.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise LevelError(f"a service level is like: {DEFAULT}")
    return Level(tuple(_condition(part) for part in parts))


def _condition(text: str) -> Condition:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise LevelError(f"“{text}” is no condition; one is like: first_audio p95 < 800ms")
    name, rank, unit = match["name"], match["rank"], match["unit"]
    if name not in MEASURES and name not in RATES:
        raise LevelError(f"there is no quantity {name}; {nearest(name, (*MEASURES, *RATES))}")
    timed = name in MEASURES
    if timed != (rank is not None):
        raise LevelError(f"“{text}”: {f'{name} takes a rank, such as p95' if timed else f'{name} takes no rank'}")
    if timed != (unit in ("ms", "s")):
        raise LevelError(
            f"“{text}”: {f'{name} is a time, in ms or s' if timed else f'{name} is a share, in %, or a number'}"
        )
    share = None if rank is None else 1.0 if rank == "max" else float(rank[1:]) / 100
    limit = float(match["number"]) * _UNITS[unit]
    return Condition(text, name, share, limit, match["relation"] == "<", unit == "%")
