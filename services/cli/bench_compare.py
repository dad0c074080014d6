"""``troupe bench compare``: two reports beside each other, and what differs for certain."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..bench.compare import Change, Pair, RowChange, pairs, remarks, rows, told
from ..bench.results import ResultsError, read
from ..bench.table import milliseconds
from .failing import fail


def compare(
    before: Annotated[Path, Parameter(help="A report of troupe bench, as JSON.")],
    after: Annotated[Path, Parameter(help="Another one.")],
) -> None:
    """Say what differs between two reports: by how much, and whether it may be chance."""
    console = Console(highlight=False)
    try:
        first, second = read(before), read(after)
    except ResultsError as error:
        fail(str(error), 1)
    both = list(pairs(first, second))
    changed = list(rows(first, second))
    if not changed and not any(pair.changes for pair in both):
        fail(f"{before} and {after} have nothing in common: no run with the same number of sessions, no row", 1)
    for remark in remarks(first, second):
        console.print(Text(f"Careful: {remark}.", "yellow"))
    for pair in both:
        _show(console, pair)
    if changed:
        console.print(_rows(changed))


def _show(console: Console, pair: Pair) -> None:
    table = Table(title=pair.name, title_justify="left")
    for column in ("sessions", "what", "before", "after", "change, with 95 % confidence"):
        table.add_column(column, justify="left" if column == "what" else "right", no_wrap=True)
    for change in pair.changes:
        table.add_row(*_cells(change), style="" if change.by.is_certain else "dim")
    console.print(table)
    for sessions, first, second in pair.memory:
        console.print(f"Memory of one of {sessions} sessions: {first / 1024:,.0f} → {second / 1024:,.0f} KiB.")
    if pair.knees != (None, None):
        first_knee, second_knee = ("not found" if knee is None else str(knee) for knee in pair.knees)
        console.print(f"Sessions that hold the level: {first_knee} → {second_knee}.")
    for name, (first_count, second_count) in pair.counts.items():
        console.print(f"{name}: {first_count} → {second_count}")
    certain = [change for change in pair.changes if change.by.is_certain]
    console.print(
        Text("What differs for certain:" if certain else "Nothing differs that these runs could tell.", "bold")
    )
    for change in certain:
        console.print(f"  {told(change)}")


def _cells(change: Change) -> list[str]:
    low, _, high = change.by
    relative = "" if change.relative is None else f" ({change.relative:+.0%})"
    return [
        str(change.sessions),
        f"{change.name} p{change.share * 100:.0f}",
        milliseconds(change.before),
        milliseconds(change.after),
        f"{milliseconds(low)} to {milliseconds(high)}{relative}",
    ]


def _rows(changed: list[RowChange]) -> Table:
    table = Table(title="One run each: no confidence can be told", title_justify="left")
    for column in ("", "what", "before", "after", "change", "to the floor"):
        table.add_column(column, justify="left" if column in ("", "what") else "right")
    for each in changed:
        first, second = each.before, each.after
        ratios = "" if first.ratio is None or second.ratio is None else f"{first.ratio:.2f} → {second.ratio:.2f}"
        table.add_row(
            each.table,
            first.what,
            f"{first.value:,.4g} {first.unit}",
            f"{second.value:,.4g} {second.unit}",
            f"{second.value / first.value - 1:+.0%}" if first.value else "",
            ratios,
        )
    return table
