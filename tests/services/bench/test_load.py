"""A load on a server with scripted providers, in processes of its own; nothing here depends on how fast it is."""

from collections.abc import Generator as Giving
from functools import partial
from pathlib import Path

import anyio
import pytest
from anyio import create_task_group
from anyio.from_thread import start_blocking_portal
from conversations import Script, scripted_system
from msgspec.structs import replace
from servers import serving
from troupe.actors.secret import Secret
from troupe.services.bench.crew import Situation
from troupe.services.bench.events import Setup
from troupe.services.bench.knee import Knee
from troupe.services.bench.level import parse
from troupe.services.bench.load import Generator, find_server, measure, ramp, run_of
from troupe.services.bench.order import LoadFailed, Order
from troupe.services.bench.results import Step
from troupe.services.bench.script import Plan
from troupe.services.bench.speech import save, vowels
from troupe.services.gateway.access import Access
from troupe.services.gateway.app import Gateway

pytestmark = pytest.mark.real_time

ORDER = Order(
    url="",
    key="right",
    seconds=1.5,
    warm_up=0.0,
    setup=Setup(silence=0.3),
    plan=Plan(pause=0.8, interrupt_every=2, interrupt_after=0.5),
)


@pytest.fixture(scope="module")
def order() -> Giving[Order]:
    gateway = Gateway(Access((Secret("right"),)), system=partial(scripted_system, Script(), 5.0))
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serving(gateway.application())) as address,
    ):
        yield replace(ORDER, url=address)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("speech") / "speech.npz"
    save(path, [vowels(0.6), vowels(0.8, pitch=170)])
    return path


def test_sessions_of_two_processes_talk(order: Order, sounds: Path) -> None:
    shown: list[Situation] = []
    server = find_server(order)
    assert server is not None
    generator = Generator(replace(order, processes=2), sounds, server, shown.append)
    (step,) = anyio.run(measure, generator, 3, parse("connect max < 1000s, disconnects = 0"))
    assert (step.sessions, sorted(step.distributions["connect"].sessions)) == (3, [0, 1, 2])
    assert step.counts["turns"] >= 3, "each begins within its pause, and what was begun is waited for"
    assert step.counts["frames"] >= 60
    assert step.seconds >= 1.5
    assert len(step.usage) >= 2
    assert step.cpu is not None
    assert step.distributions["lateness"].values
    assert step.spoiled or step.held
    assert shown[-1].opened == 3
    assert shown[-1].progress is not None


def test_ending_early_keeps_what_was_measured(order: Order, sounds: Path) -> None:
    steps: list[Step] = []

    async def end() -> None:
        begun = anyio.Event()

        def show(now: Situation) -> None:
            if now.progress:
                begun.set()

        generator = Generator(replace(order, seconds=1000.0), sounds, None, show)

        async def load() -> None:
            steps.extend(await measure(generator, 1, None))

        async with create_task_group() as tasks:
            tasks.start_soon(load)
            await begun.wait()
            await generator.end()

    anyio.run(end)
    (step,) = steps
    assert 0 < step.seconds < 1000
    assert step.counts["frames"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"key": "wrong"}, "TROUPE_API_KEY"),
        ({"url": "127.0.0.1:1"}, "Connection refused|Connect call failed"),
        ({"pid": 2**22 + 1}, "--pid"),
    ],
)
def test_what_can_not_be_measured_is_told(order: Order, sounds: Path, change: dict[str, str | int], told: str) -> None:
    with pytest.raises(LoadFailed, match=told) as failed:
        changed = replace(order, **change)
        anyio.run(measure, Generator(changed, sounds, find_server(changed), lambda _: None), 1, None)
    assert "wrong" not in str(failed.value)


class Scripted(Generator):
    """Holds a level of at most `knee` sessions, and can't make a load of `limit`."""

    def __init__(self, knee: int, limit: int) -> None:
        self.knee, self.limit, self.ended = knee, limit, False

    async def step(self, sessions: int) -> Step | None:
        errors = 0 if sessions <= self.knee else 1
        return Step(
            sessions=sessions,
            seconds=1.0,
            counts={"errors": errors},
            spoiled="" if sessions < self.limit else "late",
        )


@pytest.mark.parametrize(
    ("knee", "limit", "published", "found", "remark"),
    [
        (11, 99, [4, 8, 10, 11, 12, 16], 11, ""),
        (50, 99, [4, 8, 16, 20], None, "20 sessions hold the level, more were not tried"),
        (50, 10, [4, 8], None, "8 sessions hold the level, more were not tried"),
        (9, 10, [4, 8], None, "8 sessions hold the level, more were not tried"),
        (0, 99, [1, 2, 4], 0, ""),
    ],
)
def test_a_ramp_finds_the_knee_and_publishes_nothing_that_was_spoiled(
    knee: int, limit: int, published: list[int], found: int | None, remark: str
) -> None:
    search, level, told = Knee(4, 20), parse("errors = 0"), list[Step]()
    steps = anyio.run(ramp, Scripted(knee, limit), search, level, told.append)
    assert told == steps
    run = run_of(replace(ORDER, url="localhost", name="ours"), steps, level=level, knee=search)
    assert [step.sessions for step in run.steps] == published
    assert [step.held for step in run.steps] == [sessions <= knee for sessions in published]
    assert run.knee == found
    assert remark in " ".join(run.remarks)
    assert (run.name, run.level) == ("ours", "errors = 0")
    assert "right" not in str(run)
