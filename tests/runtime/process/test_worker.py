"""Workers of whole programs: the program's main module, its output, and its sudden end."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = """
import os
import anyio
from troupe.runtime import Actor, Request, child, open_system
from troupe.runtime.process import Process

class Oops(Exception):
    pass

class Where(Request[tuple[int, str]], frozen=True):
    pass

class Fail(Request[None], frozen=True):
    pass

class Greeter(Actor):
    def __init__(self, name: str) -> None:
        print("built", name, flush=True)

    async def where(self, request: Where) -> tuple[int, str]:
        return os.getpid(), type(self).__module__

    async def fail(self, request: Fail) -> None:
        raise Oops("on purpose")

async def main():
    async with open_system(child(Greeter, "Ada", name="greeter", host=Process())) as system:
        ref = system.ref("greeter")
        print(*await ref.ask(Where()), flush=True)
        try:
            await ref.ask(Fail())
        except Oops as error:
            print("caught", error, flush=True)
        {then}

{guard}anyio.run(main)
"""
GUARD = 'if __name__ == "__main__": '


def program(folder: Path, then: str = "pass", guard: str = GUARD) -> list[str]:
    script = folder / "program.py"
    script.write_text(PROGRAM.format(then=then, guard=guard))
    return [sys.executable, str(script)]


@pytest.mark.parametrize("how", ["path", "module"])
def test_actors_errors_and_messages_of_the_main_module(how: str, tmp_path: Path) -> None:
    command = program(tmp_path) if how == "path" else [program(tmp_path)[0], "-m", "program"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    built, where, caught = done.stdout.splitlines()
    assert built == "built Ada"  # what a worker prints comes out where the program's own output does
    assert where.split()[1] == "__troupe_main__"
    assert caught == "caught on purpose"


def test_a_main_module_that_runs_when_it_is_loaded_is_told_about(tmp_path: Path) -> None:
    done = subprocess.run(
        program(tmp_path, guard=""), cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert 'has to stand under: if __name__ == "__main__"' in done.stderr


def test_a_worker_whose_parent_is_killed_ends(tmp_path: Path) -> None:
    with subprocess.Popen(
        program(tmp_path, then="await anyio.sleep_forever()"), cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "built Ada\n"
        worker = int(running.stdout.readline().split()[0])
        assert runs(worker)
        running.send_signal(signal.SIGKILL)
        running.stdout.read()  # the worker holds the other end, too
    give_up = time.monotonic() + 20
    while runs(worker):
        assert time.monotonic() < give_up
        time.sleep(0.01)


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_worker_that_is_busy_ends_all_the_same() -> None:
    ours, theirs = socket.socketpair()
    code = (
        "import time\n"
        "from troupe.runtime.process.stream import connect\n"
        "from troupe.runtime.process.worker import watch_parent\n"
        f"watch_parent(connect('fd:{theirs.fileno()}'), 0.0)\n"
        "print('ready', flush=True)\n"
        "time.sleep(1000)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], pass_fds=[theirs.fileno()], stdout=subprocess.PIPE, text=True
    ) as busy:
        theirs.close()
        assert busy.stdout is not None
        assert busy.stdout.readline() == "ready\n"
        ours.send(b"a word is no reason to go")
        with pytest.raises(subprocess.TimeoutExpired):
            busy.wait(0.1)
        ours.close()
        assert busy.wait(20) == 1
