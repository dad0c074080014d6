"""What two processes can say to each other about an actor, from its annotations."""

from dataclasses import dataclass

import pytest
from lodgers import Echo, Lodger, Move, Place, Shout
from msgspec import Raw, Struct, ValidationError
from troupe.runtime import Actor, Down, Duplex, DuplexRequest, Message, Ref, Request, Sender, StreamRequest
from troupe.runtime.errors import InvalidActor, NotSendable
from troupe.runtime.handlers import Kind
from troupe.runtime.process.vocabulary import encode, vocabulary_of


def test_messages_are_numbered_in_the_order_of_their_names() -> None:
    vocabulary = vocabulary_of(Lodger)
    assert vocabulary.names == sorted(vocabulary.names)
    assert vocabulary.names[vocabulary.numbers[Echo]] == "lodgers:Echo"
    assert len(vocabulary.words) == len(vocabulary.names) == len(Lodger.handlers())


def test_words_read_messages_answers_and_items() -> None:
    vocabulary = vocabulary_of(Lodger)
    move = vocabulary.words[vocabulary.numbers[Move]]
    assert move.kind is Kind.ASK
    assert move.message(encode(Move(Place(1, 2)))) == Move(Place(1, 2))
    assert move.answer(encode(Place(1, 2))) == Place(1, 2)
    with pytest.raises(ValidationError):
        move.answer(encode("nowhere"))
    shout = vocabulary.words[vocabulary.numbers[Shout]]
    assert shout.kind is Kind.OPEN
    assert shout.answer(encode("A")) == shout.sent(encode("A")) == "A"


class Ring(Message, frozen=True):
    pass


class Watcher(Actor):
    def down(self, message: Down) -> None: ...

    def ring(self, message: Ring) -> None: ...


def test_a_notice_of_death_stays_at_home() -> None:
    assert list(vocabulary_of(Watcher).numbers) == [Ring]


class Handle:
    """Something open."""


class Node(Struct):
    children: list["Node"]
    payload: dict[str, "Leaf"]


@dataclass
class Leaf:
    handle: Handle


class WithRef(Message, frozen=True):
    to: Ref


class Deep(Message, frozen=True):
    node: Node


class Fetch(Request[Handle], frozen=True):
    pass


class Listen(StreamRequest[list[Handle]], frozen=True):
    pass


class Talk(DuplexRequest[Handle, int], frozen=True):
    pass


class A(Struct):
    pass


class B(Struct):
    pass


class Either(Request[A | B], frozen=True):
    pass


class TakesRef(Actor):
    def take(self, message: WithRef) -> None: ...


class TakesDeep(Actor):
    def take(self, message: Deep) -> None: ...


class Fetches(Actor):
    async def fetch(self, request: Fetch) -> Handle:
        return Handle()


class Streams(Actor):
    async def listen(self, request: Listen, replies: Sender[list[Handle]]) -> None: ...


class Talks(Actor):
    async def talk(self, request: Talk, caller: Duplex[int, Handle]) -> None: ...


class Chooses(Actor):
    async def choose(self, request: Either) -> A | B:
        return A()


@pytest.mark.parametrize(
    ("actor", "complaint"),
    [
        (TakesRef, "WithRef can't travel between processes: Ref is not a type that msgspec knows"),
        (TakesDeep, "Deep can't travel between processes: Handle is"),
        (Fetches, "Fetch can't travel between processes: Handle is"),
        (Streams, "Listen can't travel between processes: Handle is"),
        (Talks, "Talk can't travel between processes: Handle is"),
        (Chooses, "Either can't travel between processes: .* must be tagged"),
    ],
)
def test_types_that_can_not_be_built_again_are_found(actor: type[Actor], complaint: str) -> None:
    with pytest.raises(InvalidActor, match=complaint):
        vocabulary_of(actor)


@pytest.mark.parametrize("value", [object(), [{"a": Handle()}], 2**70, "\ud800"])
def test_what_is_no_data_can_not_be_encoded(value: object) -> None:
    with pytest.raises(NotSendable, match=f"{type(value).__qualname__} can't travel between processes"):
        encode(value)


def test_endless_data_can_not_be_encoded() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(NotSendable):
        encode(endless)


def test_what_is_encoded_is_raw_msgpack() -> None:
    assert isinstance(encode(1), Raw)
    assert bytes(encode([1, None])) == b"\x92\x01\xc0"
