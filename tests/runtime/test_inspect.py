"""The supervision tree as data and as a picture."""

import pytest
from anyio import wait_all_tasks_blocked
from troupe.runtime import Actor, Backoff, Message, Request, child, open_system, supervisor
from troupe.runtime.inspect import Node, inspect, render
from troupe.runtime.life import State


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

        picture = render(root)
        assert picture.splitlines() == [
            "root  (one_for_one)  running",
            "├─ speech  (one_for_one)  running",
            "│  ├─ stt  (Worker)  backing off  "
            f"for {broken.backing_off:.1f} s  after ValueError  mailbox 1/256  1 handled",
            "│  └─ tts  (Worker)  running  1 handled",
            "└─ model  (Worker)  running",
        ]
        assert "secret" not in picture
        assert "\x1b[33mbacking off\x1b[0m" in render(root, colour=True)
