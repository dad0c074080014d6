"""Voice sessions in one process: how many it holds, what the framework adds to an answer, what a session costs.

The server is a process of its own with providers that answer at once; the load comes from another one (`load`). The
floor for the number of sessions is a bare `websockets` server that echoes the same frames. A server *holds* so many
sessions if the answers to probes (events that are answered at once, the same frames at the echo server) come within
20 ms in 99 of 100 cases, and if no session's audio comes after it should have been heard.

Two workers and their load do not fit on two cores. So they are compared by what they cost: as many sessions for each
worker as one alone has, and the CPU of a session beside that of one alone.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from harness import Row, at_least, at_most, percentile
from load.trial import run
from rich.console import Console
from troupe.actors.voice.services import DELTA
from troupe.services.bench.results import Step
from troupe.services.bench.table import of_step

LATE = 0.020
"""Seconds."""


def held(step: Step) -> bool:
    """Whether the server kept up."""
    return (
        not step.errors
        and percentile(step.distributions["probe"].values, 0.99) < LATE
        and step.counts.get("gaps", 0) <= step.sessions * step.seconds / 100
    )


def most(kind: str, workload: str, *, start: int, step: int, seconds: float, delta: float = DELTA) -> tuple[int, Step]:
    """Return the most sessions that a server holds, to `step`, and that trial."""
    best: tuple[int, Step] | None = None
    sessions = start
    while True:
        trial = run(kind, workload, sessions=sessions, seconds=seconds, delta=delta)
        assert trial.cpu is not None
        print(
            f"  {kind} {workload} {sessions}: {trial.cpu:.0%} CPU, "
            f"probes p99 {1000 * percentile(trial.distributions['probe'].values, 0.99):.1f} ms, "
            f"{trial.counts.get('gaps', 0)} gaps, "
            f"generator p99 {1000 * percentile(trial.distributions['lateness'].values, 0.99):.1f} ms late",
            file=sys.stderr,
        )
        if held(trial):
            best = (sessions, trial)
            sessions += step
        elif best is None and sessions > step:
            sessions -= step
        elif best is None:
            raise RuntimeError(f"not even {sessions} sessions are held")
        else:
            return best


def milliseconds(what: str, values: list[float], share: float, goal: float) -> Row:
    """A row for one percentile, with an absolute goal."""
    value = 1000 * percentile(values, share)
    return Row(what=f"{what}, p{share * 100:.0f}", value=value, unit="ms", goal=f"≤ {goal:g} ms", met=value <= goal)


def rows(*, quick: bool) -> list[Row]:
    if quick:
        echo = run("echo", "echo", sessions=2, seconds=1, warm_up=0.2, quick=True)
        duplex = run("troupe", "duplex", sessions=2, seconds=1, warm_up=0.5, quick=True)
        assert echo.counts["audio_ms"]
        assert duplex.counts["audio_ms"]
        return [Row(what="CPU of a session", value=1000 * (duplex.cpu_per_session or 0), unit="ms/s")]
    floor, _ = most("echo", "echo", start=400, step=50, seconds=8)
    sessions, duplex = most("troupe", "duplex", start=175, step=25, seconds=12, delta=0.02)
    as_served, served = most("troupe", "duplex", start=sessions, step=25, seconds=12)
    turns = run("troupe", "turns", sessions=100, seconds=40, sentences=3)
    idle = run("troupe", "idle", sessions=100, seconds=10)
    alone = run("troupe", "duplex", sessions=125, seconds=12)
    together = run("workers", "duplex", sessions=250, seconds=12)
    reaction, overrun = (turns.distributions[name].values for name in ("reaction", "overrun"))
    memory = (served.memory_per_session or 0) / 1024
    woken = (idle.usage[-1].switches - idle.usage[0].switches) / (idle.usage[-1].at - idle.usage[0].at)
    return [
        at_least(
            0.5,
            what="full-duplex sessions of a process, 20 ms frames in and out",
            value=sessions,
            unit="",
            floor=floor,
            floor_name="bare websockets echo",
        ),
        Row(what="the same", value=sessions, unit="", goal="≥ 250", met=sessions >= 250),
        Row(what="CPU of such a session, at that number", value=1000 * (duplex.cpu_per_session or 0), unit="ms/s"),
        Row(what="full-duplex sessions, audio out as served: 100 ms an event", value=as_served, unit=""),
        Row(what="CPU of such a session, at that number", value=1000 * (served.cpu_per_session or 0), unit="ms/s"),
        at_most(
            1.11,  # with that, two workers on two cores hold 1.8 times as many
            what="CPU of a session in two workers, 125 each",
            value=1000 * (together.cpu_per_session or 0),
            unit="ms/s",
            floor=1000 * (alone.cpu_per_session or 0),
            floor_name="in one",
        ),
        milliseconds("end of speech told → first audio, 100 sessions", reaction, 0.5, 1.5),
        milliseconds("end of speech told → first audio, 100 sessions", reaction, 0.99, 8),
        milliseconds("start of speech told → last old audio, 100 sessions", overrun, 0.5, 1),
        milliseconds("start of speech told → last old audio, 100 sessions", overrun, 0.99, 5),
        Row(what="memory of a session", value=memory, unit="KiB", goal="≤ 400 KiB", met=memory <= 400),
        Row(what="wake-ups of 100 idle sessions together", value=woken, unit="1/s"),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="One trial, to look at.")
    parser.add_argument("kind", choices=["troupe", "workers", "echo"])
    parser.add_argument("workload", choices=["duplex", "turns", "idle", "echo"])
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--warm-up", type=float, default=3)
    parser.add_argument("--sentences", type=int, default=20)
    parser.add_argument("--delta", type=float, default=DELTA, help="seconds of audio in an event, at most")
    parser.add_argument("--profile", default=None, help="write cProfile's statistics of the server there")
    Console(highlight=False).print(of_step(run(**vars(parser.parse_args()))))
