"""The demonstration in the terminal, as a user runs it."""

import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.real_time


def troupe(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "troupe.services.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=40, check=False, **options)  # type: ignore[call-overload]


def test_it_crashes_heals_and_ends_by_itself() -> None:
    ended = troupe("demo", "--seconds", "3", "--seed", "1")
    assert ended.returncode == 0, ended.stderr
    assert "├─ providers  (rest_for_one)  running" in ended.stdout
    assert re.search(r"restarted \dx", ended.stdout)
    told = re.search(r"(\d+) calls answered, (\d+) told", ended.stdout)
    assert told is not None
    assert int(told[1]) > 100
    assert int(told[2]) > 0


def test_help_says_what_there_is() -> None:
    text = troupe("--help").stdout
    for command in ("demo", "models", "serve"):
        assert command in text
