"""The side channel: the actors whenever they change, and what happens to them, and nothing of any conversation."""

import json

import pytest
from anyio import move_on_after
from troupe.actors.routing.events import CircuitOpened, ProviderReplaced
from troupe.runtime import Actor, Request, Strategy, child, open_system, supervisor
from troupe.runtime.errors import ActorDied
from troupe.runtime.events import Event, Started
from troupe.services.gateway.happenings import BEHIND, HEARTBEAT, WATCHERS, Happenings

pytestmark = pytest.mark.virtual


class Ping(Request[None], frozen=True): ...


class Fragile(Actor):
    fatal = (RuntimeError,)

    async def ping(self, request: Ping) -> None:
        raise RuntimeError("what the user said")


def replaced(by: str = "b") -> Event:
    return ProviderReplaced(path="voice/llm", provider="a", code="provider_timeout", by=by, error="E", where="")


async def test_the_tree_comes_first_and_again_when_it_changes() -> None:
    happenings = Happenings()
    tree = (supervisor("providers", child(Fragile, name="llm")), supervisor("sessions", strategy=Strategy.DYNAMIC))
    async with open_system(*tree) as system:
        with system.listening(happenings.note):
            lines = happenings.lines(system, "troupe", lambda: False)
            first = json.loads(await anext(lines))
            assert first["type"] == "actors"
            assert [each["path"] for each in first["actors"]] == ["providers", "providers/llm", "sessions"]
            assert first["actors"][-1]["sessions"] == 0
            with pytest.raises(ActorDied):
                await system.ref("providers/llm").ask(Ping())
            seen = [json.loads(await anext(lines)) for _ in range(3)]
            assert "what the user said" not in json.dumps(seen)
            assert any(line["type"] == "event" and line["name"] == "Crashed" for line in seen)
            await lines.aclose()


async def test_an_unchanged_tree_is_told_again_before_a_watcher_gives_up() -> None:
    async with open_system() as system:
        lines = Happenings().lines(system, "troupe", lambda: False)
        await anext(lines)
        begun = system.now()
        await anext(lines)
        assert system.now() - begun == pytest.approx(HEARTBEAT, abs=1)
        await lines.aclose()


async def test_it_ends_when_nobody_is_to_be_told_any_more() -> None:
    async with open_system() as system:
        gone = False
        lines = Happenings().lines(system, "troupe", lambda: gone)
        await anext(lines)
        gone = True
        with move_on_after(5), pytest.raises(StopAsyncIteration):
            await anext(lines)


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (replaced(), "a failed (provider_timeout); b goes on."),
        (replaced(by=""), "a failed (provider_timeout), and there is nobody else."),
        (CircuitOpened(path="voice/llm", provider="a", seconds=2.0), "a is left alone for 2 s."),
        (Started(path="voice/llm", incarnation=1), None),
    ],
)
def test_what_happens_is_told_in_words(event: Event, text: str | None) -> None:
    happenings = Happenings()
    with happenings.watch() as channel:
        happenings.note(event)
        assert (channel.receive_nowait().text if channel.items else None) == text


def test_a_watcher_that_does_not_read_misses_the_oldest() -> None:
    happenings = Happenings()
    with happenings.watch() as channel:
        for _ in range(2 * BEHIND):
            happenings.note(replaced())
        assert len(channel) == BEHIND
    happenings.note(replaced())
    assert len(channel) == BEHIND


def test_only_so_many_may_watch() -> None:
    happenings = Happenings()
    opened = [happenings.watch() for _ in range(WATCHERS)]
    for each in opened:
        each.__enter__()
    assert happenings.full
    opened[0].__exit__(None, None, None)
    assert not happenings.full
