"""What every benchmark shares: rows with a floor beside each, and tables of them."""

import gc
import resource
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table
from troupe.services.bench.results import Row
from troupe.services.bench.statistics import percentile

__all__ = [
    "Row",
    "at_least",
    "at_most",
    "cpu_seconds",
    "ffmpeg",
    "interleaved",
    "markdown",
    "percentile",
    "resident",
    "show",
    "threads",
]


def at_most(factor: float, **row: object) -> Row:
    """Build a row whose goal is: value ≤ factor x floor."""
    value, floor = float(row["value"]), float(row["floor"])  # type: ignore[arg-type]
    return Row(goal=f"≤ {factor:g} x", met=value <= factor * floor, **row)  # type: ignore[arg-type]


def at_least(factor: float, **row: object) -> Row:
    """Build a row whose goal is: value ≥ factor x floor."""
    value, floor = float(row["value"]), float(row["floor"])  # type: ignore[arg-type]
    return Row(goal=f"≥ {factor:g} x", met=value >= factor * floor, **row)  # type: ignore[arg-type]


def interleaved(
    *measures: Callable[[], float], rounds: int = 5, best: Callable[[list[float]], float] = statistics.median
) -> list[float]:
    """Run several measures in turn (A B A B ...), so that a drifting machine hits all; the median of each."""
    results: list[list[float]] = [[] for _ in measures]
    for measure in measures:  # warm-up, not counted
        measure()
    for _ in range(rounds):
        for result, measure in zip(results, measures, strict=True):
            gc.collect()
            result.append(measure())
    return [best(result) for result in results]


def cpu_seconds(function: Callable[[], object]) -> float:
    """CPU time of this process spent in one call of `function`."""
    before = time.process_time()
    function()
    return time.process_time() - before


def ffmpeg(*arguments: str | Path) -> float:
    """Run the ``ffmpeg`` command; return the CPU seconds it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def resident() -> int:
    """Memory of this process, in bytes; 0 where the system has no ``/proc``."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * resource.getpagesize() if statm.exists() else 0


def threads() -> int:
    """Count the threads of this process as the kernel does; 0 where the system has no ``/proc``."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.exists() else 0


def markdown(title: str, rows: list[Row]) -> str:
    """Return the rows as a table for the documentation."""
    lines = [f"### {title}", "", "| what | value | floor | ratio | goal | |", "|---|--:|--:|--:|---|---|"]
    for row in rows:
        floor = f"{row.floor:,.4g} ({row.floor_name})" if row.floor is not None else ""
        ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
        verdict = "" if row.met is None else ("met" if row.met else "**falls short**")
        lines.append(f"| {row.what} | {row.value:,.4g} {row.unit} | {floor} | {ratio} | {row.goal} | {verdict} |")
    return "\n".join([*lines, ""])


def show(title: str, rows: list[Row], console: Console | None = None) -> None:
    """Print the rows as a table."""
    table = Table(title=title, title_justify="left")
    for column, justify in (
        ("what", "left"),
        ("value", "right"),
        ("floor", "right"),
        ("ratio", "right"),
        ("goal", "left"),
        ("", "left"),
    ):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for row in rows:
        floor = f"{row.floor:,.4g} ({row.floor_name})" if row.floor is not None else ""
        ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
        verdict = "" if row.met is None else ("met" if row.met else "[bold red]falls short[/]")
        table.add_row(row.what, f"{row.value:,.4g} {row.unit}", floor, ratio, row.goal, verdict)
    (console or Console()).print(table)
