"""What all subjects cost, side by side, and whether the goals are met."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct
from rich.table import Table

from ..results import Row, Step
from ..statistics import percentile
from .comparison import SILENCE, Outcome

FRAME_MS: Final = 20


class Cost(Struct, frozen=True, kw_only=True):
    """Of one subject; None for what it can't do, or what was not measured."""

    title: str
    sessions: int | None
    """That one processor holds."""
    frame: float | None
    """Seconds of CPU for 20 ms of audio, in or out, with as many sessions as it holds."""
    frame_few: float | None
    """The same with few sessions, as many for all."""
    memory: float | None
    """Bytes that a session adds."""
    answer: float | None
    """Seconds from the end of speech to the first audio, less the silence that ends a turn: p50, few sessions."""
    barge_in: float | None
    """Seconds from the first speech to silence: p50, few sessions."""
    barge_in_p95: float | None


class _Goal(Struct, frozen=True):
    what: str
    quantity: str
    unit: str
    scale: float
    factor: float
    more: bool
    """Whether more is better."""
    peers: tuple[str, ...]


_GOALS: Final = (
    _Goal("sessions of one processor", "sessions", "", 1, 5, True, ("pipecat", "pipecat-lean")),
    _Goal("sessions of one processor", "sessions", "", 1, 5, True, ("livekit", "livekit-lean")),
    _Goal("CPU for 20 ms of audio, in or out", "frame", "µs", 1e6, 1 / 5, False, ("pipecat", "pipecat-lean")),
    _Goal("memory of a session", "memory", "KiB", 1 / 1024, 1 / 3, False, ("pipecat", "pipecat-lean")),
    _Goal("memory of a session", "memory", "KiB", 1 / 1024, 1 / 10, False, ("livekit-processes",)),
)


_QUANTITIES: Final = {
    "sessions": ("Sessions held by one processor", 1.0, ""),
    "frame": ("CPU for 20 ms of audio, in or out, with as many sessions as are held", 1e6, "µs"),
    "frame_few": ("CPU for 20 ms of audio, in or out, with few sessions", 1e6, "µs"),
    "memory": ("Memory that a session adds", 1 / 1024, "KiB"),
    "answer": ("End of speech to first audio, less the silence that ends a turn, p50", 1e3, "ms"),
    "barge_in": ("First speech to silence of an interrupted answer, p50", 1e3, "ms"),
    "barge_in_p95": ("First speech to silence of an interrupted answer, p95", 1e3, "ms"),
}


_COLUMNS: Final = {
    "sessions": "sessions held",
    "frame": "CPU per 20 ms, full",
    "frame_few": "with few",
    "memory": "memory of one",
    "answer": "answer after",
    "barge_in": "silent after, p50",
    "barge_in_p95": "p95",
}


def cost(title: str, outcome: Outcome) -> Cost:
    """Return what a subject costs."""
    full, few = outcome.most or outcome.few, outcome.few
    waited = percentile_of(few, "first_audio", 0.5)
    return Cost(
        title=title,
        sessions=outcome.run.knee,
        frame=frame_cost(full) if full else None,
        frame_few=frame_cost(few) if few else None,
        memory=outcome.memory,
        answer=None if waited is None else waited - SILENCE,
        barge_in=percentile_of(few, "barge_in", 0.5),
        barge_in_p95=percentile_of(few, "barge_in", 0.95),
    )


def frame_cost(step: Step) -> float | None:
    """Return the seconds of CPU that the server used for each 20 ms of audio that went in or came out."""
    frames = step.counts.get("frames", 0) + step.counts.get("audio_ms", 0) / FRAME_MS
    return step.cpu * step.seconds / frames if step.cpu is not None and frames else None


def percentile_of(step: Step | None, name: str, share: float) -> float | None:
    """Return a percentile of what was measured in a trial; None if nothing was."""
    distribution = step.distributions.get(name) if step else None
    return percentile(distribution.values, share) if distribution and distribution.values else None


def goals(costs: Mapping[str, Cost]) -> Iterator[Row]:
    """Give a row for each goal that both sides were measured for.

    Args:
        costs: By the subject's name.
    """
    ours = costs.get("troupe")
    for goal in _GOALS:
        for name in goal.peers:
            theirs = costs.get(name)
            value = getattr(ours, goal.quantity, None)
            floor = getattr(theirs, goal.quantity, None)
            if theirs is None or not isinstance(value, int | float) or not isinstance(floor, int | float):
                continue
            limit = goal.factor * floor
            yield Row(
                what=goal.what,
                value=value * goal.scale,
                unit=goal.unit,
                floor=floor * goal.scale,
                floor_name=theirs.title,
                goal=f"{'≥' if goal.more else '≤'} {goal.factor:.2g} x",
                met=value >= limit if goal.more else value <= limit,
            )


def quantities(costs: Mapping[str, Cost]) -> dict[str, list[Row]]:
    """Return what was measured, subject by subject, under the name of each quantity, for reports."""
    return {
        name: rows
        for quantity, (name, scale, unit) in _QUANTITIES.items()
        if (
            rows := [
                Row(what=each.title, value=value * scale, unit=unit)
                for each in costs.values()
                if (value := getattr(each, quantity)) is not None
            ]
        )
    }


def table(costs: Mapping[str, Cost]) -> Table:
    """Return all that was measured, a line for each subject."""
    shown = Table(title="The same load on one processor", title_justify="left")
    shown.add_column("")
    for column in _COLUMNS.values():
        shown.add_column(column, justify="right")
    for each in costs.values():
        cells = [(getattr(each, quantity), *_QUANTITIES[quantity][1:]) for quantity in _COLUMNS]
        shown.add_row(
            each.title, *("" if value is None else f"{value * scale:,.0f} {unit}" for value, scale, unit in cells)
        )
    return shown


def goals_table(rows: Iterable[Row]) -> Table:
    """Return a line for each goal."""
    shown = Table(title="Goals", title_justify="left")
    shown.add_column("what")
    for column in ("Troupe", "peer", "ratio"):
        shown.add_column(column, justify="right")
    for column in ("", "goal", ""):
        shown.add_column(column)
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        verdict = "met" if row.met else "[bold red]falls short[/]"
        theirs = f"{row.floor or 0:,.4g} {row.unit}"
        shown.add_row(row.what, f"{row.value:,.4g} {row.unit}", theirs, ratio, row.floor_name, row.goal, verdict)
    return shown
