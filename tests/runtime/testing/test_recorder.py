"""Actors that stand in for real ones."""

import pytest
from anyio import create_task_group, sleep
from troupe.runtime import DuplexRequest, Message, Request, StreamRequest, open_system
from troupe.runtime.errors import Unhandled
from troupe.runtime.testing import Recorder


class Add(Message, frozen=True):
    amount: int


class Total(Request[int], frozen=True): ...


class Greet(Request[str], frozen=True):
    name: str


class Numbers(StreamRequest[int], frozen=True): ...


class Echo(DuplexRequest[str, str], frozen=True): ...


class Other(Message, frozen=True): ...


async def test_it_answers_as_told_and_remembers() -> None:
    recorder = Recorder({Add: None, Total: 5, Numbers: [1, 2, 3], Greet: lambda request: f"Hello, {request.name}"})
    async with open_system(recorder.child("stand")) as system:
        ref = system.ref("stand")
        await ref.tell(Add(2))
        assert await ref.ask(Total()) == 5
        assert await ref.ask(Greet("Ada")) == "Hello, Ada"
        async with ref.stream(Numbers()) as numbers:
            assert [number async for number in numbers] == [1, 2, 3]
        with pytest.raises(Unhandled):
            await ref.tell(Other())
    assert recorder.messages == [Add(2), Total(), Greet("Ada"), Numbers()]


async def test_an_exception_is_raised() -> None:
    recorder = Recorder({Total: KeyError("none")})
    async with open_system(recorder.child("stand")) as system:
        with pytest.raises(KeyError, match="none"):
            await system.ref("stand").ask(Total())


@pytest.mark.parametrize("answer", [str.upper, ["ONE", "TWO"]])
async def test_it_converses(answer: object) -> None:
    recorder = Recorder({Echo: answer})
    async with open_system(recorder.child("stand")) as system, system.ref("stand").open(Echo()) as echo:
        for word in ("one", "two"):
            await echo.send(word)
            assert await echo.receive() == word.upper()
        echo.finish()
        assert [item async for item in echo] == []
    assert recorder.items == ["one", "two"]


@pytest.mark.virtual
async def test_messages_can_be_waited_for() -> None:
    recorder = Recorder({Add: None, Total: 1})
    async with open_system(recorder.child("stand")) as system, create_task_group() as tasks:

        async def tell() -> None:
            await sleep(0.5)
            await system.ref("stand").tell(Add(1))
            await system.ref("stand").tell(Add(2))

        tasks.start_soon(tell)
        assert await recorder.expect(Add) == Add(1)
        assert await recorder.expect(Add) == Add(2)
        with pytest.raises(TimeoutError):
            await recorder.expect(Total, within=2)
