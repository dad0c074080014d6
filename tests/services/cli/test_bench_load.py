"""``troupe bench load`` as a user runs it, against ``troupe serve`` with what is embedded."""

import json
import os
import re
import subprocess
import sys
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from troupe.services.bench.speech import vowels
from troupe.services.cli import main
from troupe.services.cli.bench_load import SPOILED

pytestmark = pytest.mark.real_time

COMMAND = [sys.executable, "-m", "troupe.services.cli"]


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    return {**kept, "TROUPE_MODELS": str(folder), "COLUMNS": "120"}


@contextmanager
def server(folder: Path) -> Iterator[str]:
    command = [*COMMAND, "serve", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment(folder), cwd=folder) as process:
        assert process.stderr is not None
        try:
            address = None
            while address is None:
                line = process.stderr.readline()
                assert line
                address = re.search(r"ws://\S+", line)
            yield address[0]
        finally:
            process.kill()


def bench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "bench", "load", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
        env={**environment(folder), "TROUPE_API_KEY": "a secret"},
    )


def recording(folder: Path) -> str:
    """Write something that is taken for speech."""
    path = folder / "speech.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(vowels(0.8).tobytes())
    return str(path)


@pytest.mark.timeout(180)  # a second server's worth of imports, and as long again if the first load was late
def test_a_server_is_measured(tmp_path: Path) -> None:
    written = tmp_path / "load.json"
    talking = ["--sessions", "2", "--seconds", "2", "--warm-up", "0", "--pause", "1", "--silence", "0.3"]
    with server(tmp_path) as address:
        ended = bench(
            tmp_path, address, *talking, "--speak", recording(tmp_path), "--name", "ours", "--json", str(written)
        )
    if ended.returncode == SPOILED:  # on a machine as busy as this one is, it does not publish
        assert "late" in ended.stderr
        assert not written.exists()
        return
    assert ended.returncode == 0, ended.stderr
    assert "2 sessions" in ended.stdout
    report = json.loads(written.read_text())
    (run,) = report["runs"]
    assert (report["kind"], run["name"], run["workload"]) == ("load", "ours", "turns")
    assert run["steps"][0]["counts"]["turns"] >= 2
    assert "a secret" not in written.read_text() + ended.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["127.0.0.1:1", "--sessions", "1"], 1, "127.0.0.1:1"),
        (["ftp://nowhere"], 2, "is no address"),
        (["--level", "fast"], 2, "is no condition"),
        (["--ramp", "--sessions", "5", "--most", "3"], 2, "ramp"),
        (["--speak", "/nonesuch.wav"], 1, "nonesuch"),
    ],
)
def test_what_does_not_work_is_told_in_a_sentence(
    arguments: list[str], status: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", "load", "--speak", recording(tmp_path), *arguments])
    assert ended.value.code == status
    assert told in capsys.readouterr().err
