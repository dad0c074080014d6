"""The parent of workers, with workers that serve nothing: who starts again and when, and who gets a connection."""

import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.real_time

WORKSHOP = Path(__file__).parents[2] / "support" / "workshop.py"


@contextmanager
def parent(work: str, workers: int) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, str(WORKSHOP), work, str(workers)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_workers_that_can_not_start_are_not_tried_again() -> None:
    with parent("never_start", 2) as process:
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert errors.count("RuntimeError: there is no model") <= 2
    assert "could not start" in errors


def test_workers_that_keep_dying_start_again_at_longer_and_longer_intervals() -> None:
    with parent("die_young", 1) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(5)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    delays = [float(re.search(r"ended with status 3; another starts in ([\d.]+) s", line)[1]) for line in lines]  # type: ignore[index]
    assert delays == sorted(delays)
    assert delays[0] == 0
    assert delays[-1] >= 0.4


def test_each_connection_goes_to_the_worker_with_the_fewest() -> None:
    with parent("answer_by_hand", 4) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        answers: Counter[str] = Counter()
        for _ in range(40):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                answers[connection.recv(100).decode()] += 1
        assert sorted(answers.values()) == [10, 10, 10, 10]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
