"""A system lasts as long as its block, and says how it ended."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest
from stage import TRANSIENT, Fail, Later, Oops, Quit, Stage, WhichLife, Work, until
from troupe.runtime import Actor, AutoShutdown, Message, Request, Strategy, child, open_system, supervisor
from troupe.runtime.errors import RestartLimitExceeded, StartFailed
from troupe.runtime.events import Crashed, Event, Restarting, Started, Stopped
from troupe.runtime.exits import SHUTDOWN
from troupe.runtime.exits import Crashed as CrashedExit


async def test_block_begins_when_all_are_ready_and_ends_when_all_are_gone() -> None:
    stage = Stage()
    async with open_system(*stage.children("ab"), on_event=stage.event):
        assert stage.log == ["a up", "b up"]
    assert stage.log == ["a up", "b up", "b down", "a down"]


async def test_system_without_children() -> None:
    async with open_system() as system:
        assert system.root.children == ()


async def test_options_are_the_roots() -> None:
    async with open_system(strategy=Strategy.REST_FOR_ONE, intensity=7, period=9) as system:
        spec = system.root.spec
        assert (spec.name, spec.strategy, spec.intensity, spec.period) == ("root", Strategy.REST_FOR_ONE, 7, 9)


async def test_single_supervisor_is_the_root() -> None:
    stage = Stage()
    spec = supervisor("app", stage.child("a"), intensity=8)
    async with open_system(spec) as system:
        assert system.root.spec is spec
        assert system.ref("a").name == "a"


async def test_error_of_the_block_comes_out_as_it_is() -> None:
    stage = Stage()
    error = Oops("mine")
    with pytest.raises(Oops) as caught:
        async with open_system(stage.child("a"), on_event=stage.event):
            raise error
    assert caught.value is error
    assert stage.alive == set()


async def test_exception_group_of_the_block_comes_out_as_it_is() -> None:
    group = ExceptionGroup("mine", [Oops("one"), Oops("two")])
    with pytest.raises(ExceptionGroup) as caught:
        async with open_system(Stage().child("a")):
            raise group
    assert caught.value is group


async def test_block_is_cancelled_when_the_root_gives_up() -> None:
    stage = Stage()
    with pytest.raises(RestartLimitExceeded):
        async with open_system(stage.child("a"), intensity=0, on_event=stage.event) as system:
            await system.ref("a").tell(Fail())
            try:
                await anyio.sleep_forever()
            finally:
                stage.log.append("block cancelled")
    assert stage.log == ["a up", "a down", "block cancelled"]


async def test_root_that_gives_up_does_not_cancel_what_is_around_the_block() -> None:
    stage = Stage()
    with anyio.CancelScope() as scope:
        with pytest.raises(RestartLimitExceeded):
            async with open_system(stage.child("a"), intensity=0, on_event=stage.event) as system:
                await system.ref("a").tell(Fail())
                await anyio.sleep_forever()
        await anyio.lowlevel.checkpoint()
        stage.log.append("on it goes")
    assert not scope.cancelled_caught
    assert stage.log[-1] == "on it goes"


async def test_request_stop_drains_and_the_block_goes_on() -> None:
    stage = Stage()
    async with open_system(*stage.children("ab"), on_event=stage.event) as system:
        b = system.ref("b")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(b.ask, Work(seconds=0.001))
            await until(lambda: "b work" in stage.log)
            b.tell_nowait(Later("last"))
            system.request_stop()
            assert await system.wait_ended() == SHUTDOWN
        stage.log.append("after")
    assert stage.log[2:] == ["b work", "b work done", "b last", "b down", "a down", "after"]


async def test_wait_ended_says_why_the_root_gave_up() -> None:
    stage = Stage()
    exits: list[object] = []
    with pytest.raises(RestartLimitExceeded):
        async with anyio.create_task_group() as tasks:
            try:
                async with open_system(stage.child("a"), intensity=0, on_event=stage.event) as system:

                    async def wait() -> None:
                        exits.append(await system.wait_ended())

                    tasks.start_soon(wait)
                    await system.ref("a").tell(Fail())
                    await anyio.sleep_forever()
            except RestartLimitExceeded as error:
                failure = error
        raise failure
    assert exits == [CrashedExit(failure)]


class StopsTheSystem(Actor):
    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    class Now(Message, frozen=True):
        pass

    def now(self, _message: Now) -> None:
        self.context.system.request_stop()


async def test_actor_may_stop_the_system() -> None:
    stage = Stage()
    async with open_system(child(StopsTheSystem, stage, name="a"), *stage.children("b")) as system:
        await system.ref("a").tell(StopsTheSystem.Now())
        assert await system.wait_ended() == SHUTDOWN


class StopsWhileItStarts(Actor):
    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        self.context.system.request_stop()
        await anyio.sleep_forever()
        yield


async def test_stop_asked_for_while_it_starts_is_a_failed_start() -> None:
    stage = Stage()
    with pytest.raises(StartFailed, match="'root' did not start: shutdown"):
        async with open_system(stage.child("a"), child(StopsWhileItStarts, name="b"), on_event=stage.event):
            raise AssertionError
    assert stage.log == ["a up", "a down"]
    assert stage.seen(Crashed) == []


async def test_auto_shutdown_of_the_root_cancels_the_block_without_an_error() -> None:
    stage = Stage()
    root = supervisor(
        "root",
        stage.child("a", restart=TRANSIENT, significant=True),
        auto_shutdown=AutoShutdown.ANY_SIGNIFICANT,
    )
    async with open_system(root, on_event=stage.event) as system:
        await system.ref("a").tell(Quit())
        await anyio.sleep_forever()
    assert await system.wait_ended() == SHUTDOWN


async def test_events_tell_the_whole_story() -> None:
    stage = Stage()
    async with open_system(supervisor("s", stage.child("a")), stage.child("b"), on_event=stage.event) as system:
        await stage.crash(system, "s/a")
    kinds = {Started: "started", Crashed: "crashed", Restarting: "restarting", Stopped: "stopped"}
    assert [f"{event.path or 'root'} {kinds[type(event)]}" for event in stage.events] == [
        "s/a started", "s started", "b started", "root started",
        "s/a crashed", "s/a restarting", "s/a started",
        "b stopped", "s/a stopped", "s stopped", "root stopped",
    ]  # fmt: skip


async def test_events_are_logged_unless_told_otherwise(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "troupe.runtime")
    stage = Stage()
    async with open_system(stage.child("a")) as system:
        await stage.crash(system, "a")
    levels = [(record.levelname, record.getMessage().split()[0]) for record in caplog.records]
    assert ("ERROR", "Crashed") in levels
    assert ("WARNING", "Restarting") in levels
    assert ("DEBUG", "Started") in levels
    assert "Oops" in caplog.text
    assert all(isinstance(record.troupe, Event) for record in caplog.records)  # type: ignore[attr-defined]


async def test_two_systems_do_not_know_each_other() -> None:
    stage = Stage()
    async with open_system(stage.child("a")) as one, open_system(stage.child("a")) as other:
        assert one.ref("a") is not other.ref("a")
        await one.ref("a").tell(Fail())
        assert await one.ref("a").ask(WhichLife()) == 3
        assert await other.ref("a").ask(WhichLife()) == 2


class Outer(Actor):
    """Has a system of its own."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        async with open_system(self.stage.child("inner"), intensity=0, on_event=self.stage.event) as self.system:
            yield

    class BreakInside(Message, frozen=True):
        pass

    async def break_inside(self, _message: BreakInside) -> None:
        await self.system.ref("inner").tell(Fail())


async def test_lifespan_may_open_a_system_whose_failure_is_a_crash() -> None:
    stage = Stage()
    outer: list[Event] = []
    async with open_system(child(Outer, stage, name="outer"), on_event=outer.append) as system:
        await system.ref("outer").tell(Outer.BreakInside())
        await until(lambda: stage.lives["inner"] == 2)
    assert [event.error for event in outer if isinstance(event, Crashed)] == [
        "troupe.runtime.errors.RestartLimitExceeded"
    ]
    assert stage.alive == set()


# -- what is started on behalf of a handler is no part of it -----------------------------------------------------------


class Question(Request[str], frozen=True):
    pass


class Grow(Request[None], frozen=True):
    pass


class Grower(Actor):
    """Starts a subtree from a handler."""

    async def grow(self, _request: Grow) -> None:
        await self.context.system.root.start_child(supervisor("grown", child(Curious, name="curious")))

    def answer(self, _request: Question) -> str:
        return "42"


class Oracle(Actor):
    """Asks the grower before it answers."""

    async def answer(self, _request: Question) -> str:
        return await self.context.system.ref("grower").ask(Question())


class Curious(Actor):
    """From its second life on, asks the oracle before it is ready."""

    lives = 0

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        Curious.lives += 1
        if Curious.lives > 1:
            await self.context.system.ref("oracle").ask(Question())
        yield

    def fail(self, _message: Fail) -> None:
        raise Oops

    def answer(self, _request: Question) -> str:
        return "me too"


async def test_restart_in_a_subtree_that_a_handler_started_is_no_ask_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Curious, "lives", 0)
    stage = Stage()
    async with open_system(child(Grower, name="grower"), child(Oracle, name="oracle"), on_event=stage.event) as system:
        await system.ref("grower").ask(Grow())
        await system.ref("grown/curious").tell(Fail())
        assert await system.ref("grown/curious").ask(Question()) == "me too"
    assert Curious.lives == 2
    assert len(stage.seen(Crashed)) == 1
