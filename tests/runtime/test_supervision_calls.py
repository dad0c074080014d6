"""What becomes of messages and calls when their actor crashes, restarts, stops or ends for good."""

import math
from collections.abc import Awaitable, Callable

import anyio
import pytest
from stage import TEMPORARY, Act, Fail, Later, Oops, Quit, Refuse, Stage, Tick, Watch, WhichLife, Work, states, until
from troupe.runtime import Backoff, Ref, Strategy, open_system, supervisor
from troupe.runtime.errors import ActorDied, RestartLimitExceeded, WouldBlock
from troupe.runtime.exits import NORMAL, SHUTDOWN, Crashed, Exit, Killed

SLOW = Backoff(first=10, longest=10, jitter=0, eager=False)


class Outcomes:
    """Calls made in the background, and how each of them ended."""

    def __init__(self, tasks: anyio.abc.TaskGroup) -> None:
        self.tasks = tasks
        self.ended: list[tuple[str, object, float]] = []

    def ask(self, name: str, call: Callable[[], Awaitable[object]]) -> None:
        async def run() -> None:
            try:
                outcome = await call()
            except ActorDied as error:
                outcome = error.exit
            self.ended.append((name, outcome, anyio.current_time()))

        self.tasks.start_soon(run)

    def exits(self) -> list[str]:
        return [f"{name}: {outcome}" for name, outcome, _ in self.ended]


@pytest.mark.virtual
async def test_calls_in_flight_get_actor_died_at_once_and_queued_ones_the_next_life() -> None:
    stage = Stage(a=[Act(cleanup=2), Act()])
    async with (
        open_system(stage.child("a", max_concurrency=2, backoff=SLOW), on_event=stage.event) as system,
        anyio.create_task_group() as tasks,
    ):
        a, calls = system.ref("a"), Outcomes(tasks)
        calls.ask("in flight", lambda: a.ask(Work(), timeout=100))
        await until(lambda: "a work" in stage.log)
        a.tell_nowait(Fail())
        for number in range(3):
            calls.ask(f"queued {number}", lambda: a.ask(WhichLife(), timeout=100))
        await anyio.sleep(1)
        assert [(name, str(exit), at) for name, exit, at in calls.ended] == [("in flight", "crashed with Oops", 0)]
        calls.ask("while it is down", lambda: a.ask(WhichLife(), timeout=100))
    assert sorted(calls.ended[1:]) == [  # type: ignore[type-var]
        ("queued 0", 2, 12), ("queued 1", 2, 12), ("queued 2", 2, 12), ("while it is down", 2, 12),
    ]  # fmt: skip


async def test_message_that_crashed_it_does_not_come_back_and_those_behind_it_do() -> None:
    stage = Stage()
    async with open_system(stage.child("a"), on_event=stage.event) as system:
        for message in (Later("1"), Fail(), Later("2"), Later("3")):
            system.ref("a").tell_nowait(message)
        await system.ref("a").ask(WhichLife())
    assert stage.log == ["a up", "a 1", "a down", "a up", "a 2", "a 3", "a down"]


async def test_error_in_an_ask_is_the_callers_and_no_crash() -> None:
    stage = Stage()
    async with open_system(stage.child("a"), on_event=stage.event) as system:
        with pytest.raises(Oops):
            await system.ref("a").ask(Refuse())
        assert await system.ref("a").ask(WhichLife()) == 1


async def test_streams_in_flight_get_actor_died() -> None:
    stage = Stage()
    async with open_system(stage.child("a", max_concurrency=2), on_event=stage.event) as system:
        a = system.ref("a")
        async with a.stream(Tick()) as ticks:
            assert await ticks.receive() == 0
            await a.tell(Fail())
            with pytest.raises(ActorDied, match="'a' ended: crashed with Oops"):
                await ticks.receive()
        assert await a.ask(WhichLife()) == 2


@pytest.mark.virtual
async def test_queued_call_keeps_its_deadline_through_restarts() -> None:
    stage = Stage()
    async with open_system(stage.child("a", backoff=SLOW), on_event=stage.event) as system:
        await system.ref("a").tell(Fail())
        with pytest.raises(TimeoutError, match="'a' did not answer WhichLife within 3 s"):
            await system.ref("a").ask(WhichLife(), timeout=3)
        assert anyio.current_time() == 3
        assert await system.ref("a").ask(WhichLife(), timeout=30) == 2
        assert system.ref("a").statistics().mailbox.depth == 0


@pytest.mark.virtual
async def test_mailbox_holds_no_more_than_its_capacity_while_the_actor_is_down() -> None:
    stage = Stage()
    async with open_system(stage.child("a", backoff=SLOW, capacity=2), on_event=stage.event) as system:
        a = system.ref("a")
        await a.tell(Fail())
        await until(lambda: states(system.root)["a"] == "backing off")
        a.tell_nowait(Later("1"))
        a.tell_nowait(Later("2"))
        with pytest.raises(WouldBlock):
            a.tell_nowait(Later("3"))
        await a.tell(Later("4"), timeout=30)  # waits for room, and so for the restart
        assert anyio.current_time() == 10
        await a.ask(WhichLife())
        assert stage.log[-3:] == ["a 1", "a 2", "a 4"]


@pytest.mark.virtual
@pytest.mark.parametrize("reason", ["temporary", "gives up", "stopped", "stopped in a backoff", "killed"])
async def test_everybody_gets_actor_died_when_it_ends_for_good(reason: str) -> None:
    stage = Stage()
    options = {"restart": TEMPORARY} if reason == "temporary" else {"backoff": SLOW}
    a_spec = stage.child("a", shutdown=1, capacity=2, **options)
    intensity = 0 if reason == "gives up" else 3
    async with (
        open_system(
            supervisor("s", a_spec, intensity=intensity, restart=TEMPORARY),
            stage.child("z"),
            on_event=stage.event,
        ) as system,
        anyio.create_task_group() as tasks,
    ):
        a, calls = system.ref("s/a"), Outcomes(tasks)
        if reason in {"stopped", "killed"}:
            calls.ask("in flight", lambda: a.ask(Work(), timeout=math.inf))
            await until(lambda: "a work" in stage.log)
        else:
            a.tell_nowait(Fail())
        if reason == "stopped in a backoff":
            await until(lambda: states(system.supervisor("s"))["a"] == "backing off")
        for number in range(4):  # the last ones wait for room
            calls.ask(f"queued {number}", lambda: a.ask(WhichLife(), timeout=math.inf))
        await until(lambda: a.statistics().mailbox.waiting_senders >= 1)
        if reason.startswith("stopped"):
            await system.supervisor("s").stop_child("a")
        elif reason == "killed":
            system.kill()
        exit = await a.wait_ended()
        await until(lambda: len(calls.ended) == 4 + (reason in {"stopped", "killed"}))
        expected: dict[str, type[Exit]] = {"stopped": Killed, "killed": Killed}
        assert isinstance(exit, expected.get(reason, Crashed))
        queued = [outcome for name, outcome, _ in calls.ended if name != "in flight"]
        assert all(outcome in (exit, SHUTDOWN) for outcome in queued)
        for call in (a.tell(Later("late")), a.ask(WhichLife())):
            with pytest.raises(ActorDied):
                await call
        with pytest.raises(ActorDied):
            a.tell_nowait(Later("late"))
        with pytest.raises(ActorDied):
            async with a.stream(Tick()):
                raise AssertionError


@pytest.mark.virtual
async def test_stop_works_off_the_mailbox_and_lets_nothing_new_in() -> None:
    stage = Stage()
    async with open_system(stage.child("a"), on_event=stage.event) as system, anyio.create_task_group() as tasks:
        a, calls = system.ref("a"), Outcomes(tasks)
        for number in range(3):
            calls.ask(str(number), lambda: a.ask(Work(seconds=1)))
        await until(lambda: a.statistics().in_flight == 1 and a.statistics().mailbox.depth == 2)
        a.tell_nowait(Later("last"))
        tasks.start_soon(system.root.stop_child, "a")
        await until(lambda: states(system.root)["a"] == "stopping")
        with pytest.raises(ActorDied):
            await a.tell(Later("too late"))
        assert await a.wait_ended() == SHUTDOWN
    assert [outcome for _, outcome, _ in calls.ended] == ["work"] * 3
    assert stage.log[-2:] == ["a last", "a down"]


@pytest.mark.virtual
async def test_what_is_left_after_the_grace_gets_actor_died_as_soon_as_that_child_is_gone() -> None:
    """Not when the whole tree is: here `a` waits for `b`, which is stopped before it."""
    stage = Stage()
    async with anyio.create_task_group() as tasks:
        async with open_system(
            stage.child("a", shutdown=100), stage.child("b", shutdown=2), on_event=stage.event
        ) as system:
            a, b, calls = system.ref("a"), system.ref("b"), Outcomes(tasks)
            calls.ask("a works", lambda: a.ask(Work(seconds=50), timeout=100))
            calls.ask("b works", lambda: b.ask(Work(seconds=50), timeout=100))
            await until(lambda: {"a work", "b work"} <= set(stage.log))
            calls.ask("b's queue", lambda: b.ask(WhichLife(), timeout=100))
            await until(lambda: b.statistics().mailbox.depth == 1)
    assert [(name, at) for name, _, at in calls.ended] == [("b works", 2), ("b's queue", 2), ("a works", 50)]
    assert calls.ended[1][1] == Killed(2)


@pytest.mark.virtual
async def test_restart_by_a_supervisor_leaves_the_mailbox_alone() -> None:
    """A member of a group that is stopped to be restarted does not work off its mailbox first."""
    stage = Stage()
    async with (
        open_system(*stage.children("ab"), strategy=Strategy.ONE_FOR_ALL, on_event=stage.event) as system,
        anyio.create_task_group() as tasks,
    ):
        a, calls = system.ref("a"), Outcomes(tasks)
        calls.ask("working", lambda: a.ask(Work(seconds=0.001)))
        await until(lambda: "a work" in stage.log)
        calls.ask("queued", lambda: a.ask(WhichLife()))
        await system.ref("b").tell(Fail())
    assert calls.exits() == ["working: work", "queued: 2"]


# -- watching ----------------------------------------------------------------------------------------------------------


async def watch(stage: Stage, ref: Ref, other: Ref) -> None:
    await ref.tell(Watch(other))
    await ref.ask(WhichLife())
    assert not any("saw" in entry for entry in stage.log)


@pytest.mark.parametrize(
    ("message", "seen"), [(Fail(), "crashed with Oops"), (Quit(), "normal")], ids=["crash", "normal end"]
)
async def test_watchers_see_the_end_once(message: Fail | Quit, seen: str) -> None:
    stage = Stage()
    async with open_system(
        stage.child("a"), stage.child("b"), stage.child("c", restart=TEMPORARY), on_event=stage.event
    ) as system:
        a, b = system.ref("a"), system.ref("b")
        await watch(stage, a, system.ref("c"))
        await watch(stage, a, system.ref("c"))
        await watch(stage, b, system.ref("c"))
        await system.ref("c").tell(message)
        await until(lambda: sum("saw" in entry for entry in stage.log) == 2)
        assert sorted(entry for entry in stage.log if "saw" in entry) == [
            f"a saw c end: {seen}", f"b saw c end: {seen}",
        ]  # fmt: skip


async def test_watching_somebody_who_has_ended_tells_at_once() -> None:
    stage = Stage()
    async with open_system(
        stage.child("a"), stage.child("b", restart=TEMPORARY), stage.child("c"), on_event=stage.event
    ) as system:
        b = system.ref("b")
        await b.tell(Quit())
        assert await b.wait_ended() == NORMAL
        await system.ref("a").tell(Watch(b))
        await until(lambda: "a saw b end: normal" in stage.log)


async def test_watchers_do_not_see_restarts() -> None:
    stage = Stage()
    async with open_system(*stage.children("ab"), on_event=stage.event) as system:
        await watch(stage, system.ref("a"), system.ref("b"))
        await stage.crash(system, "b")
        await watch(stage, system.ref("a"), system.ref("b"))
        await system.root.stop_child("b")
        await until(lambda: "a saw b end: shutdown" in stage.log)


async def test_watch_survives_the_watchers_restart() -> None:
    stage = Stage()
    async with open_system(*stage.children("ab"), on_event=stage.event) as system:
        await watch(stage, system.ref("a"), system.ref("b"))
        await stage.crash(system, "a")
        await system.root.stop_child("b")
        await until(lambda: "a saw b end: shutdown" in stage.log)


async def test_watcher_that_ends_first_is_forgotten() -> None:
    stage = Stage()
    async with open_system(*stage.children("ab"), on_event=stage.event) as system:
        await watch(stage, system.ref("a"), system.ref("b"))
        await system.root.stop_child("a")
        await system.root.stop_child("b")
    assert not any("saw" in entry for entry in stage.log)


@pytest.mark.virtual
async def test_down_comes_while_the_watcher_is_busy_with_a_full_mailbox() -> None:
    stage = Stage()
    async with open_system(
        stage.child("a", capacity=1), stage.child("b", restart=TEMPORARY), on_event=stage.event
    ) as system, anyio.create_task_group() as tasks:  # fmt: skip
        a = system.ref("a")
        await watch(stage, a, system.ref("b"))
        tasks.start_soon(lambda: a.ask(Work(seconds=60), timeout=100))
        await until(lambda: "a work" in stage.log)
        a.tell_nowait(Later("full"))
        await system.ref("b").tell(Quit())
        await until(lambda: "a saw b end: normal" in stage.log)
        assert anyio.current_time() == 0


async def test_watchers_of_a_subtree_that_gives_up_see_its_end() -> None:
    stage = Stage()
    async with open_system(
        supervisor("s", *stage.children("bc"), intensity=0, restart=TEMPORARY), stage.child("a"), on_event=stage.event
    ) as system:
        await watch(stage, system.ref("a"), system.ref("s/b"))
        await watch(stage, system.ref("a"), system.ref("s/c"))
        ended = system.supervisor("s")
        await system.ref("s/b").tell(Fail())
        exit = await ended.wait_ended()
        assert isinstance(exit, Crashed)
        assert isinstance(exit.error, RestartLimitExceeded)
        await until(lambda: sum("saw" in entry for entry in stage.log) == 2)
        assert {entry for entry in stage.log if "saw" in entry} == {
            "a saw s/b end: crashed with Oops", "a saw s/c end: shutdown",
        }  # fmt: skip
