from datetime import UTC, datetime
from pathlib import Path

import pytest
from troupe.services.bench.results import Report, Row, write
from troupe.services.cli import main


def test_a_report_becomes_a_page(tmp_path: Path) -> None:
    rows = {"runtime": [Row(what="ask", value=2.0, unit="µs")]}
    write(tmp_path / "a.json", Report.of("micro", datetime.now(UTC), rows=rows))
    with pytest.raises(SystemExit) as ended:
        main(["bench", "page", str(tmp_path / "a.json"), str(tmp_path / "a.html")])
    assert not ended.value.code
    assert "2 µs" in (tmp_path / "a.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("report", "out", "told"), [("none.json", "a.html", "none.json"), ("a.json", "no/a.html", "no/a")]
)
def test_what_does_not_work_is_told(
    report: str, out: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "a.json", Report.of("micro", datetime.now(UTC)))
    with pytest.raises(SystemExit) as ended:
        main(["bench", "page", str(tmp_path / report), str(tmp_path / out)])
    assert ended.value.code == 1
    assert told in capsys.readouterr().err.replace("\n", "")
