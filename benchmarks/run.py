"""Run the benchmarks: ``python benchmarks/run.py [NAME ...] [--quick] [--json FILE]``.

Each ``bench_<name>.py`` beside this file has one function ``rows(*, quick: bool) -> list[Row]``. ``--quick`` runs tiny
sizes, to see that everything works; its numbers mean nothing.
"""

import argparse
import importlib
import sys
from datetime import UTC, datetime
from pathlib import Path

from troupe.services.bench.machine import Machine
from troupe.services.bench.results import Report, Row, write

sys.path.insert(0, str(Path(__file__).parent))

from harness import markdown, show


def main() -> int:
    """Run the named benchmarks, or all; print tables; write JSON if asked."""
    here = Path(__file__).parent
    known = sorted(path.stem.removeprefix("bench_") for path in here.glob("bench_*.py"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which ones: {', '.join(known)}; all if none is named"
    )
    parser.add_argument("--quick", action="store_true", help="tiny sizes, only to see that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write versions, machine and rows there")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="also write the tables there, for docs/benchmarks.md"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(known):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    started, machine = datetime.now(UTC), Machine.here()
    results: dict[str, list[Row]] = {}
    for name in arguments.names or known:
        results[name] = importlib.import_module(f"bench_{name}").rows(quick=arguments.quick)
        show(name, results[name])
    report = Report.of("micro", started, machine=machine, rows=results)
    if arguments.json:
        write(arguments.json, report)
    if arguments.markdown:
        tables = [markdown(name, rows) for name, rows in results.items()]
        arguments.markdown.write_text("\n".join([str(report.machine), "", *tables]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
