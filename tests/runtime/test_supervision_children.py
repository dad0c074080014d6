"""Children that come and go: start, stop, restart, remove, side by side and cancelled at any point."""

import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import anyio
import pytest
from stage import TEMPORARY, TRANSIENT, Act, Fail, Oops, Quit, Stage, WhichLife, states, steps, until
from troupe.runtime import Actor, AutoShutdown, Strategy, child, open_system, supervisor
from troupe.runtime.errors import ActorDied, InvalidActor, NameTaken, NoSuchName, StartFailed, TooManyChildren
from troupe.runtime.exits import SHUTDOWN
from troupe.runtime.supervision import Supervisor

POINTS = range(30)
"""At how many scheduler steps after its begin an operation is cancelled; by the last of them it is long done."""


async def test_started_means_ready() -> None:
    stage = Stage(a=Act(start=0.01))
    async with open_system(on_event=stage.event) as system:
        ref = await system.root.start_child(stage.child("a"))
        assert stage.log == ["a up"]
        assert ref is system.ref("a")
        assert states(system.root) == {"a": "running"}


async def test_started_supervisor_is_ready_with_all_its_children() -> None:
    stage = Stage()
    async with open_system(on_event=stage.event) as system:
        inner = await system.root.start_child(supervisor("inner", *stage.children("ab")))
        assert inner is system.supervisor("inner")
        assert states(inner) == {"a": "running", "b": "running"}


async def test_failed_start_is_the_callers_error_and_leaves_nothing() -> None:
    stage = Stage(a=[Act(start_error=Oops("a")), Act()])
    async with open_system(on_event=stage.event) as system:
        with pytest.raises(StartFailed) as caught:
            await system.root.start_child(stage.child("a"))
        assert isinstance(caught.value.__cause__, Oops)
        assert states(system.root) == {}
        with pytest.raises(NoSuchName):
            system.ref("a")
        assert await (await system.root.start_child(stage.child("a"))).ask(WhichLife()) == 2


async def test_names_are_unique_among_siblings() -> None:
    stage = Stage()
    async with open_system(stage.child("a"), supervisor("s"), on_event=stage.event) as system:
        with pytest.raises(NameTaken, match="'root' has a child 'a'; remove_child it first"):
            await system.root.start_child(stage.child("a"))
        await system.supervisor("s").start_child(stage.child("a"))
        await system.root.stop_child("a")
        with pytest.raises(NameTaken):  # its specification is still there
            await system.root.start_child(stage.child("a"))
        system.root.remove_child("a")
        await system.root.start_child(stage.child("a"))


async def test_max_children_is_a_limit() -> None:
    stage = Stage()
    async with open_system(supervisor("s", stage.child("a"), max_children=2), stage.child("z")) as system:
        s = system.supervisor("s")
        await s.start_child(stage.child("b"))
        with pytest.raises(TooManyChildren, match="'s' has 2 children, as many as max_children allows"):
            await s.start_child(stage.child("c"))
        await s.stop_child("b")
        s.remove_child("b")
        await s.start_child(stage.child("c"))


async def test_significant_child_cannot_be_added_where_nothing_would_follow() -> None:
    stage = Stage()
    async with open_system(on_event=stage.event) as system:
        with pytest.raises(InvalidActor, match="has no auto_shutdown"):
            await system.root.start_child(stage.child("a", restart=TRANSIENT, significant=True))


async def test_significant_child_that_was_added_counts() -> None:
    stage = Stage()
    async with open_system(
        supervisor("s", auto_shutdown=AutoShutdown.ANY_SIGNIFICANT, restart=TEMPORARY), stage.child("z")
    ) as system:
        s = system.supervisor("s")
        a = await s.start_child(stage.child("a", restart=TRANSIENT, significant=True))
        await a.tell(Quit())
        assert await s.wait_ended() == SHUTDOWN


async def test_stop_child_keeps_the_specification_and_restart_child_uses_it() -> None:
    stage = Stage()
    async with open_system(*stage.children("abc"), strategy=Strategy.REST_FOR_ONE, on_event=stage.event) as system:
        old = system.ref("b")
        await system.root.stop_child("b")
        assert await old.wait_ended() == SHUTDOWN
        assert states(system.root) == {"a": "running", "b": "ended", "c": "running"}
        with pytest.raises(ActorDied):
            await old.tell(Fail())
        new = await system.root.restart_child("b")
        assert await new.ask(WhichLife()) == 2
        assert list(states(system.root)) == ["a", "b", "c"]  # at its old place
        stage.take_log()
        await stage.crash(system, "b")
        assert stage.take_log() == ["b down", "c down", "b up", "c up"]


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ONE, Strategy.DYNAMIC])
async def test_stop_child_forgets_temporary_and_dynamic_ones(strategy: Strategy) -> None:
    stage = Stage()
    async with open_system(supervisor("s", strategy=strategy), stage.child("z")) as system:
        s = system.supervisor("s")
        await s.start_child(stage.child("a", restart=TEMPORARY))
        await s.start_child(stage.child("b"))
        await s.stop_child("a")
        await s.stop_child("b")
        assert states(s) == ({} if strategy is Strategy.DYNAMIC else {"b": "ended"})


async def test_stop_restart_and_remove_need_the_right_state() -> None:
    stage = Stage()
    async with open_system(stage.child("a"), on_event=stage.event) as system:
        root = system.root
        for name in ("x", ""):
            with pytest.raises(NoSuchName, match=r"it has a$"):
                await root.stop_child(name)
            with pytest.raises(NoSuchName):
                await root.restart_child(name)
            with pytest.raises(NoSuchName):
                root.remove_child(name)
        with pytest.raises(NameTaken, match="'a' has not ended; stop_child it first"):
            await root.restart_child("a")
        with pytest.raises(NameTaken, match="'a' has not ended; stop_child it first"):
            root.remove_child("a")
        await root.stop_child("a")
        await root.stop_child("a")
        root.remove_child("a")
        assert root.children == ()


async def test_restart_child_that_fails_keeps_the_specification() -> None:
    stage = Stage(a=[Act(), Act(start_error=Oops("a")), Act()])
    async with open_system(stage.child("a"), on_event=stage.event) as system:
        await system.root.stop_child("a")
        with pytest.raises(StartFailed):
            await system.root.restart_child("a")
        assert states(system.root) == {"a": "ended"}
        assert await (await system.root.restart_child("a")).ask(WhichLife()) == 3


async def test_children_of_a_supervisor_that_ended_cannot_be_started() -> None:
    stage = Stage()
    async with open_system(supervisor("s", stage.child("a")), stage.child("z")) as system:
        s = system.supervisor("s")
        await system.root.stop_child("s")
        with pytest.raises(ActorDied, match="'s' ended: shutdown"):
            await s.start_child(stage.child("b"))
        with pytest.raises(ActorDied):
            await s.restart_child("a")


class Leader(Actor):
    """Starts a helper beside itself in its lifespan."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        await self.context.system.root.start_child(self.stage.child("helper"))
        yield


async def test_actor_starts_a_sibling_while_their_supervisor_starts() -> None:
    stage = Stage()
    async with open_system(child(Leader, stage, name="leader"), stage.child("z"), on_event=stage.event) as system:
        assert states(system.root) == {"leader": "running", "z": "running", "helper": "running"}


# -- many, and at the same time ----------------------------------------------------------------------------------------


async def test_thousands_of_dynamic_children() -> None:
    stage = Stage()
    async with open_system(
        supervisor("pool", strategy=Strategy.DYNAMIC, intensity=10**6), stage.child("z"), on_event=lambda _: None
    ) as system:
        pool = system.supervisor("pool")
        async with anyio.create_task_group() as tasks:
            for number in range(1000):
                tasks.start_soon(pool.start_child, stage.child(str(number)))
        assert len(pool.children) == 1000
        for number in range(0, 1000, 2):
            system.ref(f"pool/{number}").tell_nowait(Fail())
        async with anyio.create_task_group() as tasks:
            for number in range(0, 1000, 3):
                tasks.start_soon(pool.stop_child, str(number))
        for number in range(1000):
            if number % 3:
                assert await system.ref(f"pool/{number}").ask(WhichLife()) == (1 if number % 2 else 2)
        assert len(pool.children) == 1000 - 334
    assert stage.alive == set()
    assert stage.doubled == []


@pytest.mark.virtual
async def test_children_start_side_by_side() -> None:
    stage = Stage(**dict.fromkeys("abc", Act(start=5)))
    async with open_system(on_event=stage.event) as system:
        async with anyio.create_task_group() as tasks:
            for name in "abc":
                tasks.start_soon(system.root.start_child, stage.child(name))
        assert anyio.current_time() == 5


async def test_only_one_of_many_starts_of_the_same_name_wins() -> None:
    stage = Stage(a=Act(start=0.001))
    outcomes: list[str] = []
    async with open_system(on_event=stage.event) as system, anyio.create_task_group() as tasks:

        async def start() -> None:
            try:
                await system.root.start_child(stage.child("a"))
                outcomes.append("started")
            except NameTaken:
                outcomes.append("taken")

        for _ in range(5):
            tasks.start_soon(start)
    assert sorted(outcomes) == ["started"] + ["taken"] * 4
    assert stage.lives == {"a": 1}


async def test_stop_child_by_many_at_the_same_time() -> None:
    stage = Stage(a=Act(cleanup=0.001))
    async with open_system(stage.child("a"), on_event=stage.event) as system:
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(system.root.stop_child, "a")
        assert states(system.root) == {"a": "ended"}
        assert stage.log == ["a up", "a down"]


async def test_restart_child_while_stop_child_is_under_way_is_refused() -> None:
    stage = Stage(a=Act(cleanup=0.001))
    async with open_system(stage.child("a"), on_event=stage.event) as system, anyio.create_task_group() as tasks:
        tasks.start_soon(system.root.stop_child, "a")
        await until(lambda: states(system.root) == {"a": "stopping"})
        with pytest.raises(NameTaken):
            await system.root.restart_child("a")
        with pytest.raises(NameTaken):
            system.root.remove_child("a")


async def test_supervisor_that_stops_while_a_child_starts_ends_the_start() -> None:
    stage = Stage(b=Act(start=math.inf))
    async with open_system(supervisor("s", stage.child("a")), stage.child("z"), on_event=stage.event) as system:
        s = system.supervisor("s")
        failures: list[StartFailed] = []

        async def start() -> None:
            with pytest.raises(StartFailed) as caught:
                await s.start_child(stage.child("b"))
            failures.append(caught.value)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(start)
            await until(lambda: "b" in stage.alive)
            await system.root.stop_child("s")
        assert failures[0].exit == SHUTDOWN
    assert stage.alive == set()


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_group_restart_ends_a_start_that_is_under_way(strategy: Strategy) -> None:
    stage = Stage(b=Act(start=math.inf))
    async with open_system(stage.child("a"), strategy=strategy, on_event=stage.event) as system:
        failures: list[StartFailed] = []

        async def start() -> None:
            with pytest.raises(StartFailed) as caught:
                await system.root.start_child(stage.child("b"))
            failures.append(caught.value)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(start)
            await until(lambda: "b" in stage.alive)
            await system.ref("a").tell(Fail())
        assert failures[0].exit == SHUTDOWN
        assert await system.ref("a").ask(WhichLife()) == 2
        assert states(system.root) == {"a": "running"}


# -- cancelled at every point ------------------------------------------------------------------------------------------


async def cancelled_after(count: int, operation: Callable[[], Awaitable[object]]) -> bool:
    """Begin an operation, cancel it after some steps of the scheduler; return whether that came in time."""
    done = False

    async def run() -> None:
        nonlocal done
        await operation()
        done = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await steps(count)
        tasks.cancel_scope.cancel()
    return not done


async def check(stage: Stage, root: Supervisor) -> None:
    """What is listed is what lives, and the next operations work."""
    await stage.settled(root.system)
    running = {name for name, state in states(root).items() if state == "running"}
    assert running == stage.alive
    assert stage.doubled == []
    if "x" in states(root):
        await root.stop_child("x")
        root.remove_child("x")
    await root.start_child(stage.child("x"))
    await root.stop_child("x")


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_start_child_may_be_cancelled_at_any_point(strategy: Strategy) -> None:
    outcomes: set[bool] = set()
    for point in POINTS:
        stage = Stage(x=[Act(pauses=4), Act()])
        x = stage.child("x")
        async with open_system(supervisor("root", *stage.children("ab"), strategy=strategy)) as system:
            cancelled = await cancelled_after(point, partial(system.root.start_child, x))
            assert ("x" in states(system.root)) is not cancelled
            outcomes.add(cancelled)
            if strategy is not Strategy.DYNAMIC:
                await check(stage, system.root)
        assert stage.alive == set()
    assert outcomes == {True, False}


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_stop_child_may_be_cancelled_at_any_point_and_stops_all_the_same(strategy: Strategy) -> None:
    for point in POINTS:
        stage = Stage(x=Act(cleanup=0.0001))
        async with open_system(supervisor("root", *stage.children("axb"), strategy=strategy)) as system:
            begun = point > 0
            await cancelled_after(point, partial(system.root.stop_child, "x"))
            if begun:
                assert states(system.root).get("x", "ended") == "ended"
                assert "x" not in stage.alive
            if strategy is not Strategy.DYNAMIC:
                await check(stage, system.root)


async def test_restart_child_may_be_cancelled_at_any_point() -> None:
    outcomes: set[bool] = set()
    for point in POINTS:
        stage = Stage(x=[Act(), Act(pauses=4), Act()])
        async with open_system(*stage.children("axb"), on_event=stage.event) as system:
            await system.root.stop_child("x")
            cancelled = await cancelled_after(point, partial(system.root.restart_child, "x"))
            assert states(system.root)["x"] == ("ended" if cancelled else "running")
            outcomes.add(cancelled)
            await check(stage, system.root)
    assert outcomes == {True, False}


@pytest.mark.virtual
async def test_static_child_may_be_stopped_and_restarted_while_its_supervisor_still_starts() -> None:
    """Before its turn, or in the middle of its start: the others start all the same, and nobody starts twice."""
    stage = Stage(a=Act(start=1), b=Act(start=1), c=Act(start=1))
    async with open_system(on_event=stage.event) as system, anyio.create_task_group() as tasks:
        tasks.start_soon(system.root.start_child, supervisor("s", *stage.children("abc")))
        await until(lambda: "a" in stage.alive)
        s = system.supervisor("s")
        assert states(s) == {"a": "starting", "b": "starting", "c": "starting"}
        await s.stop_child("a")
        await s.stop_child("c")
        await s.restart_child("c")
        await until(lambda: states(system.root) == {"s": "running"})
        assert states(s) == {"a": "ended", "b": "running", "c": "running"}
        assert stage.lives == {"a": 1, "b": 1, "c": 1}
        assert anyio.current_time() == 1
