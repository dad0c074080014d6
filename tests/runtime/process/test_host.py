"""Actors in real worker processes: they start, are reached, die in every way, and leave nothing behind."""

import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial, wraps
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import lodgers
import pytest
from anyio import create_task_group, fail_after, move_on_after, sleep, to_thread
from lodgers import Do, Echo, Lodger, Move, Note, Notes, Numbers, Oops, Pid, Place, Shout, build
from troupe.runtime import NO_BACKOFF, Actor, Ref, Restart, child, open_system
from troupe.runtime.errors import ActorDied, DeadlineExceeded, InvalidActor, ProtocolError, StartFailed, WorkerLost
from troupe.runtime.events import Cancelled, Event, Started
from troupe.runtime.exits import Crashed
from troupe.runtime.process import Process, Transport, host, wire

pytestmark = pytest.mark.real_time


def once(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test on one event loop only: for what the event loop has no part in, because starting takes time."""

    @wraps(test)
    def run(**arguments: Any) -> None:
        anyio.run(partial(test, **arguments), backend_options={"use_uvloop": True})

    return run


def children() -> set[str]:
    """Return the processes that this one has started and that are there: running ones and zombies. Linux tells."""
    found: set[str] = set()
    for thread in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # the thread has ended since
            found.update(thread.read_text().split())
    return found


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    before = children()  # other tests keep servers of theirs
    yield
    assert children() <= before


@asynccontextmanager
async def lodging(*arguments, events: list[Event] | None = None, **options) -> AsyncIterator[Ref]:
    log = [] if events is None else events
    spec = child(Lodger, *arguments, name="lodger", backoff=NO_BACKOFF, **({"host": Process()} | options))
    async with open_system(spec, on_event=log.append) as system:
        yield system.ref("lodger")


async def last_error(ref: Ref) -> Exception:
    exit = await ref.wait_ended()
    assert isinstance(exit, Crashed)
    assert isinstance(exit.error, Exception)
    return exit.error


# -- alive -------------------------------------------------------------------------------------------------------------


async def test_an_actor_in_a_process_of_its_own() -> None:
    async with lodging("hi", "", Place(3, 4)) as ref:
        pid = await ref.ask(Pid())
        assert pid != os.getpid()
        assert os.getpgid(pid) == pid  # so that Ctrl+C in the terminal does not reach it
        assert await ref.ask(Echo(b"\x00" * 1_000_000)) == b"\x00" * 1_000_000
        assert await ref.ask(Move(Place(1, 2))) == Place(1, 2)
        await ref.tell(Note("a"))
        assert await ref.ask(Notes()) == ["hi", "a"]
        with pytest.raises(Oops) as caught:
            await ref.ask(Do("fail"))
        assert caught.value.code == 7
        async with ref.stream(Numbers(500)) as numbers:
            assert [number async for number in numbers] == list(range(500))
        async with ref.open(Shout()) as conversation:
            await conversation.send("a")
            assert await conversation.receive() == "A"
            conversation.finish()
            assert [word async for word in conversation] == []
        with pytest.raises(DeadlineExceeded):
            await ref.ask(Do("wait"), timeout=0.05)
        with move_on_after(0.05):
            await ref.ask(Do("wait"))
        assert (await ref.ask(Notes()))[-2:] == ["waiting", "cancelled"]


@once
async def test_an_actor_at_the_other_end_of_tcp() -> None:
    async with lodging(host=Process(transport=Transport.TCP)) as ref:
        assert await ref.ask(Echo(b"\x00" * 1_000_000)) == b"\x00" * 1_000_000
        async with ref.stream(Numbers(500)) as numbers:
            assert [number async for number in numbers] == list(range(500))


async def test_stopping_works_off_the_mailbox_and_closes_the_lifespan(tmp_path) -> None:
    diary = tmp_path / "diary"
    events: list[Event] = []
    async with lodging("hello", str(diary), events=events) as ref:
        replies: list[bytes] = []

        async def ask(data: bytes) -> None:
            replies.append(await ref.ask(Echo(data)))

        async with create_task_group() as tasks:
            tasks.start_soon(ref.ask, Do("nap"))
            await sleep(0.002)
            tasks.start_soon(ask, b"a")
            tasks.start_soon(ask, b"b")
            await sleep(0.002)
            await ref.cell.system.root.stop_child("lodger")
        assert sorted(replies) == [b"a", b"b"]
    assert await to_thread.run_sync(diary.read_text) == "closed\n"
    assert not [event for event in events if isinstance(event, Cancelled)]


# -- dead --------------------------------------------------------------------------------------------------------------


async def test_a_killed_worker_fails_what_was_in_flight_and_its_successor_does_the_rest() -> None:
    events: list[Event] = []
    async with lodging(events=events) as ref:
        pid = await ref.ask(Pid())

        async def ask() -> None:
            with pytest.raises(ActorDied, match="was killed by SIGKILL"):
                await ref.ask(Do("wait"))
            assert [event.path for event in events if isinstance(event, Started)].count(
                "lodger"
            ) == 1  # that is: at once

        async with create_task_group() as tasks:
            tasks.start_soon(ask)
            while ref.statistics().in_flight == 0:
                await sleep(0.001)
            await ref.tell(Note("waits"))
            os.kill(pid, signal.SIGKILL)
        assert await ref.ask(Notes()) == ["hello", "waits"]
        assert await ref.ask(Pid()) != pid


@once
@pytest.mark.parametrize(("deed", "how"), [("exit", "ended with exit code 3"), ("hang up", "closed its connection")])
async def test_a_worker_that_leaves(deed: str, how: str) -> None:
    async with lodging(restart=Restart.TEMPORARY) as ref:
        with pytest.raises(ActorDied, match=how):
            await ref.ask(Do(deed))
        assert isinstance(await last_error(ref), WorkerLost)


async def test_a_worker_that_is_stopped_by_a_signal() -> None:
    async with lodging(restart=Restart.TEMPORARY, host=Process(heartbeat=0.4)) as ref:
        with pytest.raises(ActorDied, match=r"no sign of life for 0\.4 s"):
            await ref.ask(Do("freeze"))
        assert isinstance(await last_error(ref), WorkerLost)


async def test_garbage_on_the_connection() -> None:
    async with lodging(restart=Restart.TEMPORARY) as ref:
        with pytest.raises(ActorDied):
            await ref.ask(Do("babble"))
        assert isinstance(await last_error(ref), ProtocolError)


@once
async def test_a_worker_that_does_not_stop_is_killed() -> None:
    events: list[Event] = []
    async with lodging(shutdown=0.05, events=events) as ref, create_task_group() as tasks:

        async def block() -> None:
            with pytest.raises(ActorDied):
                await ref.ask(Do("block"))

        tasks.start_soon(block)
        await sleep(0.05)
        with fail_after(10):
            await ref.cell.system.root.stop_child("lodger")
    assert [type(event) for event in events].count(Cancelled) == 1


# -- not born ----------------------------------------------------------------------------------------------------------


@once
async def test_a_worker_that_is_never_ready_is_given_up() -> None:
    with pytest.raises(StartFailed, match="TimeoutError"):
        async with lodging("never ready", start_timeout=0.3):
            pass


@once
async def test_an_actor_that_can_not_be_built() -> None:
    with pytest.raises(StartFailed) as caught:
        async with lodging("refuse to be built"):
            pass
    assert isinstance(caught.value.__cause__, Oops)


@once
async def test_a_module_that_the_worker_can_not_import(monkeypatch: pytest.MonkeyPatch) -> None:
    only_here = ModuleType("only_here")

    class Homebody(Actor):
        pass

    Homebody.__module__, Homebody.__qualname__ = "only_here", "Homebody"
    only_here.Homebody = Homebody  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "only_here", only_here)
    with pytest.raises(StartFailed) as caught:
        async with open_system(child(Homebody, name="homebody", host=Process())):
            pass
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


@once
async def test_a_worker_that_ends_before_it_says_hello(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    for transport in Transport:
        with pytest.raises(StartFailed, match="ended with exit code 1"):
            async with lodging(host=Process(transport=transport)):
                pass


@once
async def test_a_worker_of_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "VERSION", 99)
    with pytest.raises(StartFailed) as caught:
        async with lodging():
            pass
    assert isinstance(caught.value.__cause__, ProtocolError)
    assert "version 1 of the protocol, its parent version 99" in str(caught.value.__cause__)


@once
async def test_strangers_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the loopback interface anybody can connect, and be faster than the worker."""
    strangers: list[socket.socket] = []
    hello = wire.pack(wire.Hello(wire.VERSION, "wrong token"), 1000)

    class Crowded(host.LISTENERS[Transport.TCP]):  # type: ignore[misc]
        def __enter__(self):
            for words in (None, b"", b"GET / HTTP/1.1\r\n\r\n", hello):
                stranger = socket.socket()
                stranger.setblocking(False)
                stranger.connect_ex(("127.0.0.1", int(self.address[4:])))
                strangers.append(stranger)
                if words is None:
                    stranger.shutdown(socket.SHUT_WR)
                else:
                    stranger.send(words)
            return super().__enter__()

    monkeypatch.setitem(host.LISTENERS, Transport.TCP, Crowded)
    async with lodging(host=Process(transport=Transport.TCP)) as ref:
        assert await ref.ask(Echo(b"")) == b""
    assert [stranger.recv(100) for stranger in strangers] == [b"", b"", b"", b""]
    for stranger in strangers:
        stranger.close()


# -- not even specified ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factory", "arguments", "actor", "complaint"),
    [
        (lambda: Lodger(), (), Lodger, "factory .*<lambda> can't be imported by a worker process"),
        (Lodger, (Place(1, 2),), None, "the arguments of lodgers:Lodger can't travel"),
        (build, (), Lodger, ""),
        (Lodger, ("x" * 200_000,), None, "the arguments of 'it' are too long"),
    ],
)
def test_what_could_not_start_is_refused_when_it_is_specified(factory, arguments, actor, complaint: str) -> None:
    def specify() -> None:
        child(factory, *arguments, name="it", actor=actor, host=Process(max_frame=100_000))

    if complaint:
        with pytest.raises(InvalidActor, match=complaint):
            specify()
    else:
        specify()


def test_an_actor_whose_messages_can_not_travel_is_refused() -> None:
    with pytest.raises(InvalidActor, match="Ref is not a type that msgspec knows"):
        child(lodgers.Gossip, name="gossip", host=Process())


@pytest.mark.parametrize(
    "option", [{"prefetch": -1}, {"heartbeat": 0}, {"heartbeat": float("nan")}, {"max_frame": 1000}]
)
def test_options_that_make_no_sense(option) -> None:
    with pytest.raises(ValueError, match="must hold"):
        Process(**option)
