"""Handlers are found by their annotations: the first parameter's message class says what a method handles.

::

    async def total(self, request: Total) -> int                                # Request[int]
    async def watch(self, request: Watch, replies: Sender[int]) -> None         # StreamRequest[int]
    async def chat(self, request: Chat, caller: Duplex[Token, str]) -> None     # DuplexRequest[str, Token]
    def add(self, message: Add) -> None                                         # Message; plain functions will do

Everything that can be wrong is found when a child is specified, not when its first message comes.
"""

import inspect
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Any

from msgspec import Struct

from .call import Duplex, Sender
from .errors import InvalidActor
from .messages import DuplexRequest, Message, Request, StreamRequest, answer_types


class Kind(Enum):
    """How a message is answered."""

    TELL = "tell"
    ASK = "ask"
    STREAM = "stream"
    OPEN = "open"


class Handler(Struct, frozen=True):
    """One method that handles one class of messages."""

    function: Callable[..., Any]
    """The method, unbound."""
    kind: Kind
    """How it answers."""
    waits: bool
    """Whether it is an ``async def``."""


def kind_of(message: type[Message]) -> Kind:
    """Return how messages of this class are answered."""
    if issubclass(message, DuplexRequest):
        return Kind.OPEN
    if issubclass(message, StreamRequest):
        return Kind.STREAM
    return Kind.ASK if issubclass(message, Request) else Kind.TELL


def find_handlers(actor: type) -> Mapping[type[Message], Handler]:
    """Find the handlers of an actor class and check them against their messages.

    A method is a handler if its name does not begin with an underscore and its first parameter is annotated with a
    message class, or a union of message classes. A subclass's method replaces an inherited one of the same name.

    Raises:
        InvalidActor: A handler does not fit its message; the text says what to write.
    """
    found: dict[type[Message], Handler] = {}
    owners: dict[type[Message], str] = {}
    for name, function in inspect.getmembers(actor, inspect.isfunction):
        if name.startswith("_"):
            continue
        parameters = list(inspect.signature(function).parameters.values())[1:]
        if not parameters or parameters[0].annotation is inspect.Parameter.empty:
            continue
        where = f"{actor.__qualname__}.{name}"
        try:
            hints = typing.get_type_hints(function)
        except NameError as error:
            raise InvalidActor(
                f"{where}: the annotations can't be read ({error}). Define message classes at module level, or leave "
                "out 'from __future__ import annotations'."
            ) from None
        for message in _messages_in(hints[parameters[0].name]):
            if message in found:
                raise InvalidActor(f"{where}: {message.__qualname__} is handled by {owners[message]} already")
            owners[message] = name
            found[message] = _check(where, function, message, [hints.get(p.name) for p in parameters[1:]], hints)
    return found


def _messages_in(annotation: Any) -> list[type[Message]]:
    options = (
        typing.get_args(annotation) if typing.get_origin(annotation) in (typing.Union, UnionType) else [annotation]
    )
    return [option for option in options if isinstance(option, type) and issubclass(option, Message)]


def _check(
    where: str, function: Callable[..., Any], message: type[Message], others: list[Any], hints: dict[str, Any]
) -> Handler:
    kind = kind_of(message)
    try:
        types = answer_types(message)
    except TypeError as error:
        raise InvalidActor(f"{where}: {error}") from None
    match kind:
        case Kind.TELL:
            expected: list[tuple[type, tuple[Any, ...]]] = []
            returns: Any = NoneType
        case Kind.ASK:
            expected, returns = [], types[0]
        case Kind.STREAM:
            expected, returns = [(Sender, types)], NoneType
        case Kind.OPEN:
            expected, returns = [(Duplex, types[::-1])], NoneType
    if inspect.isasyncgenfunction(function):
        raise InvalidActor(
            f"{where}: a handler can't be an async generator, because no cancel scope may be open across a yield; "
            f"take a Sender as second parameter and send to it"
        )
    waits = inspect.iscoroutinefunction(function)
    if not waits and kind in (Kind.STREAM, Kind.OPEN):
        raise InvalidActor(f"{where}: {message.__qualname__} is answered in many steps, so its handler is 'async def'")
    if [(typing.get_origin(other), typing.get_args(other)) for other in others] != expected:
        more = [f"replies: {base.__name__}[{', '.join(map(_name, args))}]" for base, args in expected]
        wanted = ", ".join(["self", f"message: {message.__qualname__}", *more])
        raise InvalidActor(f"{where}: the parameters for {message.__qualname__} are ({wanted})")
    if "return" in hints and not _compatible(hints["return"], returns):
        raise InvalidActor(
            f"{where}: {message.__qualname__} is answered with {_name(returns)}, not {_name(hints['return'])}"
        )
    return Handler(function, kind, waits)


def _compatible(given: Any, wanted: Any) -> bool:
    """Whether `given` is the same type or a plain subclass; what is not plain is left to the type checker."""
    if wanted is Any or given is Any or given == wanted:
        return True
    origin = typing.get_origin(given)
    if origin is None and typing.get_origin(wanted) is None and isinstance(given, type) and isinstance(wanted, type):
        return issubclass(given, wanted)
    return origin is None or origin is not typing.get_origin(
        wanted
    )  # list[str] for list[int] is wrong, a union may be right


def _name(annotation: Any) -> str:
    if annotation is NoneType:
        return "None"
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        return annotation.__qualname__
    return str(annotation).replace("typing.", "")
