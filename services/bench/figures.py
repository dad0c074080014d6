"""The plots of a report: what was measured, over the number of sessions, over time, and within one turn."""

import statistics
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from .level import Level
from .measures import MEASURES
from .results import Run, Step, Turn
from .statistics import percentile
from .svg import Range, Series, Span, histogram, lines, ranges, timeline
from .table import at, milliseconds

SHARES: Final = ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
DETAILS: Final = (
    "endpoint",
    "transcript",
    "first_token",
    "first_audio",
    "reaction",
    "barge_in",
    "truncate",
    "probe",
    "connect",
)
"""What is compared on one axis."""


def figure(title: str, plot: str, remark: str = "", *, wide: bool = False) -> str:
    """Return a plot with its caption."""
    told = f"<span>{escape(remark)}</span>" if remark else ""
    kind = ' class="wide"' if wide else ""
    return f"<figure{kind}><figcaption>{escape(title)}{told}</figcaption>{plot}</figure>"


def over_sessions(run: Run, level: Level | None) -> Iterator[str]:
    """Draw how percentiles, CPU and memory grow with the sessions; nothing for one step alone."""
    steps = [step for step in run.steps if step.seconds]
    if len(steps) < 2:
        return
    for name in ("first_audio", "probe"):
        series = _percentiles(steps, name)
        if series:
            limit = next((each.limit for each in level.conditions if each.name == name), None) if level else None
            plot = lines(series, x="sessions", y="time", tick=_time, limit=limit)
            yield figure(f"{_title(name)}, by sessions", plot, MEASURES[name])
    yield from used_by_sessions([run])


def used_by_sessions(runs: Sequence[Run]) -> Iterator[str]:
    """Draw what a session costs, over the number of sessions: a line for each run."""
    cpu = [
        (run, [(step.sessions, 1000 * step.cpu_per_session) for step in run.steps if step.cpu_per_session])
        for run in runs
    ]
    if any(len(points) > 1 for _, points in cpu):
        series = [Series(run.name, points) for run, points in cpu if points]
        yield figure("CPU of a session", lines(series, x="sessions", y="ms a second", tick=_plain), "of the server's")
    memory = [
        (run, [(step.sessions, step.memory_per_session / 1024) for step in run.steps if step.memory_per_session])
        for run in runs
    ]
    if any(len(points) > 1 for _, points in memory):
        series = [Series(run.name, points) for run, points in memory if points]
        yield figure(
            "Memory of a session",
            lines(series, x="sessions", y="KiB", tick=_plain),
            "resident, beyond what the server had without sessions",
        )


def compared(runs: Sequence[Run]) -> Iterator[str]:
    """Draw several runs beside one another, over the number of sessions."""
    for name in ("first_audio", "barge_in", "probe"):
        series = [
            Series(run.name, points)
            for run in runs
            if (points := [(step.sessions, value) for step in run.steps if (value := at(step, name, 0.95)) is not None])
        ]
        if any(len(each.points) > 1 for each in series):
            yield figure(f"{_title(name)}, p95", lines(series, x="sessions", y="time", tick=_time), MEASURES[name])
    yield from used_by_sessions(runs)


def of_step(step: Step) -> Iterator[str]:
    """Draw what was measured with one number of sessions."""
    rows = [
        Range(_title(name), [percentile(found.values, share) for share, _ in SHARES])
        for name in DETAILS
        if (found := step.distributions.get(name)) and found.values
    ]
    if rows:
        plot = ranges(rows, names=[name for _, name in SHARES], tick=_time)
        yield figure("Where the time goes", plot, "on a logarithmic axis", wide=True)
    if turn := typical(step):
        plot = timeline(list(_spans(turn)), tick=_time)
        yield figure("One turn", plot, "the one with the median time to first audio; 0 is the end of speech", wide=True)
    for name in ("first_audio", "barge_in"):
        if (found := step.distributions.get(name)) and len(found.values) > 1:
            marks = [(rank, percentile(found.values, share)) for share, rank in SHARES[:2]]
            plot = histogram(found.values, x="time", tick=_time, marks=marks)
            told = ", ".join(f"{rank} {_time(value)}" for rank, value in marks)
            yield figure(_title(name), plot, f"{MEASURES[name]}; {len(found.values)} times, {told} (dashed)")
    if len(step.usage) > 2:
        pairs = list(zip(step.usage, step.usage[1:], strict=False))
        cpu = [(later.at, (later.cpu - sooner.cpu) / (later.at - sooner.at)) for sooner, later in pairs]
        plot = lines([Series("CPU", cpu)], x="seconds", y="processors", tick=_share, time=True)
        yield figure("CPU of the server", plot, "100 % is one processor")
        memory = [(each.at, each.memory / 2**20) for each in step.usage]
        plot = lines([Series("memory", memory)], x="seconds", y="MiB", tick=_plain, time=True)
        yield figure(
            "Memory of the server", plot, f"{step.usage[-1].threads} threads, {step.usage[-1].descriptors} descriptors"
        )


def typical(step: Step) -> Turn | None:
    """Return the turn whose time to first audio is the median of those that were kept whole."""
    answered = sorted((turn for turn in step.turns if turn.audio is not None), key=lambda turn: turn.audio or 0.0)
    if not answered:
        return None
    middle = statistics.median_low([turn.audio or 0.0 for turn in answered])
    same = [turn for turn in answered if turn.audio == middle]
    return next((turn for turn in same if not turn.interrupted), same[0])


def _spans(turn: Turn) -> Iterator[Span]:
    yield Span("the user speaks", -turn.speech, 0.0, 5, f"{turn.speech:.1f} s")
    if turn.stopped is not None:
        yield Span("the end is noticed", 0.0, turn.stopped, 1, _time(turn.stopped))
    for name, moment in (("transcript", turn.transcript), ("first text", turn.token)):
        if moment is not None:
            yield Span(name, moment, moment, 4, _time(moment))
    assert turn.audio is not None
    if turn.stopped is not None and turn.audio > turn.stopped:
        yield Span("until first audio", turn.stopped, turn.audio, 2, f"+ {_time(turn.audio - turn.stopped)}")
    if turn.heard is not None:
        ends = "interrupted" if turn.interrupted else f"{turn.heard - turn.audio:.1f} s"
        yield Span("the answer is heard", turn.audio, turn.heard, 0, ends)
    else:
        yield Span("first audio", turn.audio, turn.audio, 0, _time(turn.audio))


def _percentiles(steps: Sequence[Step], name: str) -> list[Series]:
    series = [
        Series(rank, [(step.sessions, value) for step in steps if (value := at(step, name, share)) is not None])
        for share, rank in SHARES
    ]
    return [each for each in series if len(each.points) > 1]


def _title(name: str) -> str:
    return name.replace("_", " ").replace("barge in", "barge-in").capitalize()


def _time(seconds: float) -> str:
    if abs(seconds) >= 1 or seconds == 0:
        return f"{seconds:g} s" if round(seconds, 3) == round(seconds) else f"{seconds:.2f} s"
    return milliseconds(seconds).replace(".0 ms", " ms")


def _plain(value: float) -> str:
    return f"{value:,.6g}"


def _share(value: float) -> str:
    return f"{value:.0%}"
