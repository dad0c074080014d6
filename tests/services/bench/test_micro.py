"""The runner and its history, with a folder of benchmarks that measures nothing."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from troupe.services.bench import checkout
from troupe.services.bench.micro import MicroFailed, default_history, measure, past
from troupe.services.bench.results import Report, ResultsError, Row, write

RUN = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from troupe.services.bench.results import Report, Row, write

if "broken" in sys.argv:
    sys.exit(1)
row = Row(what=" ".join(sys.argv[1:-2]), value=1.0, unit="s")
write(Path(sys.argv[-2 if "--quick" in sys.argv else -1]), Report.of("micro", datetime.now(UTC), rows={"a": [row]}))
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "run.py").write_text(RUN)
    monkeypatch.setattr(checkout, "_ROOT", tmp_path)
    return tmp_path


def test_what_was_measured_is_kept(root: Path) -> None:
    report = measure(["one", "two"], default_history(), quick=False)
    assert report is not None
    assert [row.what for row in report.rows["a"]] == ["one two"]
    assert past(root / ".troupe" / "bench") == [report]


def test_a_quick_run_is_not_kept(root: Path) -> None:
    assert measure([], default_history(), quick=True) is None
    assert past(default_history()) == []


def test_a_benchmark_that_fails_is_told(root: Path) -> None:
    with pytest.raises(MicroFailed, match="has failed"):
        measure(["broken"], default_history(), quick=False)


def test_without_a_checkout_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkout, "_ROOT", tmp_path)
    with pytest.raises(MicroFailed, match="clone the repository"):
        default_history()


def test_the_past_is_in_order(tmp_path: Path) -> None:
    for day in (3, 1, 2):
        row = Row(what="a", value=float(day), unit="s")
        write(tmp_path / f"{9 - day}.json", Report.of("micro", datetime(2026, 1, day, tzinfo=UTC), rows={"a": [row]}))
    assert [report.rows["a"][0].value for report in past(tmp_path)] == [1, 2, 3]
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(ResultsError, match="broken"):
        past(tmp_path)
