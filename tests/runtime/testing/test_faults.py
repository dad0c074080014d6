"""Injected faults look like real ones."""

import pytest
from anyio import current_time, wait_all_tasks_blocked
from troupe.runtime import NO_BACKOFF, Actor, Message, Request, Sender, StreamRequest, child, open_system
from troupe.runtime.errors import ActorDied, DeadlineExceeded
from troupe.runtime.exits import Crashed
from troupe.runtime.testing import Fault, Faults, InjectedCrash


class Add(Message, frozen=True): ...


class Total(Request[int], frozen=True): ...


class Numbers(StreamRequest[int], frozen=True): ...


class Worker(Actor):
    def __init__(self) -> None:
        self.total = 0

    def add(self, message: Add) -> None:
        self.total += 1

    def report(self, request: Total) -> int:
        return self.total

    async def count(self, request: Numbers, replies: Sender[int]) -> None:
        await replies.send(1)


WORKER = child(Worker, name="worker", backoff=NO_BACKOFF)


async def test_a_crash_tells_the_caller_and_the_actor_comes_back() -> None:
    faults = Faults()
    async with open_system(faults.into(WORKER), on_event=lambda _: None) as system:
        ref = system.ref("worker")
        await ref.tell(Add())
        assert await ref.ask(Total()) == 1
        faults.next(Fault.CRASH)
        with pytest.raises(ActorDied) as caught:
            await ref.ask(Total())
        assert isinstance(caught.value.exit, Crashed)
        assert isinstance(caught.value.exit.error, InjectedCrash)
        assert await ref.ask(Total()) == 0
    assert faults.injected == [Fault.CRASH]


@pytest.mark.virtual
@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DROP])
async def test_a_call_that_hangs_or_is_lost_meets_its_deadline(fault: Fault) -> None:
    faults = Faults()
    async with open_system(faults.into(WORKER)) as system:
        faults.next(fault)
        with pytest.raises(DeadlineExceeded):
            await system.ref("worker").ask(Total(), timeout=2)
        assert await system.ref("worker").ask(Total()) == 0


async def test_a_message_is_lost_or_let_pass() -> None:
    faults = Faults()
    async with open_system(faults.into(WORKER)) as system:
        ref = system.ref("worker")
        faults.next(None, Fault.DROP, None)
        for _ in range(3):
            await ref.tell(Add())
        assert await ref.ask(Total()) == 2


@pytest.mark.virtual
async def test_a_slow_one_takes_its_time() -> None:
    faults = Faults(delay=3)
    async with open_system(faults.into(WORKER)) as system:
        faults.next(Fault.SLOW)
        start = current_time()
        async with system.ref("worker").stream(Numbers()) as numbers:
            assert [number async for number in numbers] == [1]
        assert current_time() - start == pytest.approx(3)


async def test_chance_is_the_same_for_the_same_seed() -> None:
    async def lost(seed: int) -> list[Fault]:
        faults = Faults(seed=seed, drop=0.5)
        async with open_system(faults.into(WORKER)) as system:
            for _ in range(40):
                await system.ref("worker").tell(Add())
            await wait_all_tasks_blocked()
        return faults.injected

    first = await lost(1)
    assert 10 < len(first) < 30
    assert await lost(1) == first
    assert len(await lost(2)) != len(first) or await lost(3) != first


def test_chances_make_sense() -> None:
    with pytest.raises(ValueError, match="at most 1"):
        Faults(crash=0.6, hang=0.6)
    with pytest.raises(ValueError, match="at least 0"):
        Faults(drop=-0.1)


async def test_the_class_itself_stays_as_it_is() -> None:
    faults = Faults(crash=1)
    faults.into(WORKER)
    async with open_system(WORKER) as system:
        assert await system.ref("worker").ask(Total()) == 0
