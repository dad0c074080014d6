"""Everything that can go wrong with a child, and what its supervisor makes of it."""

import asyncio
import gc
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import pytest
from stage import (
    TEMPORARY,
    TRANSIENT,
    Act,
    Break,
    Fail,
    FailInOwnTask,
    Oops,
    Quit,
    Stage,
    Tick,
    WhichLife,
    Work,
    states,
    until,
)
from troupe.runtime import Backoff, Message, Restart, Strategy, open_system, supervisor
from troupe.runtime.errors import ActorDied, RestartLimitExceeded, StartFailed, StrayCancellation
from troupe.runtime.events import Crashed, ErrorSuppressed, Restarting, Stopped
from troupe.runtime.exits import Crashed as CrashedExit
from troupe.runtime.exits import Killed

# -- where it crashes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", [Fail(), FailInOwnTask()], ids=["in a handler", "in a task of its own"])
async def test_crash_restarts(message: Message) -> None:
    stage = Stage()
    async with open_system(stage.child("a"), on_event=stage.event) as system:
        await system.ref("a").tell(message)
        await until(lambda: stage.lives["a"] == 2)
        assert await system.ref("a").ask(WhichLife()) == 2
        (crash,) = stage.seen(Crashed)
        assert (crash.path, crash.error) == ("a", "stage.Oops")
        assert "stage.py:" in crash.where


async def test_crash_at_the_restart_is_another_crash() -> None:
    stage = Stage(a=[Act(), Act(start_error=Oops("start")), Act()])
    async with open_system(stage.child("a"), on_event=stage.event) as system:
        await system.ref("a").tell(Fail())
        assert await system.ref("a").ask(WhichLife()) == 3
        assert len(stage.seen(Crashed)) == len(stage.seen(Restarting)) == 2


async def test_crash_in_the_constructor_is_a_failed_start() -> None:
    stage = Stage()

    def act(name: str, life: int) -> Act:
        raise Oops(name)

    stage.act = act  # type: ignore[method-assign]
    with pytest.raises(StartFailed):
        async with open_system(stage.child("a"), on_event=stage.event):
            raise AssertionError


async def test_crash_in_cleanup_restarts_a_permanent_child() -> None:
    stage = Stage(a=[Act(cleanup_error=Oops("cleanup")), Act()])
    async with open_system(stage.child("a"), on_event=stage.event) as system:
        await system.ref("a").tell(Quit())
        assert await system.ref("a").ask(WhichLife()) == 2
        assert [event.error for event in stage.seen(Crashed)] == ["stage.Oops"]


async def test_crash_in_cleanup_after_a_normal_end_restarts_a_transient_child() -> None:
    stage = Stage(a=[Act(cleanup_error=Oops("cleanup")), Act()])
    async with open_system(stage.child("a", restart=TRANSIENT), on_event=stage.event) as system:
        await system.ref("a").tell(Quit())
        assert await system.ref("a").ask(WhichLife()) == 2


@pytest.mark.virtual
async def test_crash_while_being_cancelled_does_not_restart() -> None:
    stage = Stage(a=Act(cleanup=2, cleanup_stubborn=True, cleanup_error=Oops("cleanup")))
    async with open_system(*stage.children("ab", shutdown=1), on_event=stage.event) as system:
        a = system.ref("a")
        await system.root.stop_child("a")
        exit = await a.wait_ended()
        assert isinstance(exit, CrashedExit)
        assert isinstance(exit.error, Oops)
        assert stage.seen(Restarting) == []
        assert states(system.root) == {"a": "ended", "b": "running"}


async def test_second_crash_of_the_same_life_is_noted() -> None:
    stage = Stage()
    async with open_system(stage.child("a"), on_event=stage.event) as system:
        await system.ref("a").tell(FailInOwnTask(tasks=3))
        await until(lambda: stage.lives["a"] == 2)
        assert len(stage.seen(Crashed)) == len(stage.seen(Restarting)) == 1
        assert len(stage.seen(ErrorSuppressed)) == 2


@pytest.mark.parametrize("restart", list(Restart))
async def test_child_that_was_asked_to_stop_is_not_restarted(restart: Restart) -> None:
    stage = Stage()
    async with open_system(stage.child("a", restart=restart), stage.child("b"), on_event=stage.event) as system:
        await system.root.stop_child("a")
        await stage.settled(system)
        assert states(system.root).get("a", "ended") == "ended"
        assert stage.lives == {"a": 1, "b": 1}
        assert stage.seen(Restarting) == []


# -- cancellation is no crash, and what only looks like one ------------------------------------------------------------


@pytest.mark.virtual
async def test_cancellation_is_never_a_crash() -> None:
    stage = Stage()
    with anyio.move_on_after(1):
        async with open_system(
            supervisor("s", *stage.children("ab", shutdown=0)), stage.child("c"), on_event=stage.event
        ) as system:
            async with system.ref("s/a").stream(Tick()) as ticks, anyio.create_task_group() as tasks:
                tasks.start_soon(system.ref("s/b").ask, Work())
                async for _ in ticks:
                    pass
    assert stage.seen(Crashed) == stage.seen(Restarting) == []
    assert {event.path: event.reason for event in stage.seen(Stopped)} == {
        "s/a": "shutdown", "s/b": "shutdown", "s": "shutdown", "c": "shutdown", "": "shutdown",
    }  # fmt: skip


@pytest.mark.parametrize("max_concurrency", [1, 4])
async def test_stray_cancelled_error_crashes_the_actor_and_nobody_else(
    anyio_backend_name: str, max_concurrency: int
) -> None:
    """On asyncio, whoever awaits a future that somebody else cancelled gets a CancelledError."""
    if anyio_backend_name == "trio":
        pytest.skip("on trio nobody can make a Cancelled")
    stage = Stage()
    async with open_system(
        supervisor("s", stage.child("a", max_concurrency=max_concurrency), stage.child("b")),
        stage.child("c"), on_event=stage.event,
    ) as system:  # fmt: skip
        a = system.ref("s/a")
        async with anyio.create_task_group() as tasks:
            if max_concurrency > 1:
                tasks.start_soon(died, lambda: a.ask(Work()))  # occupies the first worker
                await until(lambda: "a work" in stage.log)
            with pytest.raises(ActorDied) as caught:
                await a.ask(Break(asyncio.CancelledError()))
        assert isinstance(caught.value.exit, CrashedExit)
        assert isinstance(caught.value.exit.error, StrayCancellation)
        assert "'s/a' awaited something that was cancelled" in str(caught.value)
        assert await a.ask(WhichLife()) == 2
    assert stage.lives == {"a": 2, "b": 1, "c": 1}


@pytest.mark.parametrize("where", ["start_error", "cleanup_error"])
async def test_stray_cancelled_error_in_a_lifespan_is_a_crash(anyio_backend_name: str, where: str) -> None:
    if anyio_backend_name == "trio":
        pytest.skip("on trio nobody can make a Cancelled")
    stage = Stage(a=[Act(), Act(**{where: asyncio.CancelledError()}), Act()])
    async with open_system(*stage.children("ab"), intensity=10, on_event=stage.event) as system:
        await system.ref("a").tell(Fail())
        if where == "cleanup_error":
            assert await system.ref("a").ask(WhichLife()) == 2
            await system.ref("a").tell(Quit())
        assert await system.ref("a").ask(WhichLife()) == 3
    assert stage.lives == {"a": 3, "b": 1}
    assert "troupe.runtime.errors.StrayCancellation" in [event.error for event in stage.seen(Crashed)]


async def died(ask: Callable[[], Any]) -> None:
    with pytest.raises(ActorDied):
        await ask()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_keyboard_interrupt_and_exit_are_not_swallowed(backend: str, error: type[BaseException]) -> None:
    stage = Stage()

    async def main() -> None:
        async with open_system(
            supervisor("s", *stage.children("ab")), stage.child("c"), on_event=stage.event
        ) as system:
            await system.ref("s/a").ask(Break(error()))

    with pytest.raises((error, BaseExceptionGroup)) as caught:
        anyio.run(main, backend=backend)
    if isinstance(caught.value, BaseExceptionGroup):
        assert caught.value.subgroup(error)
    assert stage.lives == {"a": 1, "b": 1, "c": 1}
    assert stage.alive == set()


# -- many crashes ------------------------------------------------------------------------------------------------------


async def test_10_000_crashes_of_one_child_leave_nothing_behind() -> None:
    stage = Stage()
    root = supervisor("root", stage.child("a"), intensity=10**9, period=0.001)
    async with open_system(root, on_event=lambda _: None) as system:
        a = system.ref("a")

        async def crash(times: int) -> None:
            for _ in range(times - 1):
                await a.tell(Fail())
            await a.ask(WhichLife(), timeout=60)
            await anyio.sleep(0.002)  # the restart window forgets them at the next one
            await a.tell(Fail())
            await a.ask(WhichLife())
            stage.log.clear()

        await crash(1000)
        with nothing_stays_of_each_of(9000):
            await crash(9000)
    assert stage.lives["a"] == 10_001


async def test_thousands_of_children_that_crashed_leave_nothing_behind() -> None:
    stage = Stage()
    async with open_system(on_event=lambda _: None) as system:

        async def crash(times: int) -> None:
            for _ in range(times):
                ref = await system.root.start_child(stage.child("a", restart=TEMPORARY))
                await ref.tell(Fail())
                await ref.wait_ended()
            stage.log.clear()

        await crash(200)
        with nothing_stays_of_each_of(2000):
            await crash(2000)
        assert system.root.children == ()


@contextmanager
def nothing_stays_of_each_of(crashes: int) -> Iterator[None]:
    """Not even one object for each crash."""
    gc.collect()
    before = sys.getallocatedblocks()
    yield
    gc.collect()
    assert sys.getallocatedblocks() - before < crashes  # both event loops keep some cancelled timers for a while


async def test_crash_loop_at_start_ends_without_recursion_and_lets_others_work() -> None:
    stage = Stage(a=[Act(), Act(start_error=Oops("a"))])
    with pytest.raises(RestartLimitExceeded) as caught:
        async with open_system(*stage.children("ab"), intensity=1000, on_event=stage.event) as system:
            await system.ref("a").tell(Fail())
            while True:
                await system.ref("b").ask(WhichLife())
    assert stage.lives == {"a": 1001, "b": 1}
    chain, error = 0, caught.value.__cause__
    while error is not None:
        chain, error = chain + 1, error.__cause__ or error.__context__
    assert chain < 5


# -- cancelled from outside --------------------------------------------------------------------------------------------


@pytest.mark.virtual
@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
@pytest.mark.parametrize(
    ("when", "expected"),
    [(1.5, "backing off"), (2.5, "starting"), (3.5, "running")],
    ids=["in a backoff", "in a slow start", "after a restart"],
)
async def test_tree_may_be_cancelled(strategy: Strategy, when: float, expected: str) -> None:
    stage = Stage(a=[Act(), Act(start=1)])
    backoff = Backoff(first=2, jitter=0, eager=False)
    with anyio.move_on_after(when):
        async with open_system(
            supervisor("s", *stage.children("ab", backoff=backoff), strategy=strategy), stage.child("c"),
            on_event=stage.event,
        ) as system:  # fmt: skip
            system.ref("s/a").tell_nowait(Fail())
            try:
                await anyio.sleep_forever()
            finally:
                assert states(system.supervisor("s"))["a"] == expected
                running = set(stage.alive)
                stage.take_log()
    assert anyio.current_time() == when
    assert stage.alive == set()
    assert stage.log == [f"{name} down" for name in "cba" if name in running]


@pytest.mark.virtual
@pytest.mark.parametrize("depth", [1, 3])
async def test_tree_may_be_cancelled_while_it_starts_slowly(depth: int) -> None:
    stage = Stage(b=Act(start=math.inf), a=Act(cleanup=2))
    tree = supervisor("s", *stage.children("abc"))
    for level in range(depth - 1):
        tree = supervisor(f"s{level}", tree)
    with anyio.move_on_after(1):
        async with open_system(stage.child("z"), tree, on_event=stage.event):
            raise AssertionError
    assert anyio.current_time() == 1 + 2
    assert stage.log == ["z up", "a up", "b down", "a down", "z down"]


@pytest.mark.virtual
async def test_tree_may_be_cancelled_while_a_group_is_being_stopped() -> None:
    stage = Stage(a=Act(cleanup=2), b=Act(cleanup=2), c=Act(cleanup=2))
    with anyio.move_on_after(3):
        async with open_system(*stage.children("abc"), strategy=Strategy.ONE_FOR_ALL, on_event=stage.event) as system:
            stage.take_log()
            system.ref("a").tell_nowait(Fail())
            await anyio.sleep_forever()
    assert stage.log == ["a down", "c down", "b down"]
    assert anyio.current_time() == 6
    assert stage.lives == {"a": 1, "b": 1, "c": 1}


@pytest.mark.virtual
@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_block_may_be_left_at_any_point_of_a_restart(strategy: Strategy) -> None:
    """Backing off, stopping the others, starting slowly: the end comes in the middle of each."""
    backoff = Backoff(first=1, jitter=0, eager=False)
    slow = Act(start=1, cleanup=1)
    for tenths in range(0, 90, 3):
        stage = Stage(a=slow, b=slow, c=slow)
        with anyio.move_on_after(3 + tenths / 10) as scope:
            async with open_system(
                *stage.children("abc", backoff=backoff), strategy=strategy, on_event=stage.event
            ) as system:
                system.ref("b").tell_nowait(Fail())
                await anyio.sleep_forever()
        assert scope.cancelled_caught
        assert stage.alive == set()
        assert stage.doubled == []


# -- killed ------------------------------------------------------------------------------------------------------------


@pytest.mark.virtual
async def test_kill_ends_everybody_at_once_whatever_grace_they_have() -> None:
    stage = Stage(b=[Act(), Act(start=math.inf)])
    async with open_system(
        supervisor("s", *stage.children("ab", shutdown=100), strategy=Strategy.ONE_FOR_ONE),
        supervisor("pool", *stage.children("cd", shutdown=100), strategy=Strategy.DYNAMIC),
        stage.child("e", backoff=Backoff(first=100, longest=100, eager=False)),
        on_event=stage.event,
    ) as system:
        refs = [system.ref(path) for path in ("s/a", "pool/c", "pool/d")]
        async with anyio.create_task_group() as tasks:
            for ref in refs:
                tasks.start_soon(died, lambda ref=ref: ref.ask(Work(), timeout=math.inf))  # type: ignore[misc]
            await until(lambda: {"a work", "c work", "d work"} <= set(stage.log))
            system.ref("s/b").tell_nowait(Fail())
            system.ref("e").tell_nowait(Fail())
            await until(lambda: stage.lives["b"] == 2 and states(system.root)["e"] == "backing off")
            system.kill()
            await system.wait_ended()
        assert [await ref.wait_ended() for ref in refs] == [Killed(100)] * 3
        assert anyio.current_time() == 0
    assert stage.alive == set()
    assert stage.lives == {"a": 1, "b": 2, "c": 1, "d": 1, "e": 1}


@pytest.mark.virtual
async def test_kill_cuts_a_stop_short_that_is_under_way() -> None:
    stage = Stage()
    async with open_system(*stage.children("ab", shutdown=100), on_event=stage.event) as system:
        async with anyio.create_task_group() as tasks:
            for name in "ab":
                tasks.start_soon(died, lambda name=name: system.ref(name).ask(Work(), timeout=math.inf))  # type: ignore[misc]
            await until(lambda: {"a work", "b work"} <= set(stage.log))
            system.request_stop()
            await anyio.sleep(10)
            system.kill()
            await system.wait_ended()
    assert anyio.current_time() == 10
