"""Put the newest results of each benchmark into docs/benchmarks.md, each with the run that it is from.

``python benchmarks/tables.py`` takes them from the history of ``troupe bench micro``; ``--history`` names another one,
``--into`` another page, which has a line ``## Results`` that they follow. Tables of benchmarks that the history does
not know stay as they are.
"""

import argparse
import re
import sys
from pathlib import Path

from troupe.services.bench.micro import default_history, past
from troupe.services.bench.results import Report

sys.path.insert(0, str(Path(__file__).parent))

from harness import markdown

RESULTS = "## Results\n"


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


def main() -> int:
    """Renew the page."""
    root = Path(__file__).parents[1]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--history", type=Path, default=default_history(), metavar="FOLDER")
    parser.add_argument("--into", type=Path, default=root / "docs" / "benchmarks.md", metavar="PAGE")
    asked = parser.parse_args()
    asked.into.write_text(renewed(asked.into.read_text(), past(asked.history)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
