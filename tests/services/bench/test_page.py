"""Pages and tables, of reports that were made up."""

import random
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from io import StringIO

import pytest
from rich.console import Console
from rich.progress import Progress as Bars
from troupe.services.bench.crew import Situation
from troupe.services.bench.figures import typical
from troupe.services.bench.level import parse
from troupe.services.bench.page import page
from troupe.services.bench.results import Distribution, Report, Row, Run, Step, Turn, Usage
from troupe.services.bench.table import broken, milliseconds, of_report, show, situation
from troupe.services.bench.worker import Progress


def step(sessions: int, *, held: bool | None = None, seen: bool = True) -> Step:
    chance = random.Random(sessions)
    of = [number % sessions for number in range(60)]
    return Step(
        sessions=sessions,
        seconds=30.0,
        distributions={
            name: Distribution(unit="s", values=[chance.gauss(middle, middle / 9) for _ in of], sessions=of)
            for name, middle in (("first_audio", 0.6), ("endpoint", 0.5), ("barge_in", 0.1), ("probe", 0.002))
        },
        counts={"turns": 60, "errors": 2, "bytes_in": 3_000_000},
        errors={"<overload>": 2},
        memory_before=50 * 2**20 if seen else None,
        usage=[
            Usage(at=float(at), cpu=0.1 * at, memory=60 * 2**20 + at, threads=4, descriptors=20, switches=at)
            for at in range(5 if seen else 0)
        ],
        turns=[Turn(session=0, speech=1.5, stopped=0.5, audio=0.1 * number, heard=3.0) for number in (9, 6, 5)],
        held=held,
    )


def report(*runs: Run, **members: object) -> Report:
    return Report.of("load", datetime(2026, 1, 2, 3, 4, tzinfo=UTC), runs=list(runs), **members)


RUNS = {
    "one step": [Run(name="ours", workload="turns", steps=[step(5)])],
    "a server elsewhere": [Run(name="ours", workload="turns", steps=[step(5, seen=False)])],
    "a ramp": [
        Run(
            name="ours",
            workload="turns",
            steps=[step(5, held=True), step(10, held=True), step(20, held=False)],
            level="first_audio p95 < 800ms, errors = 0",
            knee=10,
        )
    ],
    "beside another": [
        Run(name=name, workload="turns", version="1.0", steps=[step(5), step(10)], remarks=["It can't <sing>."])
        for name in ("ours", "theirs")
    ],
    "nothing held": [
        Run(name="ours", workload="turns", steps=[step(1, held=False)], level="first_audio p95 < 1ms", knee=0)
    ],
    "a step that could not be begun": [
        Run(name="ours", workload="turns", steps=[step(5), Step(sessions=10, seconds=0.0, counts={"errors": 1})])
    ],
    "nothing at all": [Run(name="ours", workload="turns")],
}


class Balanced(HTMLParser):
    """Sees that each element ends."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("runs", RUNS.values(), ids=RUNS.keys())
def test_a_page_needs_nothing_else(runs: list[Run]) -> None:
    html = page(report(*runs))
    parser = Balanced()
    parser.feed(html.removeprefix("<!doctype html>"))
    assert parser.open == []
    assert not re.search(r"(src|href)=|url\(|@import|<script", html)
    assert "prefers-color-scheme: dark" in html
    assert "nan" not in re.findall(r">([^<]*)<", html)
    assert "<sing>" not in html
    assert "<overload>" not in html


@pytest.mark.parametrize(
    ("runs", "shown"),
    [
        ("one step", ["One turn", "Barge-in", "CPU of the server", "5 sessions"]),
        (
            "a ramp",
            ["sessions hold the service level", "First audio, by sessions", "Memory of a session", "errors = 0"],
        ),
        ("beside another", ["Beside one another", "First audio, p95", "ours", "theirs", "It can&#x27;t"]),
    ],
)
def test_a_page_shows(runs: str, shown: list[str]) -> None:
    html = page(report(*RUNS[runs]))
    assert [text for text in shown if text not in html] == []


def test_rows_are_tables() -> None:
    rows = [
        Row(what="ask", value=14.0, unit="µs", floor=7.0, floor_name="queue", goal="≤ 1 x", met=False),
        Row(what="tell", value=2.0, unit="µs"),
    ]
    html = page(report(rows={"runtime": rows}, title="Parts", interrupted=True))
    assert "<h1>Parts</h1>" in html
    assert "7 (queue)" in html
    assert "falls short" in html
    assert "ended before its time" in html


def test_the_typical_turn_is_the_middle_one() -> None:
    turn = typical(step(5))
    assert turn is not None
    assert turn.audio == pytest.approx(0.6)
    assert typical(Step(sessions=1, seconds=1.0, turns=[Turn(session=0, speech=1.0)])) is None


@pytest.mark.parametrize("runs", RUNS.values(), ids=RUNS.keys())
def test_a_report_in_a_terminal(runs: list[Run]) -> None:
    screen = StringIO()
    show(Console(file=screen, width=100), of_report(report(*runs, interrupted=True)))
    text = screen.getvalue()
    assert "Ended before its time" in text
    if any(run.knee for run in runs):
        assert "It holds 10 sessions." in text
        assert "10 sessions, 30 s" in text, "the knee in detail"
    if any(each.counts.get("bytes_in") for run in runs for each in run.steps):
        assert "3.0 MB received" in text
        assert "2 x <overload>" in text


def test_what_was_broken_is_said() -> None:
    level = parse("first_audio p95 < 1ms, transcript p50 < 1s, errors < 50%")
    told = broken(level, step(5))
    assert re.fullmatch(r"first_audio p95 < 1ms: 0\.\d+; transcript p50 < 1s: not measured", told)


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (0.0, "0.0 ms"), (0.01234, "12.3 ms"), (1.5, "1,500 ms"), (-0.2, "-200 ms")]
)
def test_times_are_readable(seconds: float | None, text: str) -> None:
    assert milliseconds(seconds) == text


def test_how_it_goes_is_shown() -> None:
    screen = StringIO()
    console = Console(file=screen, width=140)
    now = Situation(10, opened=4)
    console.print(situation(now, Bars(console=console)))
    now.progress = Progress(turns=7, errors=1, disconnects=1, late=0.001, first_audio=0.5, probe=0.002)
    now.usage = step(5).usage
    console.print(situation(now, Bars(console=console)))
    text = screen.getvalue()
    for part in ("4 of 10", "7 turns", "500 ms", "2.0 ms", "10% CPU, 60 MiB", "2 errors", "1.0 ms late"):
        assert part in text
