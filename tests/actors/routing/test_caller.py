"""A caller that has gone is told apart from a provider that has."""

import math

import pytest
from troupe.actors.routing.caller import CallerGone, Listener, Speaker
from troupe.runtime import Channel, Duplex, Sender
from troupe.runtime.errors import ActorDied, ChannelBroken
from troupe.runtime.exits import Shutdown


def speaker(to_caller: Channel[str], from_caller: Channel[int]) -> Speaker[str, int]:
    return Speaker(Duplex(to_caller, from_caller, math.inf, "router", "Request"))


async def test_it_gives_and_takes() -> None:
    to_caller, from_caller = Channel[str](1), Channel[int](2)
    caller = speaker(to_caller, from_caller)
    await caller.give("hello")
    assert await to_caller.receive() == "hello"
    from_caller.send_nowait(1)
    from_caller.close()
    assert await caller.take() == 1
    assert await caller.take() is None


@pytest.mark.parametrize("how", ["close", "break_off"])
async def test_who_has_gone_is_given_nothing(how: str) -> None:
    channel = Channel[str](1)
    getattr(channel, how)()
    with pytest.raises(CallerGone):
        await Listener(Sender(channel)).give("hello")


@pytest.mark.parametrize("error", [ChannelBroken("the caller left"), ActorDied("router", Shutdown())])
async def test_who_has_gone_gives_nothing(error: Exception) -> None:
    channel = Channel[int](1)
    channel.break_off(error)
    with pytest.raises(CallerGone):
        await speaker(Channel[str](1), channel).take()
