"""A long load: does memory stay flat, and is anything left when the sessions end?

``python benchmarks/soak.py --minutes 30 --sessions 100``: sessions that ask, listen and interrupt. The server's memory,
file descriptors and threads are looked at every second, and once more after all sessions have ended.
"""

import argparse
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from harness import Row, percentile, show
from load.trial import order, server
from troupe.services.bench.load import once
from troupe.services.bench.machine import Machine
from troupe.services.bench.processes import Processes
from troupe.services.bench.results import Report, Run, Step, Usage, write

SETTLING = 300.0
"""Seconds after which memory is to stay what it is."""
FLAT = 1.05
"""Times the memory at that moment that the end may have."""


def soak(sessions: int, minutes: float) -> tuple[Usage, Step, Usage]:
    """Return what the server used before the first session, the step, and what it used after the last."""
    with server("troupe", sentences=3) as process:
        wanted = order(process, "turns", seconds=minutes * 60, warm_up=1)
        processes = Processes([process.pid])
        before = processes.look(time.perf_counter())
        step = once(wanted, sessions)
        time.sleep(5)
        return before, step, processes.look(time.perf_counter())


def main() -> int:
    """Run it, show what came of it, and say by the exit status whether it is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all samples there")
    asked = parser.parse_args()
    started, machine = datetime.now(UTC), Machine.here()
    before, step, after = soak(asked.sessions, asked.minutes)
    settled = [each for each in step.usage if each.at >= min(SETTLING, asked.minutes * 20)]
    begin = statistics.median(each.memory for each in settled[:60])
    end = statistics.median(each.memory for each in settled[-60:])
    rows = [
        Row(
            what="memory at the end",
            value=end / 2**20,
            unit="MiB",
            floor=begin / 2**20,
            floor_name="after settling",
            goal=f"≤ {FLAT:g} x",
            met=end <= FLAT * begin,
        ),
        Row(what="memory without sessions, before", value=before.memory / 2**20, unit="MiB"),
        Row(what="memory without sessions, after", value=after.memory / 2**20, unit="MiB"),
        Row(
            what="descriptors left when the sessions had ended",
            value=after.descriptors - before.descriptors,
            unit="",
            goal="0",
            met=after.descriptors <= before.descriptors,
        ),
        Row(
            what="threads left",
            value=after.threads - before.threads,
            unit="",
            goal="≤ 1",
            met=after.threads <= before.threads + 1,
        ),
        Row(
            what="load generator behind its time, p99",
            value=1000 * percentile(step.distributions["lateness"].values, 0.99),
            unit="ms",
        ),
        Row(what="turns", value=step.counts["turns"], unit=""),
        Row(what="errors", value=step.counts.get("errors", 0), unit="", goal="0", met=not step.errors),
    ]
    show(f"{asked.sessions} sessions, {asked.minutes:g} minutes", rows)
    if asked.json:
        run = Run(name="troupe", workload="turns", steps=[step])
        write(asked.json, Report.of("soak", started, machine=machine, runs=[run], rows={"soak": rows}))
    return 0 if all(row.met is not False for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
