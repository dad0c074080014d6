"""Put the newest results of each benchmark into docs/benchmarks.md, each with the run that it is from.

``--peers peers.json`` puts what ``troupe bench peers --json peers.json`` has measured there instead.

``python benchmarks/tables.py`` takes them from the history of ``troupe bench micro``; ``--history`` names another one,
``--into`` another page, which has a line ``## Results`` that they follow. Tables of benchmarks that the history does
not know stay as they are.
"""

import argparse
import re
import sys
from pathlib import Path

from troupe.services.bench.micro import default_history, past
from troupe.services.bench.results import Report, read

sys.path.insert(0, str(Path(__file__).parent))

from harness import markdown

RESULTS = "## Results\n"
GOALS = "Goals"
PEERS = ("<!-- peers -->", "<!-- /peers -->")


def section(name: str, report: Report) -> str:
    """Return the table of a benchmark, below the run that it is from."""
    machine = report.machine
    packages = ", ".join(f"{package} {version}" for package, version in machine.packages.items() if package != "troupe")
    run = (
        f"Measured on {report.started:%d %B %Y} at commit {report.commit or 'unknown'}: "
        f"{machine.cpus} x {machine.cpu}, load {machine.load:g} before, {machine.python}, {packages}."
    )
    heading, table = markdown(name, report.rows[name]).split("\n", 1)
    return f"{heading}\n\n{run}\n{table}"


def renewed(page: str, reports: list[Report]) -> str:
    """Return the page with the newest table of each benchmark.

    Args:
        page: with a line ``## Results``.
        reports: the oldest first.
    """
    before, _, results = page.partition(RESULTS)
    parts = re.split(r"^(?=### )", results, flags=re.MULTILINE)
    sections = {part.split("\n", 1)[0].removeprefix("### "): part for part in parts[1:]}
    for report in reports:
        for name in report.rows:
            sections[name] = section(name, report)
    return before + RESULTS + parts[0] + "\n".join(part.rstrip("\n") + "\n" for part in sections.values())


def compared(page: str, report: Report) -> str:
    """Return the page with what peers cost, between its two comments that say so.

    Args:
        page: with the comments.
        report: of ``troupe bench peers``.
    """
    machine = report.machine
    quantities = [name for name in report.rows if name != GOALS]
    cells = {
        (name, row.what): f"{row.value:,.0f} {row.unit}".strip() for name in quantities for row in report.rows[name]
    }
    measured = (
        f"Measured on {report.started:%d %B %Y} at commit {report.commit or 'unknown'}: "
        f"{machine.cpus} x {machine.cpu}, load {machine.load:g} before, {machine.python}."
    )
    lines = [measured, "", f"| | {' | '.join(quantities)} |", f"|---|{'--:|' * len(quantities)}"]
    for run in report.runs:
        told = (cells.get((name, run.name), "") for name in quantities)
        lines.append(f"| {run.name} {run.version} | {' | '.join(told)} |")
    if report.rows.get(GOALS):
        lines += markdown(GOALS, report.rows[GOALS]).splitlines()[1:]
    lines += ["", *(f"- {run.name}: {remark}" for run in report.runs for remark in run.remarks if "sessions" in remark)]
    before, _, rest = page.partition(PEERS[0])
    table = "\n".join(lines).rstrip()
    return f"{before}{PEERS[0]}\n{table}\n{PEERS[1]}{rest.partition(PEERS[1])[2]}"


def main() -> int:
    """Renew the page."""
    root = Path(__file__).parents[1]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--history", type=Path, default=default_history(), metavar="FOLDER")
    parser.add_argument("--into", type=Path, default=root / "docs" / "benchmarks.md", metavar="PAGE")
    parser.add_argument("--peers", type=Path, metavar="FILE")
    asked = parser.parse_args()
    page = asked.into.read_text()
    asked.into.write_text(compared(page, read(asked.peers)) if asked.peers else renewed(page, past(asked.history)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
