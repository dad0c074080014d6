"""The results of a chaos run: rows with goals, and all gaps by part and kind of failure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from ..kinds.kind import PARTS
from .chaos import KILL, STRIKES, Moment, Outcome
from .results import Distribution, Report, Row, Run, Step
from .statistics import percentile

KINDS: Final = (KILL, *STRIKES)
AT_ONCE: Final = frozenset({KILL, "reset", "cut", "lie"})
"""Those that show at once: nobody has to wait for a deadline to find out."""
GAP: Final = 0.5
"""Seconds that a caller may hear nothing, beyond what the other provider takes to its first item."""


def report(outcome: Outcome, started: datetime, settings: dict[str, str]) -> Report:
    """Return what a run has brought.

    Args:
        outcome: Of the run.
        started: When it began, with its time zone.
        settings: What one has to know to repeat it.
    """
    gaps = {f"{part}, {kind}": [moment.excess for moment in moments] for part, kind, moments in groups(outcome.moments)}
    step = Step(
        sessions=outcome.sessions,
        seconds=outcome.seconds,
        distributions={name: Distribution(unit="s", values=values) for name, values in gaps.items()},
        counts={"moments": len(outcome.moments), "left alone": len(outcome.usual), "spoiled": outcome.spoiled},
        errors=dict(outcome.lost),
    )
    run = Run(name="troupe", workload="chaos", settings=settings, steps=[step])
    return Report.of("chaos", started, runs=[run], rows={"chaos": list(rows(outcome))})


def groups(moments: Sequence[Moment]) -> Iterator[tuple[str, str, list[Moment]]]:
    """Give the moments of each part and kind, as far as there are any."""
    for part in PARTS:
        for kind in KINDS:
            if found := [moment for moment in moments if (moment.part, moment.kind) == (part, kind)]:
                yield part, kind, found


def rows(outcome: Outcome) -> Iterator[Row]:
    """Give what counts, beside the goals."""
    moments = outcome.moments

    def none(what: str, count: int, unit: str = "") -> Row:
        return Row(what=what, value=count, unit=unit, goal="0", met=count == 0)

    yield Row(what="moments", value=len(moments), unit="")
    yield none("sessions lost", sum(outcome.lost.values()))
    yield none("turns without an answer, or with half of one", sum(moment.status != "completed" for moment in moments))
    yield none("words lost", sum(len(moment.lost) for moment in moments))
    yield none("words repeated", sum(len(moment.repeated) for moment in moments))
    yield none("words that nobody said", sum(len(moment.others) for moment in moments))
    spoilt = sum(not moment.whole for moment in outcome.usual)
    yield Row(what=f"turns that were not struck ({len(outcome.usual)}), and not whole either", value=spoilt, unit="")
    yield Row(what="words that broke off and were said again", value=sum(each.stumbles for each in moments), unit="")
    for name, at_once in (("killed, reset, cut off or lying", True), ("silent or slow", False)):
        found = [moment.excess for moment in moments if (moment.kind in AT_ONCE) is at_once]
        for share in (0.5, 0.95, 1.0) if found else ():
            value = percentile(found, share)
            goal, met = (f"≤ {GAP * 1000:.0f} ms", value <= GAP) if share == 0.95 else ("", None)
            which = f"p{share * 100:.0f}" if share < 1 else "most"
            what = f"audible gap beyond the first item, {name}, {which}"
            yield Row(what=what, value=1000 * value, unit="ms", goal=goal, met=met)
