"""Voice sessions in one process: how many it holds, what the framework adds to an answer, what a session costs.

The server is a process of its own with providers that answer at once; the load comes from another one (`load`). The
floor for the number of sessions is a bare `websockets` server that echoes the same frames. A server *holds* so many
sessions if the answers to probes (events that are answered at once, the same frames at the echo server) come within
20 ms in 99 of 100 cases, and if no session's audio comes after it should have been heard.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from harness import Row, at_least, percentile, show
from load.trial import Trial, run

LATE = 0.020
"""Seconds."""
HONEST = 0.010
"""Seconds that the load generator may be late in 99 of 100 cases; beyond that the run says nothing of the server."""


def held(trial: Trial) -> bool:
    """Whether the server kept up."""
    seen = trial.seen
    return (
        not seen["errors"]
        and percentile(seen["probes"], 0.99) < LATE
        and seen["gaps"] <= trial.sessions * trial.seconds / 100
    )


def most(kind: str, workload: str, *, start: int, step: int, seconds: float) -> tuple[int, Trial]:
    """Return the most sessions that a server holds, to `step`, and that trial."""
    best: tuple[int, Trial] | None = None
    sessions = start
    while True:
        trial = run(kind, workload, sessions=sessions, seconds=seconds)
        late = percentile(trial.seen["late"], 0.99)
        print(
            f"  {kind} {workload} {sessions}: {trial.cpu / trial.seconds:.0%} CPU, "
            f"probes p99 {1000 * percentile(trial.seen['probes'], 0.99):.1f} ms, {trial.seen['gaps']} gaps, "
            f"generator p99 {1000 * late:.1f} ms late",
            file=sys.stderr,
        )
        if late > HONEST:
            raise RuntimeError(f"the load generator was {1000 * late:.0f} ms late: this machine is too busy to measure")
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
        echo = run("echo", "echo", sessions=2, seconds=0.5, warm_up=0.2)
        duplex = run("troupe", "duplex", sessions=2, seconds=1, warm_up=0.5)
        assert echo.seen["probes"] or echo.seen["audio_out"]
        assert duplex.seen["audio_out"]
        return [Row(what="CPU of a session", value=duplex.cpu_per_session, unit="ms/s")]
    floor, _ = most("echo", "echo", start=400, step=50, seconds=8)
    sessions, duplex = most("troupe", "duplex", start=200, step=25, seconds=12)
    turns = run("troupe", "turns", sessions=100, seconds=40, sentences=3)
    idle = run("troupe", "idle", sessions=100, seconds=10)
    memory = duplex.memory / duplex.sessions / 1024
    return [
        at_least(
            0.5,
            what="full-duplex sessions of a process, 20 ms frames",
            value=sessions,
            unit="",
            floor=floor,
            floor_name="bare websockets echo",
        ),
        Row(what="the same", value=sessions, unit="", goal="≥ 250", met=sessions >= 250),
        Row(what="CPU of such a session, at that number", value=duplex.cpu_per_session, unit="ms/s"),
        milliseconds("end of speech told → first audio, 100 sessions", turns.seen["answers"], 0.5, 1.5),
        milliseconds("end of speech told → first audio, 100 sessions", turns.seen["answers"], 0.99, 8),
        milliseconds("start of speech told → last old audio, 100 sessions", turns.seen["silences"], 0.5, 1),
        milliseconds("start of speech told → last old audio, 100 sessions", turns.seen["silences"], 0.99, 5),
        Row(what="memory of a session", value=memory, unit="KiB", goal="≤ 400 KiB", met=memory <= 400),
        Row(what="wake-ups of 100 idle sessions together", value=idle.switches / idle.seconds, unit="1/s"),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="One trial, to look at.")
    parser.add_argument("kind", choices=["troupe", "echo"])
    parser.add_argument("workload", choices=["duplex", "turns", "idle", "echo"])
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--warm-up", type=float, default=3)
    parser.add_argument("--sentences", type=int, default=20)
    parser.add_argument("--profile", default=None, help="write cProfile's statistics of the server there")
    trial = run(**vars(parser.parse_args()))
    seen = trial.seen
    show(
        f"{trial.sessions} sessions",
        [
            Row(what="CPU of a session", value=trial.cpu_per_session, unit="ms/s"),
            Row(
                what="memory of a session",
                value=trial.memory / 1024 / max(1, trial.sessions),
                unit="KiB",
            ),
            Row(what="wake-ups", value=trial.switches / trial.seconds, unit="1/s"),
            *(Row(what=name, value=seen[name], unit="") for name in ("frames_in", "audio_out", "gaps", "turns")),
            *(
                Row(what=f"{name}, p{share * 100:.0f}", value=1000 * percentile(seen[name], share), unit="ms")
                for name in ("late", "probes", "answers", "silences")
                for share in (0.5, 0.99)
                if seen[name]
            ),
        ],
    )
    print(*seen["errors"][:5], sep="\n")
