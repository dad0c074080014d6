"""A tree as a program: real processes, real signals, exit codes."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAM = """
import sys
from contextlib import asynccontextmanager
from anyio import move_on_after, sleep
from troupe.runtime import Actor, Restart, child, run

backend, cleanup, how = sys.argv[1], float(sys.argv[2]), sys.argv[3]

class Worker(Actor):
    def __init__(self):
        if how == "does not start":
            raise ValueError

    @asynccontextmanager
    async def lifespan(self):
        if how == "gives up":
            self.crash_soon = True
        try:
            yield
        finally:
            with move_on_after(10, shield=True):
                await sleep(cleanup)
            print("closed", flush=True)

async def ready(system):
    print("ready", flush=True)
    if how == "gives up":
        system.ref("worker").cell.incarnation.crash(ValueError())
    if how == "ends":
        system.ref("worker").cell.incarnation.stop_normally()

if __name__ == "__main__":
    restart = Restart.TEMPORARY if how == "ends" else Restart.PERMANENT
    significant = how == "ends"
    from troupe.runtime import AutoShutdown, supervisor
    tree = supervisor("root", child(Worker, name="worker", restart=restart, significant=significant),
                      intensity=0, auto_shutdown=AutoShutdown.ANY_SIGNIFICANT if significant else AutoShutdown.NEVER)
    sys.exit(run(tree, backend=backend, on_ready=ready))
"""

pytestmark = [pytest.mark.real_time, pytest.mark.parametrize("backend", ["asyncio", "trio"])]


class Program:
    def __init__(self, script: Path, *arguments: str) -> None:
        script.write_text(PROGRAM)
        command = [sys.executable, str(script), *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> tuple[int, str, str]:
        out, error = self.process.communicate(timeout=20)
        return self.process.returncode, out.strip(), error


@pytest.fixture
def start(tmp_path: Path) -> Iterator[type[Program]]:
    started: list[Program] = []

    def begin(*arguments: str) -> Program:
        started.append(Program(tmp_path / "program.py", *arguments))
        return started[-1]

    yield begin  # type: ignore[misc]
    for program in started:
        program.process.kill()
        program.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_drains(start: type[Program], backend: str, number: signal.Signals) -> None:
    program = start(backend, "0.1", "")
    assert program.line() == "ready"
    program.process.send_signal(number)
    assert program.end()[:2] == (0, "closed")


def test_the_second_signal_stops_now(start: type[Program], backend: str) -> None:
    program = start(backend, "1", "")
    assert program.line() == "ready"
    program.process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        program.process.wait(0.2)
    program.process.send_signal(signal.SIGTERM)
    assert program.end()[0] == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("how", "code", "says"),
    [("does not start", 1, "did not start"), ("gives up", 1, "gives up"), ("ends", 0, "")],
)
def test_the_exit_code_says_how_it_went(start: type[Program], backend: str, how: str, code: int, says: str) -> None:
    returned, _, error = start(backend, "0", how).end()
    assert returned == code
    assert says in error
