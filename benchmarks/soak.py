"""A long load: does memory stay flat, and is anything left when the sessions end?

``python benchmarks/soak.py --minutes 30 --sessions 100``: sessions that ask, listen and interrupt. The server's memory,
file descriptors and threads are looked at every ten seconds, and once more after all sessions have ended.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import msgspec
from harness import Row, show
from load.trial import descriptors, memory, process, threads
from troupe.services.bench.machine import Machine

SETTLING = 300.0
"""Seconds after which memory is to stay what it is."""
FLAT = 1.05
"""Times the memory at that moment that the end may have."""


class Sample(msgspec.Struct):
    """The server at one moment."""

    seconds: float
    memory: int
    descriptors: int
    threads: int


def sample(pid: int, start: float) -> Sample:
    return Sample(time.monotonic() - start, memory(pid), descriptors(pid), threads(pid))


def soak(sessions: int, minutes: float) -> tuple[list[Sample], Sample, Sample, dict[str, object]]:
    """Return the samples, those before the first and after the last session, and what the sessions saw."""
    with process("load.server", "troupe", "--sentences", "3") as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        start = time.monotonic()
        before = sample(server.pid, start)
        arguments = ["--sessions", str(sessions), "--seconds", str(minutes * 60), "--warm-up", "1"]
        with process("load.client", port, "turns", *arguments) as client:
            samples: list[Sample] = []
            while client.poll() is None and time.monotonic() - start < minutes * 60 + 60:
                samples.append(sample(server.pid, start))
                print(
                    f"\r{samples[-1].seconds / 60:5.1f} min  {samples[-1].memory / 2**20:6.1f} MiB  "
                    f"{samples[-1].descriptors} descriptors  {samples[-1].threads} threads",
                    end="",
                    file=sys.stderr,
                )
                try:
                    client.wait(10)
                except subprocess.TimeoutExpired:
                    continue
            assert client.stdout is not None
            client.stdout.readline()
            seen = json.loads(client.stdout.readline())
        print(file=sys.stderr)
        time.sleep(5)
        return samples, before, sample(server.pid, start), seen


def main() -> int:
    """Run it, show what came of it, and say by the exit status whether it is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all samples there")
    asked = parser.parse_args()
    samples, before, after, seen = soak(asked.sessions, asked.minutes)
    during = samples[1:-1]
    settled = [each for each in during if each.seconds >= min(SETTLING, asked.minutes * 20)]
    begin = statistics.median(each.memory for each in settled[:6])
    end = statistics.median(each.memory for each in settled[-6:])
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
        Row(what="turns", value=seen["turns"], unit=""),
        Row(what="errors", value=len(seen["errors"]), unit="", goal="0", met=not seen["errors"]),
    ]
    show(f"{asked.sessions} sessions, {asked.minutes:g} minutes", rows)
    if asked.json:
        asked.json.write_bytes(msgspec.json.encode({"machine": Machine.here(), "samples": samples, "rows": rows}))
    return 0 if all(row.met is not False for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
