"""A tree as a program: real processes, real signals, exit codes."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from troupe.runtime import Actor, AutoShutdown, Message, Restart, System, child, run, supervisor

BACKENDS = {
    "asyncio": "backend='asyncio', use_uvloop=False",
    "uvloop": "backend='asyncio'",
    "trio": "backend='trio'",
}

PROGRAM = """
import signal
import sys
from contextlib import asynccontextmanager
from anyio import CancelScope, sleep
from troupe.runtime import Actor, Message, child, run


class Work(Message, frozen=True):
    seconds: float


class Ignore(Message, frozen=True):
    pass


class Worker(Actor):
    @asynccontextmanager
    async def lifespan(self):
        print("starts", flush=True)
        await sleep({start})
        try:
            yield
        finally:
            print("closed", flush=True)

    async def work(self, message: Work) -> None:
        await sleep(message.seconds)
        print("worked", message.seconds, flush=True)

    async def ignore(self, message: Ignore) -> None:
        with CancelScope(shield=True):
            while signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
                await sleep(0.001)
            print("on its own", flush=True)
            await sleep(60)


async def ready(system):
    for message in [{messages}]:
        await system.ref("worker").tell(message)
    print("ready", flush=True)


first = child(Worker, name="worker", shutdown=60, start_timeout=60)
sys.exit(run(first, on_ready=ready, {options}))
"""


class Program:
    """A running program, and what it says."""

    def __init__(self, script: Path, source: str) -> None:
        script.write_text(source)
        self.process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)

    def says(self, expected: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == expected

    def gets(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ends(self) -> tuple[int, list[str]]:
        assert self.process.stdout is not None
        rest = self.process.stdout.read().splitlines()
        return self.process.wait(20), rest


Begin = Callable[..., Program]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    started: list[Program] = []

    def begin(backend: str, messages: str = "", start: str = "0") -> Program:
        source = PROGRAM.format(options=BACKENDS[backend], messages=messages, start=start)
        started.append(Program(tmp_path / "program.py", source))
        started[-1].says("starts")
        return started[-1]

    yield begin
    for program in started:
        program.process.kill()
        program.ends()
        program.process.stdout.close()  # type: ignore[union-attr]


@pytest.mark.real_time
@pytest.mark.parametrize("backend", BACKENDS)
def test_first_signal_drains_and_second_stops_at_once(begin: Begin, backend: str) -> None:
    drained = begin(backend, "Work(0.2), Work(0), Work(0.1)")
    killed = begin(backend, "Work(30), Work(0)")
    for program, number in ((drained, signal.SIGINT), (killed, signal.SIGTERM)):
        program.says("ready")
        program.gets(number)
    assert drained.ends() == (0, ["worked 0.2", "worked 0", "worked 0.1", "closed"])
    killed.gets(signal.SIGINT)
    assert killed.ends() == (128 + signal.SIGINT, ["closed"])


@pytest.mark.real_time
def test_signals_count_while_the_tree_still_starts(begin: Begin) -> None:
    program = begin("asyncio", start="30")
    program.gets(signal.SIGTERM)
    assert program.ends() == (0, [])


@pytest.mark.real_time
def test_third_signal_ends_what_ignores_being_cancelled(begin: Begin) -> None:
    program = begin("trio", "Ignore()")
    program.says("ready")
    program.gets(signal.SIGTERM)
    program.gets(signal.SIGINT)
    program.says("on its own")
    program.gets(signal.SIGTERM)
    assert program.ends() == (-signal.SIGTERM, [])


# -- in this process ---------------------------------------------------------------------------------------------------


class Do(Message, frozen=True):
    what: str


class Worker(Actor):
    def __init__(self, *broken: bool) -> None:
        if broken:
            raise ValueError

    def do(self, message: Do) -> None:
        if message.what == "crash":
            raise ValueError
        self.context.stop()


def ends(what: str, *broken: bool, backend: Literal["asyncio", "trio"]) -> int:
    """Run a program whose only actor is told something when it is ready."""

    async def tell(system: System) -> None:
        await system.ref("worker").tell(Do(what))

    worker = child(Worker, *broken, name="worker", restart=Restart.TRANSIENT, significant=True)
    root = supervisor("app", worker, intensity=0, auto_shutdown=AutoShutdown.ALL_SIGNIFICANT)
    return run(root, backend=backend, on_ready=tell, on_event=lambda _: None)


@pytest.mark.real_time
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_exit_code_says_how_the_root_ended(
    backend: Literal["asyncio", "trio"], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends("end", backend=backend) == 0
    assert capsys.readouterr().err == ""
    assert ends("crash", backend=backend) == 1
    assert "RestartLimitExceeded: supervisor 'app' gives up: more than 0 restarts" in capsys.readouterr().err
    assert ends("end", True, backend=backend) == 1
    assert "StartFailed: 'worker' did not start: crashed with ValueError" in capsys.readouterr().err


@pytest.mark.real_time
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_error_of_on_ready_is_raised_as_it_is(backend: Literal["asyncio", "trio"]) -> None:
    async def fail(_system: System) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        run(child(Worker, name="worker"), backend=backend, on_ready=fail, on_event=lambda _: None)


@pytest.mark.real_time
def test_signal_handlers_are_given_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    ends("end", backend="asyncio")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
