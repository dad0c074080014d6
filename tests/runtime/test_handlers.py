"""Handlers are found by annotation, and what is wrong with them is said when the actor is specified."""

from typing import Generic, TypeVar

import pytest
from troupe.runtime import Actor, Duplex, DuplexRequest, Message, Request, Sender, StreamRequest, child
from troupe.runtime.errors import InvalidActor
from troupe.runtime.handlers import Kind, find_handlers
from troupe.runtime.messages import answer_types

T = TypeVar("T")


class Note(Message, frozen=True): ...


class Other(Message, frozen=True): ...


class Question(Request[int], frozen=True): ...


class Many(StreamRequest[str], frozen=True): ...


class Talk(DuplexRequest[bytes, str], frozen=True): ...


class Silent(Request, frozen=True): ...  # type: ignore[type-arg]


class Louder(Question, frozen=True): ...


class Good(Actor):
    def note(self, message: Note | Other) -> None: ...
    async def question(self, request: Question) -> int:
        return 1

    async def many(self, request: Many, replies: Sender[str]) -> None: ...
    async def talk(self, request: Talk, caller: Duplex[str, bytes]) -> None: ...
    async def unrelated(self, number: int) -> None: ...
    def _private(self, message: Note) -> None: ...
    def untyped(self, message): ...  # type: ignore[no-untyped-def]


def test_handlers_are_found_by_their_first_parameter() -> None:
    found = find_handlers(Good)
    assert {message.__name__: handler.kind for message, handler in found.items()} == {
        "Note": Kind.TELL,
        "Other": Kind.TELL,
        "Question": Kind.ASK,
        "Many": Kind.STREAM,
        "Talk": Kind.OPEN,
    }
    assert not found[Note].waits
    assert found[Question].waits


def test_a_subclass_replaces_a_handler_of_the_same_name() -> None:
    class Better(Good):
        async def question(self, request: Question) -> int:
            return 2

    assert find_handlers(Better)[Question].function is Better.question


def test_answer_types_are_inherited() -> None:
    assert answer_types(Louder) == (int,)
    assert answer_types(Talk) == (bytes, str)
    assert answer_types(Note) == ()


class TwoHandlers(Actor):
    def one(self, message: Note) -> None: ...
    def two(self, message: Note) -> None: ...


class WrongAnswer(Actor):
    async def question(self, request: Question) -> str:
        return ""


class WrongContents(Actor):
    async def question(self, request: "Listing") -> list[str]:
        return []


class Listing(Request[list[int]], frozen=True): ...


class NoSender(Actor):
    async def many(self, request: Many) -> None: ...


class WrongSender(Actor):
    async def many(self, request: Many, replies: Sender[int]) -> None: ...


class WrongWayRound(Actor):
    async def talk(self, request: Talk, caller: Duplex[bytes, str]) -> None: ...


class TooManyParameters(Actor):
    async def question(self, request: Question, more: int) -> int:
        return 1


class SynchronousStream(Actor):
    def many(self, request: Many, replies: Sender[str]) -> None: ...


class Generating(Actor):
    async def many(self, request: Many, replies: Sender[str]):  # type: ignore[no-untyped-def]
        yield 1


class NoAnswer(Actor):
    async def silent(self, request: Silent) -> int:
        return 1


class Unreadable(Actor):
    async def question(self, request: "NotDefinedAnywhere") -> int:  # type: ignore[name-defined]  # noqa: F821
        return 1


@pytest.mark.parametrize(
    ("actor", "says"),
    [
        (TwoHandlers, "handled by one already"),
        (WrongAnswer, "answered with int, not str"),
        (WrongContents, r"answered with list\[int\], not list\[str\]"),
        (NoSender, r"\(self, message: Many, replies: Sender\[str\]\)"),
        (WrongSender, r"Sender\[str\]"),
        (WrongWayRound, r"Duplex\[str, bytes\]"),
        (TooManyParameters, r"\(self, message: Question\)"),
        (SynchronousStream, "async def"),
        (Generating, "async generator"),
        (NoAnswer, r"write Request\[int\]"),
        (Unreadable, "module level"),
    ],
)
def test_what_is_wrong_with_a_handler_is_said_with_the_fix(actor: type[Actor], says: str) -> None:
    with pytest.raises(InvalidActor, match=says):
        child(actor, name="wrong")


def test_a_generic_message_class_may_leave_its_answer_to_a_subclass() -> None:
    class Fetch(Request[T], Generic[T], frozen=True): ...

    class FetchInt(Fetch[int], frozen=True): ...

    assert answer_types(Fetch) == (T,)
    assert answer_types(FetchInt) == (T,)
