"""``troupe bench peers`` as a user runs it, with what needs no environment of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from troupe.services.bench.results import read
from troupe.services.cli import main

pytestmark = pytest.mark.real_time


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="comparing servers takes two processors")
def test_a_floor_is_measured_and_written_down(tmp_path: Path) -> None:
    written = tmp_path / "peers.json"
    command = [sys.executable, "-m", "troupe.services.cli", "bench", "peers", "websockets", "--quick"]
    ended = subprocess.run(
        [*command, "--cache", str(tmp_path / "cache"), "--json", str(written), "--html", str(tmp_path / "page.html")],
        capture_output=True,
        text=True,
        check=False,
        timeout=55,
        env={**os.environ, "COLUMNS": "140"},
    )
    assert ended.returncode == 0, ended.stderr
    assert "floor: websockets echo" in ended.stdout
    assert "HF speech-to-speech does not run without weights" in ended.stdout
    assert "Goals" not in ended.stdout, "there is nothing to compare with"
    report = read(written)
    (run,) = report.runs
    assert (report.kind, run.workload, run.knee) == ("peers", "echo", None)
    assert run.version
    if run.steps:  # on a machine as busy as this one is, a load says nothing of its server
        assert run.steps[0].counts["frames"] > 100
        assert run.steps[0].counts["audio_ms"] > 1000
        assert run.steps[0].cpu is not None
    else:
        assert "late" in run.remarks[-1]
    assert "floor: websockets echo" in (tmp_path / "page.html").read_text()
    assert not (tmp_path / "cache").exists(), "a floor is of our own environment"


def test_who_is_not_known_is_told_who_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", "peers", "pipcat"])
    assert ended.value.code == 2
    assert "there is no peer pipcat" in capsys.readouterr().err


def test_an_installed_package_says_what_it_lacks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("troupe.services.cli.bench_peers.checkout", lambda: None)
    with pytest.raises(SystemExit) as ended:
        main(["bench", "peers"])
    assert ended.value.code == 2
    assert "checkout" in capsys.readouterr().err
