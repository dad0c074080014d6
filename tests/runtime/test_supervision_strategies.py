"""Whom a crash takes along, and who comes back: strategies and restart kinds, as in OTP's supervisor."""

import anyio
import pytest
from stage import PERMANENT, TEMPORARY, TRANSIENT, Act, Fail, Oops, Quit, Stage, WhichLife, states, until
from troupe.runtime import AutoShutdown, Backoff, Restart, Strategy, open_system, supervisor
from troupe.runtime.errors import NoSuchName
from troupe.runtime.events import Restarting
from troupe.runtime.exits import NORMAL, SHUTDOWN, Crashed


async def test_one_for_one_restarts_only_the_child_that_ended() -> None:
    stage = Stage()
    async with open_system(*stage.children("abc"), on_event=stage.event) as system:
        assert stage.take_log() == ["a up", "b up", "c up"]
        await stage.crash(system, "b")
        assert stage.take_log() == ["b down", "b up"]


async def test_one_for_all_stops_the_others_in_reverse_and_starts_all_in_order() -> None:
    stage = Stage()
    async with open_system(*stage.children("abc"), strategy=Strategy.ONE_FOR_ALL, on_event=stage.event) as system:
        stage.take_log()
        await stage.crash(system, "b")
        assert stage.take_log() == ["b down", "c down", "a down", "a up", "b up", "c up"]


async def test_rest_for_one_restarts_those_started_after_the_one_that_ended() -> None:
    stage = Stage()
    async with open_system(*stage.children("abcd"), strategy=Strategy.REST_FOR_ONE, on_event=stage.event) as system:
        stage.take_log()
        await stage.crash(system, "b")
        assert stage.take_log() == ["b down", "d down", "c down", "b up", "c up", "d up"]


async def test_rest_for_one_counts_children_that_were_added() -> None:
    stage = Stage()
    async with open_system(*stage.children("ab"), strategy=Strategy.REST_FOR_ONE, on_event=stage.event) as system:
        await system.root.start_child(stage.child("c"))
        stage.take_log()
        await stage.crash(system, "b")
        assert stage.take_log() == ["b down", "c down", "b up", "c up"]
        await stage.crash(system, "c")
        assert stage.take_log() == ["c down", "c up"]


async def test_dynamic_children_restart_alone() -> None:
    stage = Stage()
    async with open_system(
        supervisor("pool", stage.child("a"), strategy=Strategy.DYNAMIC), on_event=stage.event
    ) as system:
        await system.root.start_child(stage.child("b"))
        await system.root.start_child(stage.child("c"))
        stage.take_log()
        await stage.crash(system, "b")
        assert stage.take_log() == ["b down", "b up"]


async def test_children_that_crash_together_are_one_restart() -> None:
    stage = Stage()
    async with open_system(
        *stage.children("abc"), strategy=Strategy.ONE_FOR_ALL, intensity=1, on_event=stage.event
    ) as system:
        stage.take_log()
        await stage.crash(system, "a", "b", "c")
        assert stage.take_log()[-3:] == ["a up", "b up", "c up"]
        assert len(stage.seen(Restarting)) == 1


@pytest.mark.parametrize("strategy", list(Strategy))
@pytest.mark.parametrize(
    ("restart", "message", "comes_back"),
    [
        (PERMANENT, Fail(), True),
        (PERMANENT, Quit(), True),
        (TRANSIENT, Fail(), True),
        (TRANSIENT, Quit(), False),
        (TEMPORARY, Fail(), False),
        (TEMPORARY, Quit(), False),
    ],
    ids=lambda value: getattr(value, "value", type(value).__name__),
)
async def test_restart_kind_decides_who_comes_back(
    strategy: Strategy, restart: Restart, message: Fail | Quit, *, comes_back: bool
) -> None:
    stage = Stage()
    async with open_system(
        supervisor("top", stage.child("a", restart=restart), strategy=strategy), on_event=stage.event
    ) as system:
        ref = system.ref("a")
        await ref.tell(message)
        if comes_back:
            assert await ref.ask(WhichLife()) == 2
        else:
            exit = await ref.wait_ended()
            assert exit == NORMAL if isinstance(message, Quit) else isinstance(exit, Crashed)
        assert ref.ended is not comes_back


async def test_transient_child_that_ended_normally_keeps_its_specification() -> None:
    stage = Stage()
    async with open_system(stage.child("a", restart=TRANSIENT), on_event=stage.event) as system:
        ref = system.ref("a")
        await ref.tell(Quit())
        await ref.wait_ended()
        assert states(system.root) == {"a": "ended"}
        again = await system.root.restart_child("a")
        assert again is not ref
        assert await again.ask(WhichLife()) == 2


@pytest.mark.parametrize("message", [Fail(), Quit()], ids=["crash", "normal end"])
async def test_temporary_child_is_forgotten(message: Fail | Quit) -> None:
    stage = Stage()
    async with open_system(stage.child("a", restart=TEMPORARY), on_event=stage.event) as system:
        ref = system.ref("a")
        await ref.tell(message)
        await ref.wait_ended()
        assert states(system.root) == {}
        with pytest.raises(NoSuchName):
            system.ref("a")
        with pytest.raises(NoSuchName, match="no child 'a'; it has none"):
            await system.root.restart_child("a")


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_temporary_child_is_forgotten_also_when_a_siblings_death_kills_it(strategy: Strategy) -> None:
    stage = Stage()
    async with open_system(
        stage.child("a"), stage.child("b", restart=TEMPORARY), stage.child("c"), strategy=strategy,
        on_event=stage.event,
    ) as system:  # fmt: skip
        ref = system.ref("b")
        stage.take_log()
        await stage.crash(system, "a")
        assert stage.take_log() == ["a down", "c down", "b down", "a up", "c up"]
        assert await ref.wait_ended() == SHUTDOWN
        assert states(system.root) == {"a": "running", "c": "running"}


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_group_restart_leaves_alone_who_has_ended_for_good(strategy: Strategy) -> None:
    """Here OTP differs: it would start them again with the others."""
    stage = Stage()
    async with open_system(
        stage.child("a"), stage.child("b", restart=TRANSIENT), stage.child("c"), strategy=strategy,
        on_event=stage.event,
    ) as system:  # fmt: skip
        await system.ref("b").tell(Quit())
        await system.ref("b").wait_ended()
        await system.root.stop_child("c")
        stage.take_log()
        await stage.crash(system, "a")
        assert stage.take_log() == ["a down", "a up"]
        assert states(system.root) == {"a": "running", "b": "ended", "c": "ended"}


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_member_that_fails_to_restart_takes_the_group_along_again(strategy: Strategy) -> None:
    stage = Stage(b=[Act(), Act(start_error=Oops("again")), Act()])
    async with open_system(*stage.children("abc"), strategy=strategy, on_event=stage.event) as system:
        stage.take_log()
        await stage.crash(system, "b")
        if strategy is Strategy.ONE_FOR_ALL:
            expected = ["b down", "c down", "a down", "a up", "b down", "a down", "a up", "b up", "c up"]
        else:
            expected = ["b down", "c down", "b down", "b up", "c up"]
        assert stage.take_log() == expected
        assert len(stage.seen(Restarting)) == 2


@pytest.mark.virtual
@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_group_waits_for_each_member_to_be_ready(strategy: Strategy) -> None:
    stage = Stage(a=[Act(), Act(start=3)])
    async with open_system(*stage.children("ab"), strategy=strategy, on_event=stage.event) as system:
        system.ref("a").tell_nowait(Fail())
        await until(lambda: states(system.root) == {"a": "starting", "b": "backing off"})
        await anyio.sleep(2)
        assert states(system.root) == {"a": "starting", "b": "backing off"}
        await anyio.sleep(2)
        assert states(system.root) == {"a": "running", "b": "running"}


@pytest.mark.virtual
@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_stopping_one_member_of_a_group_that_backs_off_leaves_the_others(strategy: Strategy) -> None:
    stage = Stage()
    slow = Backoff(first=1, jitter=0, eager=False)
    async with open_system(*stage.children("abc", backoff=slow), strategy=strategy, on_event=stage.event) as system:
        system.ref("a").tell_nowait(Fail())
        await until(lambda: set(states(system.root).values()) == {"backing off"})
        await system.root.stop_child("a")
        await anyio.sleep(1.5)
        assert states(system.root) == {"a": "ended", "b": "running", "c": "running"}


@pytest.mark.virtual
@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
async def test_child_added_while_its_group_backs_off_is_started_once(strategy: Strategy) -> None:
    stage = Stage()
    slow = Backoff(first=1, jitter=0, eager=False)
    async with open_system(*stage.children("ab", backoff=slow), strategy=strategy, on_event=stage.event) as system:
        system.ref("a").tell_nowait(Fail())
        await until(lambda: set(states(system.root).values()) == {"backing off"})
        await system.root.start_child(stage.child("c"))
        await anyio.sleep(1.5)
        assert states(system.root) == {"a": "running", "b": "running", "c": "running"}
        assert stage.lives == {"a": 2, "b": 2, "c": 1}


# -- significant children ----------------------------------------------------------------------------------------------


async def run_until_it_ends(stage: Stage, *quits: str, auto_shutdown: AutoShutdown) -> bool:
    """Let children end by themselves one after the other; return whether their supervisor ended with the last one."""
    team = supervisor(
        "team",
        stage.child("a", restart=TRANSIENT, significant=True),
        stage.child("b", restart=TEMPORARY, significant=True),
        stage.child("c", restart=TRANSIENT),
        auto_shutdown=auto_shutdown,
        restart=TEMPORARY,
    )
    async with open_system(team, stage.child("other"), on_event=stage.event) as system:
        ended = system.supervisor("team").ended
        for name in quits:
            assert not ended.is_set
            await system.ref(f"team/{name}").tell(Quit())
            await stage.settled(system)
        return ended.is_set and ended.value == SHUTDOWN


async def test_any_significant_child_that_ends_by_itself_ends_the_supervisor() -> None:
    assert not await run_until_it_ends(Stage(), "c", auto_shutdown=AutoShutdown.ANY_SIGNIFICANT)
    assert await run_until_it_ends(Stage(), "c", "a", auto_shutdown=AutoShutdown.ANY_SIGNIFICANT)
    assert await run_until_it_ends(Stage(), "b", auto_shutdown=AutoShutdown.ANY_SIGNIFICANT)


async def test_all_significant_children_have_to_end_to_end_the_supervisor() -> None:
    assert not await run_until_it_ends(Stage(), "a", "c", auto_shutdown=AutoShutdown.ALL_SIGNIFICANT)
    assert await run_until_it_ends(Stage(), "a", "b", auto_shutdown=AutoShutdown.ALL_SIGNIFICANT)


async def test_auto_shutdown_stops_the_remaining_children_in_reverse() -> None:
    stage = Stage()
    async with open_system(
        supervisor(
            "team",
            stage.child("a", restart=TRANSIENT, significant=True),
            *stage.children("bc"),
            auto_shutdown=AutoShutdown.ANY_SIGNIFICANT,
            restart=TEMPORARY,
        ),
        stage.child("other"),
        on_event=stage.event,
    ) as system:
        stage.take_log()
        team = system.supervisor("team")
        await system.ref("team/a").tell(Quit())
        assert await team.wait_ended() == SHUTDOWN
        assert stage.take_log() == ["a down", "c down", "b down"]


async def test_significant_child_that_is_restarted_does_not_count_as_ended() -> None:
    stage = Stage()
    async with open_system(
        supervisor(
            "team",
            stage.child("a", restart=TRANSIENT, significant=True),
            auto_shutdown=AutoShutdown.ANY_SIGNIFICANT,
        ),
        stage.child("other"),
        on_event=stage.event,
    ) as system:
        await system.ref("team/a").tell(Fail())
        assert await system.ref("team/a").ask(WhichLife()) == 2


async def test_significant_child_stopped_by_its_supervisor_does_not_trigger_auto_shutdown() -> None:
    stage = Stage()
    async with open_system(
        supervisor(
            "team",
            stage.child("a", restart=TRANSIENT, significant=True),
            stage.child("b"),
            stage.child("c", restart=TEMPORARY, significant=True),
            strategy=Strategy.REST_FOR_ONE,
            auto_shutdown=AutoShutdown.ANY_SIGNIFICANT,
        ),
        stage.child("other"),
        on_event=stage.event,
    ) as system:
        team = system.supervisor("team")
        await team.stop_child("a")
        await stage.crash(system, "team/b")  # takes c along
        assert states(team) == {"a": "ended", "b": "running"}


async def test_auto_shutdown_of_a_permanent_supervisor_restarts_it() -> None:
    stage = Stage()
    async with open_system(
        supervisor(
            "team",
            stage.child("a", restart=TRANSIENT, significant=True),
            auto_shutdown=AutoShutdown.ANY_SIGNIFICANT,
            restart=PERMANENT,
        ),
        stage.child("other"),
        on_event=stage.event,
    ) as system:
        await system.ref("team/a").tell(Quit())
        await stage.settled(system)
        assert await system.ref("team/a").ask(WhichLife()) == 2
