import random
from datetime import UTC, datetime

import msgspec
import pytest
from troupe.services.bench.compare import pairs, remarks, rows, told
from troupe.services.bench.results import Distribution, Report, Row, Run, Step, Usage


def step(sessions: int, mean: float, *, seed: int, cpu: float = 0.1) -> Step:
    chance = random.Random(seed)
    values = [chance.gauss(mean, 0.05) for _ in range(40 * sessions)]
    return Step(
        sessions=sessions,
        seconds=10.0,
        distributions={
            "first_audio": Distribution(unit="s", values=values, sessions=[at % sessions for at in range(len(values))]),
            "lateness": Distribution(unit="s", values=[0.001]),
        },
        counts={"errors": sessions},
        memory_before=0,
        usage=[
            Usage(at=float(at), cpu=cpu * at, memory=1024 * sessions, threads=1, descriptors=1, switches=1)
            for at in range(6)
        ],
    )


def report(*runs: Run) -> Report:
    return Report.of("load", datetime.now(UTC), runs=list(runs))


def run(name: str, *steps: Step, knee: int | None = None) -> Run:
    return Run(name=name, workload="turns", steps=list(steps), knee=knee)


def test_what_differs_is_told_and_what_does_not_is_not() -> None:
    before = report(run("ours", step(10, 0.6, seed=1), step(20, 0.6, seed=2), knee=20))
    after = report(run("ours", step(10, 0.5, seed=3), step(20, 0.6, seed=7), step(40, 0.9, seed=5), knee=30))
    (pair,) = pairs(before, after)
    assert {(change.sessions, change.name) for change in pair.changes} == {
        (sessions, name) for sessions in (10, 20) for name in ("first_audio", "cpu")
    }
    sentences = [told(change) for change in pair.changes if change.name == "first_audio"]
    assert sentences[0].startswith("first_audio p50, 10 sessions: ")
    assert "less (-1" in sentences[0]
    assert "less" in sentences[1]
    assert sentences[2:] == [
        f"first_audio p{share}, 20 sessions: no difference that these runs could tell" for share in (50, 95)
    ]
    assert pair.knees == (20, 30)
    assert pair.counts == {"errors": (30, 70)}
    assert pair.memory == [(10, 1024, 1024), (20, 1024, 1024)]


def test_the_cost_of_a_session_is_compared_second_by_second() -> None:
    before, after = (report(run("ours", step(10, 0.6, seed=1, cpu=cpu))) for cpu in (0.1, 0.2))
    (pair,) = pairs(before, after)
    change = next(change for change in pair.changes if change.name == "cpu")
    assert (change.before, change.after) == pytest.approx((0.01, 0.02))
    assert change.by.is_certain
    assert "10 to 10 ms more (+100%)" in told(change)


def test_runs_are_paired_by_name_unless_there_is_one_each() -> None:
    one, other = run("ours", step(5, 0.6, seed=1)), run("theirs", step(5, 0.6, seed=2))
    assert [pair.name for pair in pairs(report(one), report(other))] == ["ours → theirs"]
    assert [pair.name for pair in pairs(report(one, other), report(other))] == ["theirs"]
    assert list(pairs(report(one, other), report())) == []


def test_rows_are_compared_by_their_words() -> None:
    def table(value: float, unit: str = "µs") -> Report:
        return Report.of("micro", datetime.now(UTC), rows={"a": [Row(what="ask", value=value, unit=unit)]})

    (change,) = rows(table(2.0), table(3.0))
    assert (change.table, change.before.value, change.after.value) == ("a", 2.0, 3.0)
    assert list(rows(table(2.0), table(3.0, "ms"))) == []


def test_doubts_are_told() -> None:
    calm = report()
    calm = msgspec.structs.replace(calm, machine=msgspec.structs.replace(calm.machine, load=0.0))
    assert list(remarks(calm, calm)) == []
    busy = msgspec.structs.replace(calm.machine, cpus=calm.machine.cpus + 2, load=99.0)
    doubts = list(remarks(calm, msgspec.structs.replace(calm, machine=busy, interrupted=True)))
    assert ["different machines" in doubts[0], "second run" in doubts[1], "ended" in doubts[2]] == [True, True, True]
