"""A caller that has gone is told apart from a provider that has."""

import pytest
from anyio import create_task_group, current_time, sleep
from troupe.actors.routing.caller import CallerGone, Listener, Speaker
from troupe.actors.routing.watchdog import watchdog
from troupe.runtime import Channel, Duplex, Sender
from troupe.runtime.deadlines import Deadlines
from troupe.runtime.errors import ActorDied, ChannelBroken
from troupe.runtime.exits import Shutdown


def speaker(to_caller: Channel[str], from_caller: Channel[int]) -> Speaker[str, int]:
    return Speaker(Duplex(to_caller, from_caller))


async def test_it_gives_and_takes(deadlines: Deadlines) -> None:
    to_caller, from_caller = Channel[str](2), Channel[int](2)
    caller = speaker(to_caller, from_caller)
    with watchdog("a", deadlines) as dog:
        await caller.give("hello", dog)
    assert await to_caller.receive() == "hello"
    from_caller.send_nowait(1)
    from_caller.close()
    assert await caller.take() == 1
    assert await caller.take() is None


@pytest.mark.virtual
async def test_the_dog_does_not_count_the_time_that_the_caller_takes(deadlines: Deadlines) -> None:
    channel = Channel[str](1)

    async def read_late() -> None:
        await sleep(100)
        await channel.receive()

    async with create_task_group() as tasks:
        with watchdog("a", deadlines) as dog:
            dog.expect(1)
            await Listener(Sender(channel)).give("hello", dog)
            tasks.start_soon(read_late)
            await Listener(Sender(channel)).give("you", dog)
            assert current_time() == 100


@pytest.mark.parametrize("how", ["close", "break_off"])
async def test_who_has_gone_is_given_nothing(deadlines: Deadlines, how: str) -> None:
    channel = Channel[str](1)
    getattr(channel, how)()
    with watchdog("a", deadlines) as dog, pytest.raises(CallerGone):
        await Listener(Sender(channel)).give("hello", dog)


@pytest.mark.parametrize("error", [ChannelBroken("the caller left"), ActorDied("router", Shutdown())])
async def test_who_has_gone_gives_nothing(error: Exception) -> None:
    channel = Channel[int](1)
    channel.break_off(error)
    with pytest.raises(CallerGone):
        await speaker(Channel[str](1), channel).take()
