"""Results in a terminal."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from .crew import Situation
from .level import Level
from .measures import COUNTS, MEASURES
from .results import Report, Run, Step
from .statistics import percentile

SHARES: Final = (0.5, 0.95, 0.99)
_LARGE: Final = {
    "audio_ms": (1000, "s of audio received"),
    "bytes_out": (10**6, "MB sent"),
    "bytes_in": (10**6, "MB received"),
}
"""Counts that are large, what they are divided by, and what that is."""


def milliseconds(seconds: float | None) -> str:
    """Return a time as people read it."""
    if seconds is None:
        return ""
    value = 1000 * seconds
    return f"{value:,.0f} ms" if abs(value) >= 100 else f"{value:.1f} ms"


def of_report(report: Report) -> Iterator[RenderableType]:
    """Give the tables of a report."""
    for run in report.runs:
        yield from of_run(run)
    if report.interrupted:
        yield Text("Ended before its time: this is what was measured until then.", "yellow")


def of_run(run: Run) -> Iterator[RenderableType]:
    """Give the tables of a run: all of its steps, and its last one in detail."""
    if len(run.steps) > 1:
        yield of_steps(run)
    if run.steps:
        yield of_step(representative(run))
    if run.level:
        yield Text(f"Level: {run.level}", "dim")
    if run.knee is not None:
        yield Text.assemble("It holds ", (f"{run.knee} sessions", "bold"), ".")
    for remark in run.remarks:
        yield Text(remark, "yellow")


def representative(run: Run) -> Step:
    """Return the step at the knee, or the last that was measured."""
    measured = [step for step in run.steps if step.seconds] or run.steps
    return next((step for step in measured if step.sessions == run.knee), measured[-1])


def of_steps(run: Run) -> Table:
    """Return a line for each number of sessions."""
    table = Table(title=f"{run.name}, {run.workload}", title_justify="left")
    for column in ("sessions", "first audio p50", "p95", "probe p99", "errors", "CPU", "per session", "memory of one"):
        table.add_column(column, justify="right")
    table.add_column("level")
    for step in run.steps:
        table.add_row(
            str(step.sessions),
            milliseconds(at(step, "first_audio", 0.5)),
            milliseconds(at(step, "first_audio", 0.95)),
            milliseconds(at(step, "probe", 0.99)),
            str(step.counts.get("errors", 0)),
            *_used(step),
            verdict(step),
        )
    return table


def of_step(step: Step) -> RenderableType:
    """Return all that was measured with one number of sessions."""
    table = Table(title=f"{step.sessions} sessions, {step.seconds:.0f} s", title_justify="left")
    table.add_column("what")
    for column in ("values", *(f"p{share * 100:.0f}" for share in SHARES), "most"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, words in MEASURES.items():
        if (distribution := step.distributions.get(name)) and distribution.values:
            shown = [milliseconds(percentile(distribution.values, share)) for share in (*SHARES, 1.0)]
            what = Text.assemble((name, "bold"), (f"  {words}", "dim"), no_wrap=True, overflow="ellipsis")
            table.add_row(what, str(len(distribution.values)), *shown)
    return Group(table, Text(", ".join(facts(step))), *(Text(f"  {text}", "red") for text in _errors(step)))


def facts(step: Step) -> Iterator[str]:
    """Give what was counted, and what the server used, in words."""
    for name, words in COUNTS.items():
        if count := step.counts.get(name, 0):
            large = _LARGE.get(name)
            yield f"{count / large[0]:,.1f} {large[1]}" if large else f"{count:,} {words}"
    cpu, per_session, memory = _used(step)
    if cpu:
        yield f"server: {cpu} CPU ({per_session} of one session), {memory or '?'} of memory each"
        last = step.usage[-1]
        yield f"{last.threads} threads, {last.descriptors} descriptors"


def at(step: Step, name: str, share: float) -> float | None:
    """Return a percentile, if anything was measured."""
    distribution = step.distributions.get(name)
    return percentile(distribution.values, share) if distribution and distribution.values else None


def verdict(step: Step) -> str:
    """Return whether a step has held the level."""
    return "" if step.held is None else "holds" if step.held else "[red]broken[/]"


def broken(level: Level, step: Step) -> str:
    """Return which conditions a step has not held, and by how much."""

    def told(value: float | None) -> str:
        return "not measured" if value is None else f"{value:.4g}"

    return "; ".join(f"{condition.text}: {told(condition.value(step))}" for condition in level.broken(step))


def situation(now: Situation, bars: Bars) -> RenderableType:
    """Return how it goes."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    progress = now.progress
    if progress is None:
        table.add_row(f"{now.opened} of {now.sessions} sessions are open")
    else:
        cells = [f"{now.sessions} sessions", f"{progress.turns} turns"]
        if progress.first_audio is not None:
            cells.append(f"first audio p95 {milliseconds(progress.first_audio)}")
        if progress.probe is not None:
            cells.append(f"probe p99 {milliseconds(progress.probe)}")
        if len(now.usage) > 1:
            first, last = now.usage[0], now.usage[-1]
            cells.append(
                f"server {(last.cpu - first.cpu) / (last.at - first.at):.0%} CPU, {last.memory / 2**20:.0f} MiB"
            )
        if wrong := progress.errors + progress.disconnects:
            cells.append(f"[red]{wrong} errors[/]")
        cells.append(f"[dim]generator p99 {milliseconds(progress.late)} late[/]")
        table.add_row(*cells)
    return Group(bars, table)


def show(console: Console, what: Iterable[RenderableType]) -> None:
    """Print, a line between two things."""
    for each in what:
        console.print(each)
        console.print()


def _used(step: Step) -> Sequence[str]:
    cpu, each, memory = step.cpu, step.cpu_per_session, step.memory_per_session
    return (
        "" if cpu is None else f"{cpu:.0%}",
        "" if each is None else f"{1000 * each:.2f} ms/s",
        "" if memory is None else f"{memory / 1024:,.0f} KiB",
    )


def _errors(step: Step) -> Iterator[str]:
    for code, count in sorted(step.errors.items(), key=lambda item: -item[1])[:8]:
        yield f"{count} x {code}"
