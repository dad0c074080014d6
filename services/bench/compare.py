"""Two reports beside each other: what differs, and what may be chance.

Each change is judged alone, with 95 % confidence: of twenty quantities that have not changed, one looks as if it had.
Two runs of one server one after the other, on a machine that is otherwise idle, are what this is for; the intervals
know how sessions differ, and nothing of what else the machine did.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from .measures import MEASURES, SUMMARISED
from .results import Distribution, Report, Row, Run, Step
from .statistics import Interval, difference, percentile

SHARES: Final = (0.5, 0.95)
CPU: Final = "cpu"
"""The name of what a session costs, second by second."""


class Change(Struct, frozen=True):
    """One quantity before and after, in seconds."""

    sessions: int
    name: str
    share: float
    before: float
    after: float
    by: Interval

    @property
    def relative(self) -> float | None:
        """The change as a share of what it was; None if that was nothing."""
        return (self.after - self.before) / self.before if self.before > 0 else None


class Pair(Struct, frozen=True):
    """The same subject in both reports."""

    name: str
    changes: list[Change]
    knees: tuple[int | None, int | None]
    counts: dict[str, tuple[int, int]]
    """What went wrong, in all steps together, by name."""
    memory: list[tuple[int, float, float]]
    """Sessions, and the bytes of one before and after."""


class RowChange(Struct, frozen=True):
    """A row that is in both reports."""

    table: str
    before: Row
    after: Row


_WRONG: Final = ("errors", "disconnects", "unanswered", "talked_over", "gaps", "false_starts")


def pairs(before: Report, after: Report) -> Iterator[Pair]:
    """Give what is in both reports; of two reports of one run each, these, whatever they are called."""
    if len(before.runs) == len(after.runs) == 1:
        yield _pair(before.runs[0], after.runs[0])
        return
    known = {(run.name, run.workload): run for run in before.runs}
    for run in after.runs:
        if (same := known.get((run.name, run.workload))) is not None:
            yield _pair(same, run)


def rows(before: Report, after: Report) -> Iterator[RowChange]:
    """Give the rows that are in both, by table, words and unit."""
    known = {(name, row.what, row.unit): row for name, table in before.rows.items() for row in table}
    for name, table in after.rows.items():
        for row in table:
            if (same := known.get((name, row.what, row.unit))) is not None:
                yield RowChange(name, same, row)


def remarks(before: Report, after: Report) -> Iterator[str]:
    """Say what makes the comparison doubtful."""
    first, second = before.machine, after.machine
    if (first.cpu, first.cpus) != (second.cpu, second.cpus):
        yield f"measured on different machines: {first.cpus} x {first.cpu}, and {second.cpus} x {second.cpu}"
    for which, machine in (("first", first), ("second", second)):
        if machine.load > machine.cpus / 2:
            yield f"before the {which} run the machine was busy (load {machine.load:g})"
    if before.interrupted or after.interrupted:
        yield "a run was ended before its time"


def told(change: Change) -> str:
    """Say in a sentence how a quantity has changed, or that this can't be told."""
    name = f"{change.name} p{change.share * 100:.0f}, {change.sessions} sessions"
    if not change.by.is_certain:
        return f"{name}: no difference that these runs could tell"
    low, high = sorted((abs(change.by.low), abs(change.by.high)))
    way = "less" if change.by.value < 0 else "more"
    share = "" if change.relative is None else f" ({change.relative:+.0%})"
    return f"{name}: {1000 * low:.3g} to {1000 * high:.3g} ms {way}{share}"


def _pair(before: Run, after: Run) -> Pair:
    steps = list(_steps(before, after))
    changes = [change for first, second in steps for change in _changes(first, second)]
    sums = {
        name: tuple(sum(step.counts.get(name, 0) for step in run.steps) for run in (before, after)) for name in _WRONG
    }
    memory = [
        (second.sessions, first.memory_per_session, second.memory_per_session)
        for first, second in steps
        if first.memory_per_session is not None and second.memory_per_session is not None
    ]
    return Pair(
        name=after.name if before.name == after.name else f"{before.name} → {after.name}",
        changes=changes,
        knees=(before.knee, after.knee),
        counts={name: (both[0], both[1]) for name, both in sums.items() if any(both)},
        memory=memory,
    )


def _steps(before: Run, after: Run) -> Iterator[tuple[Step, Step]]:
    known = {step.sessions: step for step in before.steps}
    for step in after.steps:
        if (same := known.get(step.sessions)) is not None:
            yield same, step


def _changes(before: Step, after: Step) -> Iterator[Change]:
    first, second = _quantities(before), _quantities(after)
    for name in (*MEASURES, CPU):
        if name not in SUMMARISED and name in first and name in second:
            for share in SHARES:
                values = [percentile(each[name].values, share) for each in (first, second)]
                by = difference(first[name], second[name], share)
                yield Change(after.sessions, name, share, values[0], values[1], by)


def _quantities(step: Step) -> dict[str, Distribution]:
    """Return the distributions that have values, with the CPU of a session in each second among them."""
    found = {name: each for name, each in step.distributions.items() if each.values}
    seconds = [
        (later.cpu - sooner.cpu) / (later.at - sooner.at) / step.sessions
        for sooner, later in zip(step.usage, step.usage[1:], strict=False)
    ]
    return {**found, CPU: Distribution(unit="s", values=seconds)} if len(seconds) > 1 else found
