import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from troupe.services.bench.results import Distribution, Report, Row, Run, Step, write
from troupe.services.cli import main


def written(path: Path, mean: float, rows: dict[str, list[Row]] | None = None) -> Path:
    values = [mean + 0.001 * (number % 7) for number in range(200)]
    step = Step(
        sessions=20,
        seconds=10.0,
        distributions={"first_audio": Distribution(unit="s", values=values, sessions=[at % 20 for at in range(200)])},
        counts={"errors": 1},
    )
    write(
        path,
        Report.of("load", datetime.now(UTC), runs=[Run(name="ours", workload="turns", steps=[step])], rows=rows or {}),
    )
    return path


def compared(capsys: pytest.CaptureFixture[str], *paths: Path) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["bench", "compare", *map(str, paths)])
    said = capsys.readouterr()
    assert not ended.value.code, said.err
    return said.out


def test_two_reports_are_compared(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    row = Row(what="ask", value=2.0, unit="µs", floor=1.0, floor_name="queue")
    first = written(tmp_path / "a.json", 0.5, {"runtime": [row]})
    second = written(tmp_path / "b.json", 0.6, {"runtime": [row]})
    said = compared(capsys, first, second)
    assert "What differs for certain" in said
    assert re.search(r"first_audio p50, 20 sessions: \S+ to \S+ ms more \(\+20%\)", said)
    assert "errors: 1 → 1" in said
    assert "2.00 → 2.00" in said
    assert "Nothing differs" in compared(capsys, first, first)


def test_what_can_not_be_compared_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    first = written(tmp_path / "a.json", 0.5)
    empty = tmp_path / "b.json"
    write(empty, Report.of("load", datetime.now(UTC)))
    for other, reason in ((empty, "nothing in common"), (tmp_path / "nonesuch.json", "No such file")):
        with pytest.raises(SystemExit) as ended:
            main(["bench", "compare", str(first), str(other)])
        assert ended.value.code == 1
        assert reason in capsys.readouterr().err
