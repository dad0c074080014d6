from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from troupe.services.bench.results import (
    Distribution,
    Report,
    ResultsError,
    Row,
    Run,
    Step,
    Turn,
    Usage,
    read,
    write,
)


def usage(at: float, cpu: float, memory: int) -> Usage:
    return Usage(at=at, cpu=cpu, memory=memory, threads=4, descriptors=20, switches=100)


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    step = Step(
        sessions=2,
        seconds=10.0,
        distributions={"first_audio": Distribution(unit="s", values=[0.25, 0.5], sessions=[0, 1])},
        counts={"turns": 2},
        usage=[usage(0.0, 1.0, 10_000)],
        turns=[Turn(session=0, speech=1.5, audio=0.25)],
    )
    report = Report.of(
        "load",
        datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=1))),
        runs=[Run(name="troupe", workload="turns", steps=[step], knee=2)],
        rows={"sessions": [Row(what="sessions", value=2.0, unit="")]},
    )
    path = tmp_path / "new" / "report.json"
    write(path, report)
    assert read(path) == report
    assert read(path).started == datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)


def test_numbers_keep_six_digits(tmp_path: Path) -> None:
    values = [1234.56789, 0.000123456789]
    step = Step(sessions=1, seconds=1.0, distributions={"a": Distribution(unit="s", values=values)})
    write(tmp_path / "a.json", Report.of("load", datetime.now(UTC), runs=[Run(name="", workload="", steps=[step])]))
    (run,) = read(tmp_path / "a.json").runs
    assert run.steps[0].distributions["a"].values == [1234.57, 0.000123457]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "No such file"),
        (b"", "is no report"),
        (b"[]", "is no report"),
        (b'{"format": 1}', "is no report"),
        (b'{"format": 99}', "is of format 99"),
    ],
)
def test_what_is_no_report_is_refused(content: bytes | None, told: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ResultsError, match=told):
        read(path)


@pytest.mark.parametrize(
    ("samples", "before", "cpu", "memory"),
    [
        ([], None, None, None),
        ([usage(0.0, 5.0, 900)], 100, None, 200.0),
        ([usage(1.0, 5.0, 900), usage(3.0, 6.0, 1100)], 100, 0.5, 250.0),
        ([usage(1.0, 5.0, 900), usage(3.0, 6.0, 1100)], None, 0.5, None),
    ],
)
def test_what_a_step_used(samples: list[Usage], before: int | None, cpu: float | None, memory: float | None) -> None:
    step = Step(sessions=4, seconds=2.0, usage=samples, memory_before=before)
    assert step.cpu == cpu
    assert step.cpu_per_session == (None if cpu is None else cpu / 4)
    assert step.memory_per_session == memory
