"""The supervision tree as data and as a picture."""

import anyio
import msgspec
import pytest
from anyio import wait_all_tasks_blocked
from stage import Act, Later, Stage, Work, states, until
from troupe.runtime import (
    NO_BACKOFF,
    Actor,
    Backoff,
    Message,
    Overflow,
    Request,
    System,
    child,
    open_system,
    supervisor,
)
from troupe.runtime.errors import StartFailed
from troupe.runtime.inspect import Node, inspect, render
from troupe.runtime.life import State
from troupe.runtime.specs import ActorSpec


class Crash(Message, frozen=True): ...


class Count(Request[int], frozen=True): ...


class Worker(Actor):
    def crash(self, message: Crash) -> None:
        raise ValueError("secret words of a user")

    def count(self, request: Count) -> int:
        return 1


SLOW = Backoff(first=3, eager=False, jitter=0)


def find(node: Node, path: str) -> Node:
    return next(
        each for each in [node, *(find(c, path) for c in node.children if path.startswith(c.path))] if each.path == path
    )


@pytest.mark.virtual
async def test_the_tree_says_who_runs_who_backs_off_and_why() -> None:
    async with open_system(
        supervisor("speech", child(Worker, name="stt", backoff=SLOW), child(Worker, name="tts")),
        child(Worker, name="model"),
        on_event=lambda _: None,
    ) as system:
        await system.ref("speech/tts").ask(Count())
        await system.ref("speech/stt").tell(Crash())
        await wait_all_tasks_blocked()
        await system.ref("speech/stt").tell(Crash())
        root = inspect(system)

        assert [node.name for node in root.children] == ["speech", "model"]
        assert (root.state, root.kind, root.type) == (State.RUNNING, "supervisor", "one_for_one")
        broken = find(root, "speech/stt")
        assert (broken.state, broken.last_error) == (State.BACKING_OFF, "ValueError")
        assert broken.backing_off == pytest.approx(3, abs=0.2)  # waiting for the others takes a moment of virtual time
        assert broken.statistics is not None
        assert broken.statistics.mailbox.depth == 1
        assert find(root, "speech/tts").statistics.handled == 1  # type: ignore[union-attr]

        remarks = f"for {broken.backing_off:.1f} s  after ValueError  mailbox 1/256  1 handled"
        picture = render(root)
        assert picture.splitlines() == [
            "root  (one_for_one)  running",
            "├─ speech  (one_for_one)  running",
            f"│  ├─ stt  (Worker)  backing off  {remarks}",
            "│  └─ tts  (Worker)  running  1 handled",
            "└─ model  (Worker)  running",
        ]
        assert "secret" not in picture
        assert "\x1b[33mbacking off\x1b[0m" in render(root, colour=True)


@pytest.mark.virtual
async def test_each_state_and_what_is_worth_a_look() -> None:
    stage = Stage(slow=Act(start=100), stuck=Act(cleanup=100))
    quiet = supervisor("quiet", *stage.children("ab"), intensity=0, backoff=NO_BACKOFF)
    busy = stage.child("busy", capacity=2, overflow=Overflow.DROP_OLDEST)
    async with (
        open_system(quiet, stage.child("gone"), busy, stage.child("stuck"), on_event=stage.event) as system,
        anyio.create_task_group() as tasks,
    ):
        await stage.crash(system, "quiet/a")
        await system.root.stop_child("gone")
        tasks.start_soon(system.ref("busy").ask, Work(seconds=1))
        await until(lambda: system.ref("busy").statistics().in_flight == 1)
        for number in range(5):
            system.ref("busy").tell_nowait(Later(str(number)))
        tasks.start_soon(system.root.stop_child, "stuck")
        tasks.start_soon(start_and_lose, system, stage.child("slow"))
        await until(lambda: {"stopping", "starting"} <= set(states(system.root).values()))
        assert render(inspect(system)).splitlines() == [
            "root  (one_for_one)  running",
            "├─ quiet  (one_for_one)  running  restarted 1x  after RestartLimitExceeded",
            "│  ├─ a  (Player)  running  restarted 1x  after Oops  1 handled",
            "│  └─ b  (Player)  running  restarted 1x",
            "├─ gone  (Player)  ended",
            "├─ busy  (Player)  running  1 in flight  mailbox 2/2  3 dropped  1 handled",
            "├─ stuck  (Player)  stopping",
            "└─ slow  (Player)  starting",
        ]
    assert render(inspect(system)) == "root  (one_for_one)  ended"


async def start_and_lose(system: System, spec: ActorSpec) -> None:
    with pytest.raises(StartFailed):
        await system.root.start_child(spec)


def test_snapshot_is_data() -> None:
    node = Node(name="a", path="a", kind="actor", type="A", state=State.RUNNING, restarts=0)
    assert msgspec.json.decode(msgspec.json.encode(node), type=Node) == node
