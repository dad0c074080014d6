"""How the benchmarks of the parts have changed over time, as a page."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .figures import figure
from .page import rows_table, whole
from .results import Report, Row
from .svg import Series, lines


class Moment(NamedTuple):
    """A row of one of the runs."""

    run: int
    """Counted from 1, the oldest."""
    when: str
    row: Row


def trends(reports: Sequence[Report]) -> dict[str, dict[tuple[str, str, str], list[Moment]]]:
    """Return the rows of all reports by their table, and there by words, unit and floor, the oldest first."""
    tables: dict[str, dict[tuple[str, str, str], list[Moment]]] = {}
    for number, report in enumerate(reports, 1):
        when = f"{report.started:%Y-%m-%d %H:%M}, {report.commit or 'no commit'}"
        for name, rows in report.rows.items():
            for row in rows:
                key = (row.what, row.unit, row.floor_name)
                tables.setdefault(name, {}).setdefault(key, []).append(Moment(number, when, row))
    return tables


def trends_page(reports: Sequence[Report]) -> str:
    """Return the HTML of a history: the ratio to the floor over the runs, or the value of what has no floor.

    A ratio is what can be compared between days: both sides of it were measured in the same run.

    Args:
        reports: the oldest first.
    """
    head = "<header><h1>Benchmarks of the parts</h1><p>Nothing has been measured yet.</p></header>"
    if reports:
        first, last = reports[0], reports[-1]
        head = (
            f"<header><h1>Benchmarks of the parts</h1><p>{len(reports)} runs, {first.started:%d %B %Y} to "
            f"{last.started:%d %B %Y}; where there is a floor, the ratio to it is shown</p></header>"
        )
    parts = [head]
    for name, rows in trends(reports).items():
        plots = "".join(_plot(what, moments) for (what, _, _), moments in rows.items() if len(moments) > 1)
        parts.append(f"<h2>{name}</h2>")
        parts.append(f'<div class="figures">{plots}</div>' if plots else "")
        parts.append(rows_table([moments[-1].row for moments in rows.values()]))
    return whole("Benchmarks of the parts", parts)


def _plot(what: str, moments: Sequence[Moment]) -> str:
    row = moments[-1].row
    has_floor = all(moment.row.ratio is not None for moment in moments)
    points = list(_points(moments, has_floor=has_floor))
    series = Series(what, points, [moment.when for moment in moments])
    plot = lines([series], x="runs, the oldest first", y=f"x {row.floor_name}" if has_floor else row.unit, tick=_plain)
    return figure(what, plot, f"now {row.value:,.4g} {row.unit}" + (f", {row.goal}" if row.goal else ""))


def _points(moments: Sequence[Moment], *, has_floor: bool) -> Iterator[tuple[float, float]]:
    for moment in moments:
        ratio = moment.row.ratio
        yield float(moment.run), ratio if has_floor and ratio is not None else moment.row.value


def _plain(value: float) -> str:
    return f"{value:,.4g}"
