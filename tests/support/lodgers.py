"""An actor that lives in worker processes: at module level of an importable module, because workers import it."""

import os
import signal
import socket
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import ClassVar

from anyio import CancelScope, Path, sleep, sleep_forever
from msgspec import Struct
from troupe.runtime import Actor, Duplex, DuplexRequest, Message, Ref, Request, Sender, StreamRequest


class Oops(Exception):
    """Its `__init__` can't be called with its `args`."""

    def __init__(self, *, code: int) -> None:
        super().__init__(f"code {code}")
        self.code = code


class Untranslatable(Exception):
    """Its arguments are no data."""


class Fatal(Exception):
    pass


class Place(Struct, frozen=True):
    x: float
    y: float


class Echo(Request[bytes], frozen=True):
    data: bytes


class Move(Request[Place], frozen=True):
    to: Place


class Pid(Request[int], frozen=True):
    pass


class Urgent(Request[str], frozen=True):
    control: ClassVar[bool] = True


class Note(Message, frozen=True):
    text: str


class Notes(Request[list[str]], frozen=True):
    pass


class Do(Request[None], frozen=True):
    """Something that ends badly, or not at all."""

    what: str


class DoTold(Message, frozen=True):
    what: str


class Fill(Request[bytes], frozen=True):
    """As many zeros come back."""

    count: int


class Lie(Request[int], frozen=True):
    """What comes back is no int."""


class Lies(StreamRequest[int], frozen=True):
    """Two numbers, and then something that is none."""

    serious: bool
    """Whether it is data, at least."""


class Numbers(StreamRequest[int], frozen=True):
    count: int
    then: str = ""
    """What to do after the last one."""


class Drone(StreamRequest[int], frozen=True):
    """Numbers for ever, cancelled or not."""


class Shout(DuplexRequest[str, str], frozen=True):
    error: str = ""
    """The word at which to fail."""


class Lodger(Actor):
    """Notes what happens to it, and does what it is told."""

    fatal = (Fatal,)

    def __init__(self, greeting: str = "hello", diary: str = "", place: Place | None = None) -> None:
        self.notes = [greeting]
        self.diary = diary
        self.place = place
        if greeting == "refuse to be built":
            raise Oops(code=1)

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        if self.notes[0] == "never ready":
            await sleep_forever()
        yield
        if self.diary:
            await Path(self.diary).write_text("closed\n")

    async def echo(self, request: Echo) -> bytes:
        return request.data

    async def move(self, request: Move) -> Place:
        self.place = request.to
        return self.place

    async def pid(self, request: Pid) -> int:
        return os.getpid()

    async def urgent(self, request: Urgent) -> str:
        self.notes.append("urgent")
        return "at once"

    def note(self, message: Note) -> None:
        self.notes.append(message.text)

    async def list(self, request: Notes) -> list[str]:
        return self.notes

    async def told(self, message: DoTold) -> None:
        await self.do(Do(message.what))

    async def fill(self, request: Fill) -> bytes:
        return bytes(request.count)

    async def lie(self, request: Lie) -> int:
        return "not a number"  # type: ignore[return-value]

    async def lies(self, request: Lies, replies: Sender[int]) -> None:
        for item in (1, 2, "three" if request.serious else object()):
            await replies.send(item)  # type: ignore[arg-type]
        await self.do(Do("wait"))

    async def drone(self, request: Drone, replies: Sender[int]) -> None:
        with CancelScope(shield=True):
            while True:
                await replies.send(1)

    async def numbers(self, request: Numbers, replies: Sender[int]) -> None:
        try:
            for number in range(request.count):
                await replies.send(number)
                self.notes.append(f"sent {number}")
            if request.then:
                await self.do(Do(request.then))
        finally:
            self.notes.append("stream over")

    async def shout(self, request: Shout, caller: Duplex[str, str]) -> None:
        async for word in caller:
            if word == request.error:
                raise Oops(code=3)
            await caller.send(word.upper())
        self.notes.append("conversation over")

    async def do(self, request: Do) -> None:
        match request.what:
            case "fail":
                raise Oops(code=7)
            case "fail with a key":
                raise KeyError("key")
            case "fail untranslatably":
                raise Untranslatable(object())
            case "fail at length":
                raise ValueError("x" * 200_000)
            case "fail for good":
                raise Fatal
            case "stop normally":
                self.context.stop()
            case "wait":
                self.notes.append("waiting")
                try:
                    await sleep_forever()
                finally:
                    self.notes.append("cancelled")
            case "clean up slowly":
                try:
                    await sleep_forever()
                finally:
                    with CancelScope(shield=True):
                        await sleep(0.5)
                    self.notes.append("cleaned up")
            case "fail when cancelled":
                try:
                    await sleep_forever()
                finally:
                    raise KeyError("late")
            case "nap":
                await sleep(0.01)
            case "exit":
                os._exit(3)
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "freeze":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "block":
                time.sleep(1000)  # noqa: ASYNC251  (that is the point)
            case "babble":
                os.write(connection_descriptor(), b"\xff" * 100)
                await sleep_forever()
            case "hang up":
                socket.socket(fileno=os.dup(connection_descriptor())).shutdown(socket.SHUT_WR)
                await sleep_forever()
            case _:
                raise AssertionError(request.what)


def connection_descriptor() -> int:
    return int(sys.argv[2].partition(":")[2])


def build(greeting: str, *more: Place) -> Lodger:
    return Lodger(greeting, "", more[0] if more else None)


class Tell(Message, frozen=True):
    whom: Ref


class Gossip(Actor):
    """Can't live in a worker: references stay where they are."""

    def tell(self, message: Tell) -> None: ...
