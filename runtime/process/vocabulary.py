"""What a parent and its worker can say to each other: derived, on both sides, from the actor's annotations.

Both sides number the message classes in the same order and build the same decoders from the same annotations, so
nothing has to be described on the wire. What msgspec can't build again from bytes is found when the child is specified.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw
from msgspec.msgpack import Decoder, Encoder

from ..actor import Actor
from ..cell import Down
from ..errors import InvalidActor, NotSendable
from ..handlers import Kind
from ..messages import Message, answer_types
from .names import name_of

_encode = Encoder().encode

Decode = Callable[[Raw], Any]


class Word(NamedTuple):
    """One class of messages, and how to read what belongs to it."""

    kind: Kind
    message: Decode
    """Reads the message itself."""
    answer: Decode
    """Reads the reply, or an item of the replies."""
    sent: Decode
    """Reads an item that the caller of `Ref.open` sends."""


class Vocabulary(NamedTuple):
    """All messages of one actor class."""

    names: list[str]
    """What the other side has to have, too."""
    words: list[Word]
    """By number, in the order of the names."""
    numbers: Mapping[type[Message], int]


def vocabulary_of(actor: type[Actor]) -> Vocabulary:
    """Number the messages an actor class handles. `Down` is not among them: it carries a reference.

    Raises:
        InvalidActor: A message, reply or item has a type that can't be built again from bytes.
    """
    known = sorted((name_of(message), message) for message in actor.handlers() if message is not Down)
    return Vocabulary(
        names=[name for name, _ in known],
        words=[_word(message, actor.handlers()[message].kind) for _, message in known],
        numbers={message: number for number, (_, message) in enumerate(known)},
    )


def _word(message: type[Message], kind: Kind) -> Word:
    types = answer_types(message)
    sent, answer = types if kind is Kind.OPEN else (None, *types) if types else (None, None)
    where = message.__qualname__
    return Word(kind, decoder(message, where), decoder(answer, where), decoder(sent, where))


def decoder(wanted: Any, where: str) -> Decode:
    """Return what reads a value of type `wanted`.

    Raises:
        InvalidActor: That type can't be read back from bytes.
    """
    try:
        foreign = next(_foreign(msgspec.inspect.type_info(wanted)), None)
    except TypeError as error:  # two structs without tags in one union, for example
        raise InvalidActor(f"{where} can't travel between processes: {error}") from None
    if foreign is not None:
        raise InvalidActor(
            f"{where} can't travel between processes: {foreign.__qualname__} is not a type that msgspec knows. Use "
            "structs, dataclasses and built-in types; a reference or an open object has to stay where it is."
        )
    return Decoder[Any](wanted).decode


def _foreign(info: Any) -> Iterator[type]:
    """The classes inside a described type that msgspec knows nothing about."""
    seen: list[Any] = []  # types may contain themselves
    todo = [info]
    while todo:
        node = todo.pop()
        if isinstance(node, (tuple, list)):
            todo += node  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(node, msgspec.inspect.CustomType):
            yield node.cls
        elif isinstance(node, (msgspec.inspect.Type, msgspec.inspect.Field)) and not any(node is s for s in seen):
            seen.append(node)
            todo += [getattr(node, field) for field in node.__struct_fields__]


def encode(value: Any) -> Raw:
    """Return a message, reply or item as msgpack.

    Raises:
        NotSendable: There is something in it that is not data.
    """
    try:
        return Raw(_encode(value))
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise NotSendable(f"{type(value).__qualname__} can't travel between processes: {error}") from None
