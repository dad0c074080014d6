"""One child, life by life: its states, and what each life leaves behind for the next."""

import math
from random import Random

import anyio
import pytest
from stage import Act, Fail, Oops, Stage, Work, until
from troupe.runtime import Backoff, open_system
from troupe.runtime.cell import Cell
from troupe.runtime.events import Started
from troupe.runtime.exits import SHUTDOWN, Crashed
from troupe.runtime.life import Child, State


@pytest.mark.virtual
async def test_child_goes_through_its_states() -> None:
    stage = Stage(a=Act(start=1))
    backoff = Backoff(first=5, jitter=0, eager=False)
    async with open_system(on_event=stage.event) as system, anyio.create_task_group() as tasks:
        tasks.start_soon(system.root.start_child, stage.child("a", backoff=backoff, shutdown=2))
        await until(lambda: "a" in stage.alive)
        (a,) = system.root.children
        assert a.state is State.STARTING
        await anyio.sleep(1.5)
        assert a.state is State.RUNNING
        assert a.last_exit is None
        await system.ref("a").tell(Fail())
        await until(lambda: a.gone)
        assert a.state is State.BACKING_OFF
        assert isinstance(a.last_exit, Crashed)
        await anyio.sleep(5.5)
        assert a.state is State.STARTING
        await anyio.sleep(1)
        assert a.state is State.RUNNING
        assert isinstance(a.last_exit, Crashed)
        assert a.lives == 2
        tasks.start_soon(system.ref("a").ask, Work(seconds=1))
        await until(lambda: "a work" in stage.log)
        tasks.start_soon(system.root.stop_child, "a")
        await until(lambda: a.state is State.STOPPING)
        await anyio.sleep(2)
        assert a.state is State.ENDED
        assert a.last_exit == SHUTDOWN


@pytest.mark.virtual
@pytest.mark.parametrize("stops", [True, False], ids=["stopped", "timed out"])
async def test_life_that_was_cancelled_while_it_started_is_never_ready(*, stops: bool) -> None:
    """Its lifespan ignores being cancelled for a while, and then yields all the same."""
    stage = Stage(a=Act(start=10, start_stubborn=True))
    async with open_system(on_event=stage.event) as system, anyio.create_task_group() as tasks:

        async def start() -> None:
            with pytest.raises(Exception, match="'a' did not start"):
                await system.root.start_child(stage.child("a", start_timeout=5))

        tasks.start_soon(start)
        await until(lambda: "a" in stage.alive)
        if stops:
            await system.root.stop_child("a")
        await anyio.sleep(11)
        assert stage.log == ["a up", "a down"]  # so thought the actor
        assert [event.path for event in stage.seen(Started)] == [""]


def child(backoff: Backoff) -> Child:
    spec = Stage().child("a", backoff=backoff)
    body: Cell = None  # type: ignore[assignment]  # no life, no body
    return Child(spec, body, kept=True)


async def test_delays_count_up_until_a_life_was_quiet() -> None:
    class Owner:
        system = None

    a = child(Backoff(first=1, factor=2, longest=100, jitter=0, quiet=10))
    assert [a.next_delay(0, Random()) for _ in range(4)] == [0, 1, 2, 4]
    life = a.begin(Owner())  # type: ignore[arg-type]
    assert a.next_delay(1000, Random()) == 8  # never ready, so never quiet
    life.ready_at = 1000
    assert a.next_delay(1009, Random()) == 16
    assert a.next_delay(1010, Random()) == 0
    assert a.backing_off_until == math.inf


async def test_second_life_needs_the_first_one_gone() -> None:
    async with open_system(Stage().child("a")) as system:
        (a,) = system.root.children
        with pytest.raises(AssertionError):
            a.begin(system.root)


async def test_error_that_an_owner_waits_for_is_no_crash_to_react_to() -> None:
    stage = Stage(a=[Act(start_error=Oops("a")), Act()])
    async with open_system(stage.child("b"), intensity=0, on_event=stage.event) as system:
        with pytest.raises(Exception, match="did not start"):
            await system.root.start_child(stage.child("a"))
        await system.root.start_child(stage.child("a"))
        assert stage.lives == {"a": 2, "b": 1}
