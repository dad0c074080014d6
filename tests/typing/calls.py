"""What the type checkers infer of calls; both of them read this, nothing runs it."""

from typing import assert_type

from troupe.runtime import Actor, Duplex, DuplexRequest, Message, Receiver, Ref, Request, Sender, StreamRequest, child


class Note(Message, frozen=True): ...


class Total(Request[int], frozen=True): ...


class Names(Request[list[str]], frozen=True): ...


class Numbers(StreamRequest[float], frozen=True): ...


class Chat(DuplexRequest[str, bytes], frozen=True): ...


class Talker(Actor):
    def __init__(self, greeting: str, times: int) -> None: ...
    async def total(self, request: Total) -> int:
        return 1

    async def numbers(self, request: Numbers, replies: Sender[float]) -> None:
        await replies.send("one")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    async def chat(self, request: Chat, caller: Duplex[bytes, str]) -> None:
        assert_type(await caller.receive(), str)
        await caller.send(b"")


async def ask(ref: Ref) -> None:
    assert_type(await ref.tell(Note()), None)
    assert_type(await ref.ask(Total()), int)
    assert_type(await ref.ask(Names(), timeout=1), list[str])
    await ref.ask(Note())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportUnknownMemberType]
    await ref.ask(Numbers())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportUnknownMemberType]


async def stream(ref: Ref) -> None:
    async with ref.stream(Numbers()) as numbers:
        assert_type(numbers, Receiver[float])
        assert_type(await numbers.receive(), float)
        async for number in numbers:
            assert_type(number, float)


async def converse(ref: Ref) -> None:
    async with ref.open(Chat()) as chat:
        assert_type(chat, Duplex[str, bytes])
        await chat.send("text")
        await chat.send(b"bytes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        assert_type(await chat.receive(), bytes)


def specify() -> None:
    child(Talker, "hello", 3, name="talker")
    child(Talker, "hello", "three", name="talker")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    child(Talker, name="talker")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
