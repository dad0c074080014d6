"""`troupe service` as a user runs it, with the real engine."""

import json
import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from containers import IMAGE, PYTHON, STAND_IN, need_engine
from rich.console import Console
from troupe.services.cli import main
from troupe.services.cli.service_table import table
from troupe.services.docker.status import Place, State, Status

pytestmark = pytest.mark.real_time


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("TROUPE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path / "here"


def troupe(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = 0
    try:
        main(["service", *arguments])
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 0
    said = capfd.readouterr()
    return status, said.out, said.err


def test_what_new_writes_runs_and_can_be_looked_at(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    need_engine()
    status, out, _ = troupe(capfd, "new", "greeter")
    assert status == 0
    assert "Now: troupe service up greeter" in out
    manifest = folder / "greeter" / "troupe.service.yml"
    manifest.write_text(manifest.read_text().replace("python:3.13-slim", IMAGE))  # no registry in a test
    status, out, err = troupe(capfd, "up", "greeter", "--detach")
    assert status == 0, err
    assert re.search(r"^greeter: healthy http://127\.0\.0\.1:\d+$", out, re.MULTILINE)
    _, out, _ = troupe(capfd, "status")
    assert re.search(r"^greeter +up .* of 256\.0 MiB +detached", out, re.MULTILINE)
    assert "1 running" in troupe(capfd, "list")[1]
    assert "listens on port 8000" in troupe(capfd, "logs", "greeter")[1]
    greet = "import os, sys; print(os.environ['GREETING']); sys.exit(4)"
    assert troupe(capfd, "exec", "greeter", "--", "python3", "-c", greet)[:2] == (4, "hello\n")
    assert troupe(capfd, "down", "greeter")[0] == 0
    assert troupe(capfd, "status")[1] == "No services run.\n"
    assert troupe(capfd, "down", "greeter") == (1, "", "troupe: greeter does not run\n")


def written(folder: Path, **changes: object) -> str:
    described = {
        "name": "stand-in",
        "image": IMAGE,
        "command": [*PYTHON, STAND_IN],
        "ports": {"http": 8000},
        "health": {"http": "/health"},
        "requirements": {"memory": "96m"},
        **changes,
    }
    (folder / "troupe.service.yml").write_text(json.dumps(described))
    return str(folder)


def test_up_ends_when_somebody_says_down(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    need_engine()
    name = written(folder)
    command = [sys.executable, "-m", "troupe.services.cli", "service", "up", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        try:
            said = ""
            while "healthy http" not in said:
                line = process.stdout.readline()
                assert line, said
                said += line
            assert f"process {process.pid} (troupe service up)" in troupe(capfd, "status")[1]
            assert troupe(capfd, "down", name)[0] == 0
            rest, _ = process.communicate(timeout=50)
            assert process.returncode == 0
            assert "stand-in: stopped" in rest
        finally:
            process.kill()
    assert troupe(capfd, "status")[1] == "No services run.\n"


def test_what_does_not_start_says_why(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    need_engine()
    status, _, err = troupe(capfd, "up", written(folder, environment={"EXIT": "3"}))
    assert status == 1
    what, *lines = err.splitlines()
    assert what == "troupe: stand-in ended with exit code 3"
    assert sorted(lines) == ["  begins", "  it can't begin"]  # of two streams, which the engine keeps in no order
    status, _, err = troupe(capfd, "up", written(folder, volumes=[{"path": "/x", "folder": "/etc"}]))
    assert status == 1
    assert 'allow = ["mount:/etc"]' in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("up",), "name at least one service"),
        (("up", "nothing-here"), "no troupe.service.yml in nothing-here"),
        (("up", "whisper", "--allow", "all"), "'all' is no permission"),
        (("exec", "whisper"), "say which command"),
        (("new", "Not A Name"), "name: expected str matching regex"),
    ],
)
def test_what_makes_no_sense_is_said(capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str) -> None:
    status, _, err = troupe(capfd, *arguments)
    assert status == 2
    assert words in err


def test_without_an_engine(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    status, _, err = troupe(capfd, "status")
    assert status == 1
    assert "there is no Docker Engine at" in err
    assert "whisper" in troupe(capfd, "list")[1]
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere:2375")
    assert troupe(capfd, "status")[0] == 2


def test_table() -> None:
    console = Console(width=120, file=StringIO())
    at = {"http": Place("127.0.0.1", 80)}
    well = Status(service="a", replica=1, state=State.HEALTHY, places=at, starts=2)
    fetched = Status(service="b", replica=0, state=State.PULLING, done=0.5, remark="b:1")
    console.print(table([well, fetched]))
    shown = console.file.getvalue()
    assert re.search(r"a 1 +healthy +http: http://127\.0\.0\.1:80 +2", shown)
    assert re.search(r"b +pulling .*━+.* b:1", shown)
