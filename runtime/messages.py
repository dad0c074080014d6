"""Messages: frozen structs that carry the type of their answer.

::

    class Add(Message, frozen=True):                    # tell
        amount: int

    class Total(Request[int], frozen=True): ...         # ask: one reply

    class Watch(StreamRequest[int], frozen=True): ...   # stream: many replies

    class Chat(DuplexRequest[str, Token], frozen=True): # open: send while receiving
        model: str

A subclass with ``control = True`` travels in the control lane: it is served at once, beside whatever data message the
actor is working on, and a full mailbox does not hold it up.
"""

from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin

from msgspec import Struct

R = TypeVar("R")
S = TypeVar("S")


class Message(Struct, frozen=True):
    """What one actor tells another; nothing comes back."""

    control: ClassVar[bool] = False
    """Whether it travels in the control lane, ahead of all data."""


class Request(Message, Generic[R], frozen=True):
    """A message with exactly one reply, of type `R`."""


class StreamRequest(Message, Generic[R], frozen=True):
    """A message with many replies, each of type `R`."""


class DuplexRequest(Message, Generic[S, R], frozen=True):
    """A message that opens a conversation: items of type `S` go in while items of type `R` come out."""


def answer_types(message: type[Message]) -> tuple[Any, ...]:
    """Return the type arguments a message class gave its request base: ``(R,)`` or ``(S, R)``; ``()`` if none.

    Raises:
        TypeError: The class derives from a request base without saying what is answered.
    """
    for cls in message.__mro__:
        for base in cls.__dict__.get("__orig_bases__", ()):
            if get_origin(base) in (Request, StreamRequest, DuplexRequest):
                return get_args(base)
    if issubclass(message, (Request, StreamRequest, DuplexRequest)):
        raise TypeError(f"{message.__qualname__} does not say what it answers: write Request[int], for example")
    return ()
