"""What every benchmark shares: a row with its floor beside it, a table, JSON with versions and machine."""

import gc
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

PACKAGES = ("anyio", "trio", "uvloop", "msgspec", "numpy", "av", "soxr", "onnxruntime")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One measured quantity, with the floor or peer that was measured in the same run."""

    what: str
    """What was measured, in words."""
    value: float
    """The measured value, in `unit`."""
    unit: str
    """Such as ``ops/s``, ``µs``, ``ms``, ``KiB``."""
    floor: float | None = None
    """The floor's value in the same unit, if there is one."""
    floor_name: str = ""
    """What the floor is."""
    goal: str = ""
    """The goal in words, such as ``≤ 2 x the floor``."""
    met: bool | None = None
    """Whether the goal was met; None where there is no goal."""

    @property
    def ratio(self) -> float | None:
        """Value divided by floor."""
        return self.value / self.floor if self.floor else None


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


def percentile(values: list[float], share: float) -> float:
    """Return the value below which `share` (0..1) of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def machine() -> dict[str, str]:
    """Versions and machine, for the JSON report."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    versions: dict[str, str] = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "python": sys.version.split()[0],
        "cpu": model,
        "cpus": str(os.cpu_count()),
        "os": platform.system(),
        **versions,
    }


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
