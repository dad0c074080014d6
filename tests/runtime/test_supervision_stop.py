"""Ordered start, reverse stop, and how each child is stopped: grace, then cancel, then report."""

import math

import anyio
import pytest
from stage import TEMPORARY, Act, Fail, Later, Oops, Quit, Stage, WhichLife, Work, states, until
from troupe.runtime import Strategy, open_system, supervisor
from troupe.runtime.errors import ActorDied, NameTaken, StartFailed
from troupe.runtime.events import Cancelled, Crashed, ErrorSuppressed, Restarting, Started, Stopped, WouldNotStop
from troupe.runtime.exits import SHUTDOWN, Killed
from troupe.runtime.exits import Crashed as CrashedExit
from troupe.runtime.specs import SupervisorSpec

# -- start -------------------------------------------------------------------------------------------------------------


@pytest.mark.virtual
async def test_children_start_one_after_the_other_each_ready_before_the_next() -> None:
    stage = Stage(a=Act(start=3), b=Act(start=2), c=Act(start=1))
    async with open_system(*stage.children("abc"), on_event=stage.event):
        assert anyio.current_time() == 6
        assert stage.log == ["a up", "b up", "c up"]


async def test_failed_start_stops_those_started_in_reverse_without_a_retry() -> None:
    stage = Stage(c=Act(start_error=Oops("c")))
    with pytest.raises(StartFailed, match="'c' did not start: crashed with Oops") as caught:
        async with open_system(*stage.children("abcd"), on_event=stage.event):
            raise AssertionError
    assert isinstance(caught.value.__cause__, Oops)
    assert stage.log == ["a up", "b up", "c down", "b down", "a down"]
    assert stage.seen(Restarting) == []
    assert stage.lives == {"a": 1, "b": 1, "c": 1}


async def test_failed_start_deep_in_the_tree_stops_all_of_it() -> None:
    stage = Stage(c=Act(start_error=Oops("c")))
    with pytest.raises(StartFailed, match="'inner' did not start") as caught:
        async with open_system(stage.child("a"), supervisor("inner", *stage.children("bc")), on_event=stage.event):
            raise AssertionError
    assert isinstance(caught.value.__cause__, StartFailed)
    assert caught.value.__cause__.name == "inner/c"
    assert stage.log == ["a up", "b up", "c down", "b down", "a down"]


@pytest.mark.virtual
async def test_child_that_is_never_ready_fails_after_its_start_timeout() -> None:
    stage = Stage(b=Act(start=math.inf))
    with pytest.raises(StartFailed, match="'b' did not start: crashed with TimeoutError") as caught:
        async with open_system(stage.child("a"), stage.child("b", start_timeout=7), on_event=stage.event):
            raise AssertionError
    assert str(caught.value.__cause__) == "'b' was not ready within 7 s"
    assert anyio.current_time() == 7
    assert stage.log == ["a up", "b down", "a down"]


@pytest.mark.virtual
async def test_child_that_is_ready_after_its_start_timeout_is_not_started() -> None:
    stage = Stage(a=Act(start=3, start_stubborn=True))
    with pytest.raises(StartFailed, match="TimeoutError"):
        async with open_system(stage.child("a", start_timeout=1), on_event=stage.event):
            raise AssertionError
    assert stage.seen(Started) == []


@pytest.mark.virtual
async def test_start_timeout_of_a_supervisor_covers_its_children() -> None:
    stage = Stage(a=Act(start=3), b=Act(start=3))
    slow = SupervisorSpec(name="slow", children=tuple(stage.children("ab")), start_timeout=5)
    with pytest.raises(StartFailed, match="'slow' did not start"):
        async with open_system(slow, stage.child("c"), on_event=stage.event):
            raise AssertionError
    assert stage.log == ["a up", "b down", "a down"]


# -- stop --------------------------------------------------------------------------------------------------------------


@pytest.mark.virtual
async def test_children_stop_in_reverse_one_after_the_other() -> None:
    stage = Stage(a=Act(cleanup=1), b=Act(cleanup=2), c=Act(cleanup=3))
    times: dict[str, float] = {}

    def note(event: object) -> None:
        if isinstance(event, Stopped):
            times[event.path] = anyio.current_time()

    async with open_system(*stage.children("abc"), on_event=note):
        stage.take_log()
    assert stage.log == ["c down", "b down", "a down"]
    assert times == {"c": 3, "b": 5, "a": 6, "": 6}


@pytest.mark.virtual
async def test_dynamic_children_stop_all_at_once() -> None:
    stage = Stage(**dict.fromkeys("abc", Act(cleanup=3)))
    async with open_system(supervisor("pool", *stage.children("abc"), strategy=Strategy.DYNAMIC)):
        pass
    assert anyio.current_time() == 3


@pytest.mark.virtual
async def test_children_stop_in_reverse_also_when_cancelled_from_outside() -> None:
    """One outer cancel reaches all levels at once; the children are shielded from it and stopped in turn."""
    stage = Stage(a=Act(cleanup=1), b=Act(cleanup=2), c=Act(cleanup=3))
    with anyio.move_on_after(1) as scope:
        async with open_system(stage.child("a"), supervisor("inner", *stage.children("bc")), on_event=stage.event):
            stage.take_log()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert stage.log == ["c down", "b down", "a down"]
    assert anyio.current_time() == 1 + 6


@pytest.mark.virtual
async def test_stop_lets_the_message_in_work_finish_within_its_grace() -> None:
    stage = Stage()
    async with open_system(stage.child("a", shutdown=5), on_event=stage.event) as system:
        answers: list[str] = []
        async with anyio.create_task_group() as tasks:

            async def ask() -> None:
                answers.append(await system.ref("a").ask(Work("long", seconds=4)))

            tasks.start_soon(ask)
            await until(lambda: "a long" in stage.log)
            await system.root.stop_child("a")
        assert answers == ["long"]
        assert anyio.current_time() == 4
        assert stage.seen(Cancelled) == []


@pytest.mark.virtual
async def test_child_that_outlives_its_grace_is_cancelled_and_reported() -> None:
    stage = Stage()
    async with open_system(stage.child("a", shutdown=5), on_event=stage.event) as system:
        ref = system.ref("a")
        async with anyio.create_task_group() as tasks:

            async def ask() -> None:
                with pytest.raises(ActorDied):
                    await ref.ask(Work(), timeout=100)

            tasks.start_soon(ask)
            await until(lambda: "a work" in stage.log)
            await system.root.stop_child("a")
        assert anyio.current_time() == 5
        assert await ref.wait_ended() == Killed(5)
        assert [(event.path, event.grace) for event in stage.seen(Cancelled)] == [("a", 5)]
        assert stage.seen(WouldNotStop) == []
        assert "a work cancelled" in stage.log


@pytest.mark.virtual
async def test_child_that_ignores_being_cancelled_is_reported_and_the_others_are_stopped() -> None:
    stage = Stage()
    async with anyio.create_task_group() as tasks:
        async with open_system(*stage.children("abc", shutdown=2), on_event=stage.event) as system:
            tasks.start_soon(lambda: system.ref("b").ask(Work(seconds=60, stubborn=True), timeout=100))
            await until(lambda: "b work" in stage.log)
            stage.take_log()
            await system.root.stop_child("b")
            assert anyio.current_time() == 2 + 1
            assert [event.path for event in stage.seen(WouldNotStop)] == ["b"]
            assert states(system.root) == {"a": "running", "b": "stopping", "c": "running"}
            with pytest.raises(NameTaken, match="'b' has not ended"):
                await system.root.restart_child("b")
            with pytest.raises(NameTaken, match="'b' has not ended"):
                system.root.remove_child("b")
            with pytest.raises(NameTaken):
                await system.root.start_child(stage.child("b"))
            with pytest.raises(ActorDied):
                await system.ref("b").ask(WhichLife())
        assert anyio.current_time() == 60
    assert stage.log == ["c down", "a down", "b work done", "b down"]


@pytest.mark.virtual
async def test_no_new_life_begins_before_the_old_one_is_gone() -> None:
    stage = Stage(b=[Act(cleanup=20, cleanup_stubborn=True), Act()])
    async with open_system(
        *stage.children("ab", shutdown=2), strategy=Strategy.ONE_FOR_ALL, on_event=stage.event
    ) as system:
        stage.take_log()
        await system.ref("a").tell(Fail())
        await anyio.sleep(19)
        assert stage.log == ["a down"]
        await anyio.sleep(2)
        assert stage.take_log() == ["a down", "b down", "a up", "b up"]
        assert stage.doubled == []
        assert [event.path for event in stage.seen(WouldNotStop)] == ["b"]


async def test_shutdown_0_cancels_at_once() -> None:
    stage = Stage()
    async with open_system(stage.child("a", shutdown=0), on_event=stage.event) as system:
        ref = system.ref("a")
        async with anyio.create_task_group() as tasks:

            async def ask() -> None:
                with pytest.raises(ActorDied):
                    await ref.ask(Work())

            tasks.start_soon(ask)
            await until(lambda: "a work" in stage.log)
            await system.root.stop_child("a")
        assert await ref.wait_ended() == Killed(0)


@pytest.mark.virtual
async def test_shutdown_infinity_waits_as_long_as_it_takes() -> None:
    stage = Stage()
    async with open_system(stage.child("a", shutdown=math.inf), on_event=stage.event) as system:
        await system.ref("a").tell(Later("first"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: system.ref("a").ask(Work(seconds=1e6), timeout=math.inf))
            await until(lambda: "a work" in stage.log)
            await system.root.stop_child("a")
    assert anyio.current_time() == 1e6


def test_defaults_are_5_seconds_for_actors_and_infinity_for_supervisors() -> None:
    assert Stage().child("a").shutdown == 5
    assert supervisor("s").shutdown == math.inf


async def test_stop_of_a_child_that_starts_cancels_it_at_once() -> None:
    stage = Stage(b=Act(start=math.inf))
    async with open_system(stage.child("a"), on_event=stage.event) as system:
        failed: list[StartFailed] = []

        async def start() -> None:
            with pytest.raises(StartFailed) as caught:
                await system.root.start_child(stage.child("b"))
            failed.append(caught.value)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(start)
            await until(lambda: states(system.root).get("b") == "starting" and "b" in stage.alive)
            await system.root.stop_child("b")
        assert failed[0].exit == SHUTDOWN
        assert states(system.root) == {"a": "running"}


@pytest.mark.virtual
async def test_supervisor_cancelled_while_it_starts_stops_its_children_with_their_own_grace() -> None:
    """Its children clean up for longer than an actor may, and still it is no one that would not stop."""
    stage = Stage(b=Act(cleanup=4), c=Act(start=math.inf))
    with anyio.move_on_after(1):
        async with open_system(stage.child("a"), supervisor("inner", *stage.children("bc")), on_event=stage.event):
            raise AssertionError
    assert anyio.current_time() == 1 + 4
    assert stage.log == ["a up", "b up", "c down", "b down", "a down"]
    assert stage.seen(WouldNotStop) == []


async def test_cleanup_that_fails_is_reported_and_the_others_are_stopped() -> None:
    stage = Stage(b=Act(cleanup_error=Oops("cleanup")))
    async with open_system(*stage.children("abc"), on_event=stage.event):
        stage.take_log()
    assert stage.log == ["c down", "b down", "a down"]
    assert [(event.path, event.error) for event in stage.seen(Crashed)] == [("b", "stage.Oops")]


async def test_cleanup_that_fails_makes_the_exit_a_crash() -> None:
    stage = Stage(a=Act(cleanup_error=Oops("cleanup")))
    async with open_system(stage.child("a"), on_event=stage.event) as system:
        ref = system.ref("a")
        await system.root.stop_child("a")
        exit = await ref.wait_ended()
        assert isinstance(exit, CrashedExit)
        assert isinstance(exit.error, Oops)


@pytest.mark.virtual
async def test_cleanup_that_fails_while_being_cancelled_is_a_crash_too() -> None:
    stage = Stage(a=Act(cleanup=100), b=Act(cleanup=3, cleanup_stubborn=True, cleanup_error=Oops("late")))
    async with open_system(
        stage.child("a", shutdown=1), stage.child("b", shutdown=2.5), on_event=stage.event
    ) as system:
        a, b = system.ref("a"), system.ref("b")
    assert await a.wait_ended() == Killed(1)
    exit = await b.wait_ended()
    assert isinstance(exit, CrashedExit)
    assert isinstance(exit.error, Oops)
    assert [event.path for event in stage.seen(Cancelled)] == ["b", "a"]


@pytest.mark.virtual
async def test_crash_whose_cleanup_hangs_is_cancelled_after_its_grace_and_restarted() -> None:
    stage = Stage(a=[Act(cleanup=math.inf), Act()])
    async with open_system(stage.child("a", shutdown=5), on_event=stage.event) as system:
        await system.ref("a").tell(Fail())
        assert await system.ref("a").ask(WhichLife(), timeout=60) == 2
        assert anyio.current_time() == 5
        assert [event.error for event in stage.seen(Crashed)] == ["stage.Oops"]
        assert [event.grace for event in stage.seen(Cancelled)] == [5]


@pytest.mark.virtual
async def test_normal_end_whose_cleanup_hangs_is_cancelled_after_its_grace() -> None:
    stage = Stage(a=Act(cleanup=math.inf))
    async with open_system(stage.child("a", shutdown=5, restart=TEMPORARY), on_event=stage.event) as system:
        ref = system.ref("a")
        await ref.tell(Quit())
        assert await ref.wait_ended() == Killed(5)
        assert anyio.current_time() == 5


async def test_crash_is_the_reason_of_the_end_also_when_the_cleanup_fails_then() -> None:
    stage = Stage(a=Act(cleanup_error=ValueError("cleanup")))
    async with open_system(stage.child("a", restart=TEMPORARY), on_event=stage.event) as system:
        ref = system.ref("a")
        await ref.tell(Fail())
        exit = await ref.wait_ended()
        assert isinstance(exit, CrashedExit)
        assert isinstance(exit.error, Oops)
        assert [event.error for event in stage.seen(ErrorSuppressed)] == ["builtins.ValueError"]
