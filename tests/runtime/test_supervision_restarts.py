"""How often children are restarted, how long it takes, when a supervisor gives up, and what that does to the tree."""

import anyio
import pytest
from stage import TRANSIENT, Act, Fail, Oops, Quit, Stage, Tick, WhichLife, states, until
from troupe.runtime import NO_BACKOFF, Backoff, Ref, Strategy, open_system, supervisor
from troupe.runtime.errors import ActorDied, RestartLimitExceeded, StartFailed
from troupe.runtime.events import GaveUp, Restarting, Started
from troupe.runtime.exits import Crashed

# -- intensity and period ----------------------------------------------------------------------------------------------


def test_defaults_are_3_restarts_in_5_seconds() -> None:
    assert (supervisor("s").intensity, supervisor("s").period) == (3, 5)


async def test_as_many_restarts_as_the_intensity_are_allowed() -> None:
    stage = Stage()
    async with open_system(*stage.children("ab"), intensity=4, on_event=stage.event) as system:
        for name in "abab":
            await stage.crash(system, name)
        assert stage.lives == {"a": 3, "b": 3}


async def test_one_restart_more_than_the_intensity_stops_all_children_and_ends_the_supervisor() -> None:
    stage = Stage()
    with pytest.raises(RestartLimitExceeded) as caught:
        async with open_system(*stage.children("abc"), intensity=1, on_event=stage.event) as system:
            await stage.crash(system, "a")
            stage.take_log()
            system.ref("b").tell_nowait(Fail())
            await anyio.sleep_forever()
    assert str(caught.value) == "supervisor 'root' gives up: more than 1 restarts in 5 s, the last of 'b'"
    assert isinstance(caught.value.__cause__, Oops)
    assert stage.log == ["b down", "c down", "a down"]
    assert [(event.path, event.child) for event in stage.seen(GaveUp)] == [("", "b")]


async def test_intensity_0_gives_up_at_the_first_crash() -> None:
    stage = Stage()
    with pytest.raises(RestartLimitExceeded):
        async with open_system(stage.child("a"), intensity=0, on_event=stage.event) as system:
            await system.ref("a").tell(Fail())
            await anyio.sleep_forever()
    assert stage.seen(Restarting) == []


@pytest.mark.virtual
async def test_restarts_older_than_the_period_do_not_count() -> None:
    stage = Stage()
    async with open_system(stage.child("a"), intensity=2, period=10, on_event=stage.event) as system:
        for _ in range(10):
            await stage.crash(system, "a")
            await anyio.sleep(5)
        assert stage.lives["a"] == 11


async def test_failed_restarts_count() -> None:
    stage = Stage(a=[Act(), Act(start_error=Oops("again"))])
    with pytest.raises(RestartLimitExceeded) as caught:
        async with open_system(stage.child("a"), intensity=5, on_event=stage.event) as system:
            await system.ref("a").tell(Fail())
            await anyio.sleep_forever()
    assert isinstance(caught.value.__cause__, Oops)
    assert str(caught.value.__cause__) == "again"
    assert stage.lives["a"] == 1 + 5


async def test_normal_ends_of_permanent_children_count() -> None:
    stage = Stage()
    with pytest.raises(RestartLimitExceeded):
        async with open_system(stage.child("a"), intensity=1, on_event=stage.event) as system:
            await system.ref("a").tell(Quit())
            await system.ref("a").ask(WhichLife())
            await system.ref("a").tell(Quit())
            await anyio.sleep_forever()


async def test_ends_that_nobody_restarts_do_not_count() -> None:
    stage = Stage()
    async with open_system(
        supervisor("pool", strategy=Strategy.DYNAMIC, intensity=0), stage.child("other"), on_event=stage.event
    ) as system:
        pool = system.supervisor("pool")
        for name in "abc":
            ref = await pool.start_child(stage.child(name, restart=TRANSIENT))
            await ref.tell(Quit())
            await ref.wait_ended()
        with pytest.raises(StartFailed):
            await pool.start_child(Stage(x=Act(start_error=Oops("x"))).child("x"))
        await pool.start_child(stage.child("d"))
        await pool.stop_child("d")


# -- backoff -----------------------------------------------------------------------------------------------------------


@pytest.mark.virtual
async def test_delays_grow_from_crash_to_crash_after_an_eager_first_restart() -> None:
    stage = Stage()
    backoff = Backoff(first=1, factor=3, longest=20, jitter=0)
    async with open_system(stage.child("a", backoff=backoff), intensity=100, on_event=stage.event) as system:
        took: list[float] = []
        for _ in range(6):
            started = anyio.current_time()
            await system.ref("a").tell(Fail())
            await system.ref("a").ask(WhichLife(), timeout=100)
            took.append(round(anyio.current_time() - started, 6))
    assert took == [0, 1, 3, 9, 20, 20]
    assert [(event.delay, event.attempt) for event in stage.seen(Restarting)] == [
        (0, 1), (1, 2), (3, 3), (9, 4), (20, 5), (20, 6),
    ]  # fmt: skip


@pytest.mark.virtual
async def test_quiet_time_resets_the_delays() -> None:
    stage = Stage()
    backoff = Backoff(first=1, jitter=0, quiet=30)
    async with open_system(stage.child("a", backoff=backoff), intensity=100, on_event=stage.event) as system:
        for pause in (29, 31, 0):
            await system.ref("a").tell(Fail())
            await system.ref("a").ask(WhichLife())
            await anyio.sleep(pause)
        await system.ref("a").tell(Fail())
        await system.ref("a").ask(WhichLife())
    assert [event.attempt for event in stage.seen(Restarting)] == [1, 2, 1, 2]


@pytest.mark.virtual
async def test_failed_restart_is_no_quiet_time() -> None:
    stage = Stage(a=[Act(), *[Act(start_error=Oops("again"))] * 3, Act()])
    backoff = Backoff(first=1, jitter=0, quiet=30)
    async with open_system(stage.child("a", backoff=backoff), intensity=100, on_event=stage.event) as system:
        await anyio.sleep(1000)
        await system.ref("a").tell(Fail())
        await system.ref("a").ask(WhichLife(), timeout=100)
    assert [event.delay for event in stage.seen(Restarting)] == [0, 1, 2, 4]


@pytest.mark.virtual
async def test_backing_off_is_a_state_that_says_until_when() -> None:
    stage = Stage()
    backoff = Backoff(first=4, jitter=0, eager=False)
    async with open_system(stage.child("a", backoff=backoff), on_event=stage.event) as system:
        (a,) = system.root.children
        await anyio.sleep(1)
        await system.ref("a").tell(Fail())
        await until(lambda: states(system.root) == {"a": "backing off"})
        await until(lambda: a.backing_off_until == 1 + 4)
        await anyio.sleep(3.9)
        assert states(system.root) == {"a": "backing off"}
        await anyio.sleep(0.2)
        assert states(system.root) == {"a": "running"}
        assert a.backing_off_until == float("inf")


@pytest.mark.virtual
async def test_children_back_off_independently() -> None:
    stage = Stage()

    def slow(delay: float) -> Backoff:
        return Backoff(first=delay, jitter=0, eager=False)

    async with open_system(
        stage.child("a", backoff=slow(5)), stage.child("b", backoff=slow(2)), stage.child("c"), on_event=stage.event
    ) as system:
        stage.take_log()
        for name in "abc":
            system.ref(name).tell_nowait(Fail())
        await system.ref("a").ask(WhichLife(), timeout=10)
        assert [entry for entry in stage.log if entry.endswith("up")] == ["c up", "b up", "a up"]
        assert anyio.current_time() == 5


@pytest.mark.virtual
async def test_requests_are_served_while_a_sibling_backs_off() -> None:
    stage = Stage()
    backoff = Backoff(first=100, longest=100, jitter=0, eager=False)
    async with open_system(stage.child("a", backoff=backoff), stage.child("b"), on_event=stage.event) as system:
        await system.ref("a").tell(Fail())
        await until(lambda: states(system.root)["a"] == "backing off")
        c = await system.root.start_child(stage.child("c"))
        assert await c.ask(WhichLife()) == 1
        assert await system.ref("b").ask(WhichLife()) == 1
        await crash_and_ask(system.ref("b"))
        await system.root.stop_child("b")
        system.root.remove_child("b")
        assert states(system.root) == {"a": "backing off", "c": "running"}
        assert anyio.current_time() == 0


@pytest.mark.virtual
async def test_requests_are_served_while_a_sibling_starts_slowly() -> None:
    stage = Stage(a=[Act(), Act(start=20)], d=Act(start=20))
    async with open_system(*stage.children("ab"), on_event=stage.event) as system, anyio.create_task_group() as tasks:
        await system.ref("a").tell(Fail())
        tasks.start_soon(system.root.start_child, stage.child("d"))
        await until(lambda: states(system.root).get("d") == states(system.root)["a"] == "starting")
        c = await system.root.start_child(stage.child("c"))
        assert await c.ask(WhichLife()) == 1
        await crash_and_ask(system.ref("b"))
        await system.root.stop_child("c")
        assert anyio.current_time() == 0
        assert await system.ref("a").ask(WhichLife(), timeout=30) == 2


async def crash_and_ask(ref: Ref) -> None:
    await ref.tell(Fail())
    assert await ref.ask(WhichLife()) == 2


@pytest.mark.virtual
async def test_stop_interrupts_backing_off() -> None:
    stage = Stage()
    backoff = Backoff(first=100, longest=100, jitter=0, eager=False)
    async with open_system(*stage.children("ab", backoff=backoff), on_event=stage.event) as system:
        a = system.ref("a")
        await a.tell(Fail())
        await until(lambda: states(system.root)["a"] == "backing off")
        await system.root.stop_child("a")
        assert isinstance(await a.wait_ended(), Crashed)
        await system.ref("b").tell(Fail())
        await until(lambda: states(system.root)["b"] == "backing off")
    assert anyio.current_time() == 0
    assert stage.lives == {"a": 1, "b": 1}


@pytest.mark.virtual
async def test_jitter_is_the_same_for_the_same_seed() -> None:
    async def delays(seed: int) -> list[float]:
        stage = Stage()
        async with open_system(
            stage.child("a", backoff=Backoff(jitter=1)), intensity=100, on_event=stage.event, seed=seed
        ) as system:
            for _ in range(5):
                await system.ref("a").tell(Fail())
                await system.ref("a").ask(WhichLife(), timeout=100)
        return [event.delay for event in stage.seen(Restarting)]

    assert await delays(1) == await delays(1) != await delays(2)


# -- nested trees ------------------------------------------------------------------------------------------------------


async def test_supervisor_that_gives_up_is_restarted_by_its_own() -> None:
    stage = Stage()
    async with open_system(
        stage.child("a"),
        supervisor("inner", *stage.children("bc"), intensity=1, backoff=NO_BACKOFF),
        on_event=stage.event,
    ) as system:
        inner, c = system.supervisor("inner"), system.ref("inner/c")
        await stage.crash(system, "inner/b")
        stage.take_log()
        await stage.crash(system, "inner/b")
        assert stage.take_log() == ["b down", "c down", "b up", "c up"]
        assert system.supervisor("inner") is inner
        assert system.ref("inner/c") is c
        assert await c.ask(WhichLife()) == 2
        await stage.crash(system, "inner/b")  # its count begins anew
        assert stage.take_log() == ["b down", "b up"]


async def test_giving_up_escalates_to_the_root() -> None:
    stage = Stage()
    innermost = supervisor("c", stage.child("a"), intensity=1, backoff=NO_BACKOFF)
    middle = supervisor("b", innermost, intensity=1, backoff=NO_BACKOFF)
    with pytest.raises(RestartLimitExceeded) as caught:
        async with open_system(middle, stage.child("other"), intensity=1, on_event=stage.event) as system:
            for _ in range(100):
                await stage.crash(system, "b/c/a")
    assert caught.value.supervisor == "root"
    assert caught.value.child == "b"
    assert isinstance(caught.value.__cause__, RestartLimitExceeded)
    assert stage.lives["a"] == 2 * 2 * 2  # intensities multiply
    assert stage.alive == set()


@pytest.mark.virtual
async def test_supervisor_backs_off_as_a_child_does() -> None:
    stage = Stage()
    backoff = Backoff(first=7, jitter=0, eager=False)
    async with open_system(
        supervisor("inner", stage.child("a"), intensity=0, backoff=backoff), stage.child("b"), on_event=stage.event
    ) as system:
        a = system.ref("inner/a")
        await a.tell(Fail())
        await until(lambda: states(system.root)["inner"] == "backing off")
        assert await a.ask(WhichLife(), timeout=30) == 2  # the mailbox waits through it all
        assert anyio.current_time() == 7


async def test_failed_restart_of_a_supervisor_counts_above_it() -> None:
    stage = Stage(b=[Act(), Act(start_error=Oops("b"))])
    with pytest.raises(RestartLimitExceeded) as caught:
        async with open_system(
            supervisor("inner", *stage.children("ab"), intensity=0, backoff=NO_BACKOFF),
            stage.child("c"), intensity=4, on_event=stage.event,
        ) as system:  # fmt: skip
            await system.ref("inner/a").tell(Fail())
            await anyio.sleep_forever()
    assert isinstance(caught.value.__cause__, StartFailed)
    assert stage.lives == {"a": 1 + 4, "b": 1 + 4, "c": 1}


async def test_order_of_the_children_survives_their_supervisors_restart() -> None:
    stage = Stage()
    async with open_system(
        supervisor(
            "inner",
            stage.child("a", restart=TRANSIENT),
            *stage.children("bc"),
            intensity=0,
            backoff=NO_BACKOFF,
        ),
        stage.child("z"),
        on_event=stage.event,
    ) as system:
        await system.ref("inner/a").tell(Quit())
        await system.ref("inner/a").wait_ended()
        stage.take_log()
        await stage.crash(system, "inner/c")
        assert stage.take_log() == ["c down", "b down", "a up", "b up", "c up"]
        await system.root.stop_child("inner")
        assert stage.take_log() == ["c down", "b down", "a down"]


async def test_children_that_were_added_are_gone_after_their_supervisors_restart() -> None:
    stage = Stage()
    async with open_system(
        supervisor("inner", stage.child("a"), intensity=0, backoff=NO_BACKOFF), stage.child("z"), on_event=stage.event
    ) as system:
        inner = system.supervisor("inner")
        added = await inner.start_child(stage.child("b"))
        stage.take_log()
        await stage.crash(system, "inner/a")
        assert stage.take_log() == ["a down", "b down", "a up"]
        assert added.ended
        assert states(inner) == {"a": "running"}


async def test_stopped_static_child_comes_back_with_its_supervisors_restart() -> None:
    stage = Stage()
    async with open_system(
        supervisor("inner", *stage.children("ab"), intensity=0, backoff=NO_BACKOFF), stage.child("z"),
        on_event=stage.event,
    ) as system:  # fmt: skip
        inner = system.supervisor("inner")
        await inner.stop_child("a")
        inner.remove_child("a")
        await stage.crash(system, "inner/b")
        assert states(inner) == {"a": "running", "b": "running"}
        assert await system.ref("inner/a").ask(WhichLife()) == 2


async def test_streams_into_a_subtree_that_restarts_end_with_actor_died() -> None:
    stage = Stage()
    async with open_system(
        supervisor("inner", *stage.children("ab", shutdown=0), strategy=Strategy.ONE_FOR_ALL), on_event=stage.event
    ) as system:
        with pytest.raises(ActorDied):
            async with system.ref("a").stream(Tick()) as ticks:
                assert await ticks.receive() == 0
                await system.ref("b").tell(Fail())
                async for _ in ticks:
                    pass


async def test_started_events_count_the_lives() -> None:
    stage = Stage()
    async with open_system(stage.child("a"), on_event=stage.event) as system:
        await stage.crash(system, "a")
        await stage.crash(system, "a")
    assert [event.incarnation for event in stage.seen(Started) if event.path == "a"] == [1, 2, 3]
