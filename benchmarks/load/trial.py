"""One run: a server process, and the load on it of ``troupe bench load``."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from troupe.actors.voice.services import DELTA
from troupe.services.bench.events import Setup
from troupe.services.bench.load import once
from troupe.services.bench.order import LoadFailed, Order
from troupe.services.bench.results import Step
from troupe.services.bench.script import Plan
from troupe.services.bench.worker import Workload

HERE = Path(__file__).parents[1]
PAUSE = 3.0
"""Seconds that users of the workload ``turns`` listen to an answer, which is longer, before they interrupt it."""


def run(
    kind: str,
    workload: Workload,
    *,
    sessions: int,
    seconds: float,
    warm_up: float = 3.0,
    sentences: int = 20,
    delta: float = DELTA,
    profile: str | None = None,
    quick: bool = False,
) -> Step:
    """Measure `sessions` sessions on a fresh server; with `quick`, however late the load was: its numbers mean nothing.

    Raises:
        LoadFailed: The server can't be measured, or this machine is too busy for that.
    """
    with server(kind, sentences, delta, profile) as process:
        step = once(order(process, workload, seconds=seconds, warm_up=warm_up), sessions)
    if step.spoiled and not quick:
        raise LoadFailed(step.spoiled)
    return step


def order(server: subprocess.Popen[str], workload: Workload, *, seconds: float, warm_up: float) -> Order:
    """Return what is to be measured of a server that has just been started."""
    assert server.stdout is not None
    return Order(
        url=f"127.0.0.1:{server.stdout.readline().strip()}",
        workload=workload,
        seconds=seconds,
        warm_up=warm_up,
        setup=Setup(answers=workload == "turns", asks=workload == "duplex", silence=0.3, transcription=""),
        plan=Plan(pause=PAUSE if workload == "turns" else 1.0, interrupt_every=0),
        pid=server.pid,
    )


@contextmanager
def server(
    kind: str, sentences: int, delta: float = DELTA, profile: str | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a server of `load.server` until the block ends."""
    extra = ["--profile", profile] if profile else []
    process = subprocess.Popen(
        [sys.executable, "-m", "load.server", kind, "--sentences", str(sentences), "--delta", str(delta), *extra],
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        if kind == "workers":
            process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
