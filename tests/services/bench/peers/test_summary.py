"""Costs and goals are reckoned from what was measured, and nothing is made up where nothing was."""

from io import StringIO

import pytest
from rich.console import Console
from troupe.services.bench.peers.comparison import Outcome
from troupe.services.bench.peers.summary import Cost, cost, frame_cost, goals, goals_table, quantities, table
from troupe.services.bench.results import Distribution, Run, Step, Usage


def usage(at: float, cpu: float) -> Usage:
    return Usage(at=at, cpu=cpu, memory=10**8, threads=1, descriptors=9, switches=0)


def step(sessions: int, *, cpu: float, answers: tuple[float, ...] = ()) -> Step:
    """Ten seconds: 50 frames a second in, and half as much audio out."""
    return Step(
        sessions=sessions,
        seconds=10.0,
        counts={"frames": 500 * sessions, "audio_ms": 5000 * sessions},
        usage=[usage(0.0, 1.0), usage(10.0, 1.0 + 10 * cpu)],
        distributions={
            "first_audio": Distribution(unit="s", values=list(answers)),
            "barge_in": Distribution(unit="s", values=[0.1, 0.2, 0.3]),
        },
    )


def outcome(knee: int | None, few: Step | None, most: Step | None = None, memory: float | None = None) -> Outcome:
    run = Run(name="one", workload="turns", knee=knee, steps=[each for each in (few, most) if each])
    return Outcome(run, few, most, memory)


def test_costs_are_those_of_the_fullest_server_and_latency_that_of_the_emptiest() -> None:
    few, most = step(6, cpu=0.12, answers=(0.35, 0.36, 0.39)), step(60, cpu=0.6)
    told = cost("one", outcome(60, few, most, 2048.0))
    assert told.frame == pytest.approx(0.6 / 60 / 75)
    assert told.frame_few == pytest.approx(0.12 / 6 / 75)
    assert told.answer == pytest.approx(0.06), "less the 0.3 s of silence that everyone waits for"
    assert (told.barge_in, told.barge_in_p95) == (0.2, 0.3)
    assert (told.sessions, told.memory) == (60, 2048.0)


def test_nothing_is_made_up() -> None:
    told = cost("one", outcome(None, None))
    assert told == Cost(
        title="one",
        sessions=None,
        frame=None,
        frame_few=None,
        memory=None,
        answer=None,
        barge_in=None,
        barge_in_p95=None,
    )
    assert frame_cost(Step(sessions=1, seconds=1.0)) is None
    assert list(goals({"troupe": told, "pipecat": told})) == []
    assert list(goals({})) == []


def test_goals_are_met_or_not_and_shown_either_way() -> None:
    ours = cost("Troupe", outcome(100, step(6, cpu=0.03), step(100, cpu=0.5), 400 * 1024.0))
    theirs = cost("Pipecat, usual", outcome(10, step(6, cpu=0.5), step(10, cpu=0.8), 1024 * 1024.0))
    rows = {row.what: row for row in goals({"troupe": ours, "pipecat": theirs})}
    assert {what: row.met for what, row in rows.items()} == {
        "sessions of one processor": True,
        "CPU for 20 ms of audio, in or out": True,
        "memory of a session": False,
    }
    assert rows["sessions of one processor"].ratio == 10
    assert rows["memory of a session"].floor == pytest.approx(1024)
    told = quantities({"troupe": ours, "pipecat": theirs})
    assert [row.value for row in told["Sessions held by one processor"]] == [100, 10]
    assert "End of speech to first audio, less the silence that ends a turn, p50" not in told
    console = Console(width=140, record=True, file=StringIO())
    console.print(table({"troupe": ours, "pipecat": theirs}), goals_table(rows.values()))
    shown = console.export_text()
    assert "falls short" in shown
    assert "Pipecat, usual" in shown
