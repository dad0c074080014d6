"""Whatever callers, crashes and stops do to an actor behind a connection, in whatever order, the promises hold."""

import random
from collections.abc import Callable, Coroutine

import pytest
from anyio import CancelScope, create_task_group, move_on_after, sleep
from lodgers import Do, DoTold, Echo, Lodger, Note, Numbers, Oops, Shout
from loopback import Loopback
from troupe.runtime import NO_BACKOFF, Ref, child, open_system
from troupe.runtime.errors import ActorDied, DeadlineExceeded

ENDS = (ActorDied, DeadlineExceeded, Oops)
"""How calls may end, other than well."""

heard: list[str] = []
"""What the actor was told, over all its lives: with a loopback they are all in this process."""


class Listener(Lodger):
    def note(self, message: Note) -> None:
        heard.append(message.text)


async def echo(ref: Ref, chance: random.Random) -> None:
    data = chance.randbytes(chance.randint(0, 100))
    assert await ref.ask(Echo(data), timeout=chance.choice([0.001, 1, 5])) == data


async def do(ref: Ref, chance: random.Random) -> None:
    deed = chance.choice(["wait", "fail", "nap", "clean up slowly", "fail for good", "stop normally"])
    await ref.ask(Do(deed), timeout=chance.choice([0.001, 0.02, 1]))


async def tell_to_crash(ref: Ref, chance: random.Random) -> None:
    await ref.tell(DoTold("fail"))


async def stream(ref: Ref, chance: random.Random) -> None:
    count, leave = chance.randint(0, 200), chance.randint(0, 300)
    then = chance.choice(["", "", "fail", "fail for good"])
    received: list[int] = []
    try:
        async with ref.stream(Numbers(count, then), buffer=chance.randint(1, 70), timeout=1) as numbers:
            async for number in numbers:
                received.append(number)
                if len(received) == leave:
                    return
                if chance.random() < 0.02:
                    await sleep(0.01)
        assert (len(received), then) == (count, "")
    finally:
        assert received == list(range(len(received)))


async def converse(ref: Ref, chance: random.Random) -> None:
    async with ref.open(Shout(chance.choice(["", "word 7"])), buffer=chance.randint(1, 5), timeout=1) as conversation:
        for number in range(chance.randint(0, 12)):
            await conversation.send(f"word {number}")
            assert await conversation.receive() == f"WORD {number}"
        if chance.random() < 0.5:
            conversation.finish()
            assert [word async for word in conversation] == []


DEEDS: list[Callable[[Ref, random.Random], Coroutine[None, None, None]]] = [
    echo, echo, do, stream, stream, converse, tell_to_crash,
]  # fmt: skip


@pytest.mark.virtual
@pytest.mark.parametrize("seed", range(4))
async def test_every_call_ends_and_nothing_is_handled_twice(seed: int) -> None:
    chance = random.Random(seed)
    heard.clear()
    told: list[str] = []
    host = Loopback(prefetch=chance.choice([0, 0, 3]))
    concurrency = chance.choice([1, 1, 4])
    spec = child(Listener, name="listener", host=host, backoff=NO_BACKOFF, max_concurrency=concurrency, capacity=10)
    async with open_system(spec, intensity=1_000_000, on_event=lambda _: None) as system:
        ref = system.ref("listener")

        async def call(chance: random.Random) -> None:
            for _ in range(15):
                with move_on_after(chance.choice([0.002, 10, 10])):
                    try:
                        await chance.choice(DEEDS)(ref, chance)
                    except ENDS:
                        pass
                    except Exception as error:
                        if not isinstance(error.__cause__, ENDS):  # what a conversation was broken off with
                            raise

        async def tell() -> None:
            for number in range(100):
                told.append(f"note {number}")
                await ref.tell(Note(told[-1]), timeout=1000)
                await sleep(chance.choice([0, 0, 0.003]))

        async def kill() -> None:
            while True:
                await sleep(chance.random() * 0.2)
                incarnation = ref.cell.incarnation
                worker = getattr(incarnation, "_worker", None)
                if worker is not None:
                    worker.kill()

        async with create_task_group() as disasters:
            if seed % 2:
                disasters.start_soon(kill)
            async with create_task_group() as callers:
                callers.start_soon(tell)
                for number in range(8):
                    callers.start_soon(call, random.Random(seed * 100 + number))
            disasters.cancel_scope.cancel()

        with CancelScope():
            assert await ref.ask(Echo(b"end"), timeout=100) == b"end"
        await sleep(1)  # handlers that clean up slowly
        assert ref.statistics().in_flight == 0
        assert ref.cell.incarnation._worker.session.calls == {}
        assert ref.statistics().mailbox.depth == 0
    assert len(set(heard)) == len(heard)
    if concurrency == 1:
        assert heard == sorted(heard, key=told.index)
    if not seed % 2:  # a tell is lost only with a worker that was killed while it had it
        assert set(heard) == set(told)
