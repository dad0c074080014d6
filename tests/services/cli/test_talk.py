"""``troupe talk`` and ``troupe status``, as a user runs them: in a terminal and in a pipe."""

import os
import pty
import re
import subprocess
import sys
import wave
from collections.abc import Generator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from anyio.from_thread import start_blocking_portal
from conversations import Script, scripted_system
from servers import serving
from troupe.actors.secret import Secret
from troupe.services.gateway.access import Access
from troupe.services.gateway.app import Gateway

pytestmark = pytest.mark.real_time

COMMAND = [sys.executable, "-m", "troupe.services.cli"]


@pytest.fixture(scope="module")
def address() -> Generator[str]:
    gateway = Gateway(Access((Secret("right"),)), system=partial(scripted_system, Script(), 5.0))
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serving(gateway.application())) as served,
    ):
        yield served


def troupe(*arguments: str, typed: str = "", key: str = "right") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TROUPE_API_KEY": key, "COLUMNS": "200"}
    return subprocess.run(
        [*COMMAND, *arguments],
        input=typed,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
        env=environment,
    )


def test_lines_from_a_pipe_are_answered_one_after_the_other(address: str) -> None:
    ended = troupe("talk", address, "--text", typed="hello\n\nand again\n")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("One two three. Four five six.") == 2
    assert ended.stdout.count("first words") == 2


def test_a_recording_is_said_and_its_answer_kept(address: str, tmp_path: Path) -> None:
    question, answer = tmp_path / "question.wav", tmp_path / "answer.wav"
    with wave.open(str(question), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes(np.full(12_000, 8000, np.int16).tobytes())
    ended = troupe("talk", f"ws://{address}", "--file", str(question), "--out", str(answer))
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"you +hello there", ended.stdout)
    assert "first audio" in ended.stdout
    with wave.open(str(answer)) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(1.5, abs=0.05)


def test_in_a_terminal_one_is_asked_for_a_line(address: str) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TROUPE_API_KEY": "right", "TERM": "xterm-256color"}
    process = subprocess.Popen([*COMMAND, "talk", address, "--text"], stdin=theirs, stdout=theirs, env=environment)
    os.close(theirs)
    shown = b""
    try:
        while b"you  " not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, b"hello\n")
        while b"first words" not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, b"\x04")  # the end of input
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert b"\x1b[" in shown, "a terminal gets colours"
    assert b"One two three." in shown


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["talk", "127.0.0.1:1", "--text"], "can't be reached"),
        (["talk", "ftp://nowhere", "--text"], "is no address"),
        (["talk", "--file", "/nonesuch.wav"], "No such file"),
        (["status", "127.0.0.1:1"], "can't be reached"),
    ],
)
def test_what_does_not_work_is_told_in_a_sentence(arguments: list[str], told: str) -> None:
    ended = troupe(*arguments)
    assert ended.returncode == 1
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_wrong_key_is_told(address: str) -> None:
    for command in (["talk", address, "--text"], ["status", address]):
        ended = troupe(*command, key="wrong")
        assert ended.returncode == 1
        assert "TROUPE_API_KEY" in ended.stderr
        assert "wrong" not in ended.stderr


def test_the_status_shows_the_actors(address: str) -> None:
    ended = troupe("status", address)
    assert ended.returncode == 0, ended.stderr
    assert "sessions: 0 open" in ended.stdout
    assert "running" in ended.stdout
