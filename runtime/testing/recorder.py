"""An actor that stands where a real one would: it answers as told, and remembers what it was sent."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from anyio import fail_after

from ..actor import Actor
from ..call import Duplex, Sender
from ..handlers import Handler, Kind, kind_of
from ..messages import Message
from ..parking import Line
from ..specs import ActorSpec, child

M = TypeVar("M", bound=Message)


class _Stand(Actor):
    """Has whatever handlers its recorder gives it."""


class Recorder:
    """Makes an actor that records, and holds what it recorded, also through restarts.

    ::

        recorder = Recorder({Add: None, Total: 5, Numbers: [1, 2, 3], Greet: lambda request: f"Hello, {request.name}"})
        async with open_system(recorder.child("counter")) as system:
            ...
            add = await recorder.expect(Add)
        assert recorder.messages == [Add(2), Total()]

    Args:
        answers: What it handles, and with what: for a message nothing; for a request the reply; for a stream its items;
            for a conversation the items that come back, one for each that goes in. A function is called with the
            message, or with the item, and gives the answer; an exception is raised.
    """

    def __init__(self, answers: Mapping[type[Message], Any]) -> None:
        self.messages: list[Message] = []
        """All it was sent, in order; the items of conversations are in `items`."""
        self.items: list[Any] = []
        """What callers sent in conversations."""
        self._unseen: deque[Message] = deque()
        self._news = Line()
        self._actor = cast("type[Actor]", type("Recorded", (_Stand,), {}))
        self._actor._handlers = {  # pyright: ignore[reportPrivateUsage]
            message: Handler(self._handler(kind_of(message), answer), kind_of(message), waits=True)
            for message, answer in answers.items()
        }

    def child(self, name: str, **options: Any) -> ActorSpec:
        """Return the specification of the actor; options are those of `troupe.runtime.child`."""
        return child(self._actor, name=name, **options)

    async def expect(self, kind: type[M], *, within: float = 1.0) -> M:
        """Wait for the next message of a kind that no `expect` has returned yet; others stay for theirs.

        Args:
            kind: The message's class.
            within: Seconds to wait.

        Raises:
            TimeoutError: None came.
        """
        with fail_after(within):
            while True:
                for message in self._unseen:
                    if isinstance(message, kind):
                        self._unseen.remove(message)
                        return message
                await self._news.wait()

    def _record(self, message: Message) -> None:
        self.messages.append(message)
        self._unseen.append(message)
        self._news.wake_all()

    def _handler(self, kind: Kind, answer: Any) -> Callable[..., Any]:
        async def reply(_: Actor, message: Message) -> Any:
            self._record(message)
            return _answer(answer, message)

        async def stream(_: Actor, message: Message, replies: Sender[Any]) -> None:
            self._record(message)
            for item in cast("Iterable[Any]", _answer(answer, message)):
                await replies.send(item)

        async def converse(_: Actor, message: Message, caller: Duplex[Any, Any]) -> None:
            self._record(message)
            waiting = None if callable(answer) else iter(cast("Iterable[Any]", _answer(answer, message)))
            async for item in caller:
                self.items.append(item)
                if waiting is None:
                    await caller.send(_answer(answer, item))
                else:
                    for back in waiting:
                        await caller.send(back)
                        break

        handlers: dict[Kind, Callable[..., Any]] = {
            Kind.TELL: reply,
            Kind.ASK: reply,
            Kind.STREAM: stream,
            Kind.OPEN: converse,
        }
        return handlers[kind]


def _answer(answer: Any, to: object) -> Any:
    value = answer(to) if callable(answer) and not isinstance(answer, type) else answer
    if isinstance(value, Exception):
        raise value
    return value
