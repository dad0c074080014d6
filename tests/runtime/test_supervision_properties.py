"""Laws that hold for any tree and any schedule of crashes, stops and starts.

Trees, faults, schedule and the order of tasks come from a seed, so a failure comes again with the same seed:
``SUPERVISION_SEEDS=1000 pytest -k any_tree`` looks at more of them.
"""

import math
import os
from collections import Counter
from contextlib import suppress
from random import Random
from typing import Literal

import anyio
import pytest
from stage import Act, Fail, FailInOwnTask, Later, Oops, Quit, Stage, WhichLife, Work, everybody
from troupe.runtime import Backoff, Message, Ref, Restart, Strategy, open_system, supervisor
from troupe.runtime.cell import Cell
from troupe.runtime.errors import ActorDied, NameTaken, NoSuchName, RestartLimitExceeded, RuntimeFault, StartFailed
from troupe.runtime.events import Started, WouldNotStop
from troupe.runtime.life import State
from troupe.runtime.specs import ActorSpec, SupervisorSpec
from troupe.runtime.supervision import Supervisor
from troupe.runtime.system import System
from troupe.runtime.testing import run

SEEDS = int(os.environ.get("SUPERVISION_SEEDS", "25"))


class Play:
    """One random tree, and what random people do to it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.stage = Stage()
        self.names = 0
        self.refs: dict[int, Ref] = {}
        self.calls = 0
        self.outcomes: Counter[int] = Counter()
        self.replied: set[str] = set()
        self.order_at_end: list[list[str]] = []

    # -- what there is -------------------------------------------------------------------------------------------------

    def name(self) -> str:
        self.names += 1
        return f"n{self.names}"

    def act(self, *, first: bool) -> Act:
        random = self.random
        return Act(
            start=random.choice([0, 0, 0, 0.3, 2]),
            start_error=Oops("start") if not first and random.random() < 0.1 else None,
            cleanup=random.choice([0, 0, 0, 0.5, 3]),
            cleanup_error=Oops("cleanup") if random.random() < 0.1 else None,
            cleanup_stubborn=random.random() < 0.2,
            pauses=random.randrange(3),
        )

    def actor(self, *, fails: bool = False) -> ActorSpec:
        random, name = self.random, self.name()
        self.stage.script[name] = [*(self.act(first=life == 0 and not fails) for life in range(5)), Act()]
        return self.stage.child(
            name,
            restart=random.choice([Restart.PERMANENT, Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY]),
            shutdown=random.choice([0, 0.4, 5]),
            start_timeout=random.choice([1, 30]) if fails else 30,
            backoff=Backoff(first=random.choice([0, 0.1, 1]), eager=random.random() < 0.5),
            max_concurrency=random.choice([1, 3]),
            capacity=random.choice([2, 100]),
        )

    def supervisor(self, depth: int) -> SupervisorSpec:
        random = self.random
        children = [
            self.supervisor(depth - 1) if depth and random.random() < 0.4 else self.actor()
            for _ in range(random.randrange(1, 5))
        ]
        return supervisor(
            self.name(),
            *children,
            strategy=random.choice(list(Strategy)),
            intensity=random.choice([1, 3, 100]),
            restart=random.choice([Restart.PERMANENT, Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY]),
            backoff=Backoff(first=random.choice([0, 0.1, 1])),
        )

    # -- what people do ------------------------------------------------------------------------------------------------

    async def live(self) -> None:
        tree = self.supervisor(2)
        root = supervisor("root", tree, self.actor(), strategy=Strategy.ONE_FOR_ONE, intensity=20)
        ends_by_cancel = self.random.random() < 0.3
        try:
            async with anyio.create_task_group() as outside:
                with anyio.move_on_after(30 if ends_by_cancel else math.inf):
                    async with open_system(root, on_event=self.stage.event, seed=1) as system:
                        self.check_first_start(root)
                        async with anyio.create_task_group() as people:
                            for _ in range(6):
                                people.start_soon(self.person, system, outside)
                        if self.random.random() < 0.5:
                            await self.calm_down(system)
                            self.note_order(system)
        except* RestartLimitExceeded:
            pass

    async def person(self, system: System, outside: anyio.abc.TaskGroup) -> None:
        random = self.random
        for _ in range(12):
            await anyio.sleep(random.choice([0, 0, 0.01, 0.5, 2]))
            supervisors = [system.root, *(c.body for c in everybody(system.root) if isinstance(c.body, Supervisor))]
            where = random.choice(supervisors)
            actors = [c.body for c in everybody(where) if not isinstance(c.body, Supervisor)]
            for cell in actors:
                self.refs[id(cell)] = cell.ref
            if actors:
                ref = random.choice(actors).ref
                for message in self.messages():
                    with suppress(RuntimeFault):
                        ref.tell_nowait(message)
                outside.start_soon(self.call, ref)
            with suppress(ActorDied, NameTaken, NoSuchName, StartFailed):
                with anyio.move_on_after(random.choice([0.001, 1, math.inf])):
                    await self.change(where)

    def messages(self) -> list[Message]:
        kinds = [Later("x"), Later("y"), Fail(), FailInOwnTask(), Quit()]
        return self.random.choices(kinds, weights=[4, 4, 2, 1, 1], k=self.random.randrange(3))

    async def call(self, ref: Ref) -> None:
        """Ask, and note how it ended: each call ends once, and in good time."""
        self.calls += 1
        number = self.calls
        seconds = self.random.choice([0, 0, 0.3, 4])
        stubborn = self.random.random() < 0.1
        try:
            reply = await ref.ask(Work(f"call{number}", seconds, stubborn), timeout=1000)
            assert reply == f"call{number}"
            self.replied.add(reply)
        except ActorDied:
            pass
        self.outcomes[number] += 1

    async def change(self, where: Supervisor) -> None:
        random = self.random
        names = [child.spec.name for child in where.children]
        match random.choice(["start", "start", "supervisor", "stop", "restart", "remove"]):
            case "start":
                await where.start_child(self.actor(fails=True))
            case "supervisor":
                await where.start_child(self.supervisor(1))
            case "stop" if names:
                await where.stop_child(random.choice(names))
            case "restart" if names:
                await where.restart_child(random.choice(names))
            case "remove" if names:
                where.remove_child(random.choice(names))
            case _:
                pass

    # -- what must hold ------------------------------------------------------------------------------------------------

    def check_first_start(self, root: SupervisorSpec) -> None:
        """Until the block begins, everybody has started once, in the order of the specification, depth first."""

        def order(spec: ActorSpec | SupervisorSpec, path: str) -> list[str]:
            children = spec.children if isinstance(spec, SupervisorSpec) else ()
            return [*(below for child in children for below in order(child, f"{path}/{child.name}")), path]

        started = [event.path for event in self.stage.seen(Started) if event.incarnation == 1]
        expected = [path.removeprefix("/") for path in order(root, "")]
        assert [path for path in started if path in expected] == expected

    async def calm_down(self, system: System) -> None:
        """Wait until nothing is left to do."""
        while True:
            await anyio.sleep(1)
            children = everybody(system.root)
            counts = [child.body.statistics() for child in children if isinstance(child.body, Cell)]
            settled = all(child.state in {State.RUNNING, State.ENDED} for child in children) and not self.stage.cleaning
            if settled and not any(count.in_flight or count.mailbox.depth or count.control.depth for count in counts):
                return

    def note_order(self, system: System) -> None:
        """Remember who runs, in the order of the start, when the block ends."""
        self.stage.log.append("the end")
        for one in [system.root, *(c.body for c in everybody(system.root) if isinstance(c.body, Supervisor))]:
            if one.spec.strategy is not Strategy.DYNAMIC:
                running = [child for child in one.children if child.state is State.RUNNING]
                self.order_at_end.append([child.spec.name for child in running])

    def check_end(self) -> None:
        stage = self.stage
        assert stage.doubled == []
        assert stage.alive == set()
        assert sorted(self.outcomes) == list(range(1, self.calls + 1))
        assert set(self.outcomes.values()) <= {1}
        assert all(ref.ended for ref in self.refs.values())
        assert all(count <= 1 for entry, count in Counter(stage.log).items() if "call" in entry), "none works twice"
        stubborn = {event.path.rpartition("/")[2] for event in stage.seen(WouldNotStop)}
        for siblings in self.order_at_end:
            log = stage.log[stage.log.index("the end") :]
            downs = [f"{name} down" for name in reversed(siblings) if name in stage.lives and name not in stubborn]
            assert [entry for entry in log if entry in downs] == downs


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_tree_under_any_schedule_keeps_the_laws(seed: int, backend: Literal["asyncio", "trio"]) -> None:
    play = Play(seed)

    async def main() -> None:
        await play.live()
        for ref in play.refs.values():
            with pytest.raises(ActorDied):
                await ref.ask(WhichLife())

    run(main, backend=backend, seed=seed)
    play.check_end()
