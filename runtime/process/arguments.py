"""The arguments of an actor's factory, on their way to the worker that calls it."""

import inspect
import typing
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

from msgspec import Raw
from msgspec.msgpack import Decoder

from ..errors import InvalidActor, NotSendable
from .vocabulary import decoder, encode
from .wire import UNREADABLE

_split = Decoder(list[Raw]).decode


def encode_arguments(factory: Callable[..., Any], arguments: tuple[Any, ...], where: str) -> Raw:
    """Return the arguments as a msgpack array.

    Raises:
        InvalidActor: They would not come out as they go in.
    """
    try:
        encoded = encode(arguments)
        decoded = decode_arguments(factory, encoded, where)
    except (NotSendable, *UNREADABLE) as error:
        raise InvalidActor(f"the arguments of {where} can't travel to a worker process: {error}") from None
    for number, (given, arriving) in enumerate(zip(arguments, decoded, strict=True), 1):
        if given != arriving:
            raise InvalidActor(
                f"argument {number} of {where} would arrive in the worker process as a {type(arriving).__qualname__} "
                f"instead of a {type(given).__qualname__}: annotate the parameter with its type"
            )
    return encoded


def decode_arguments(factory: Callable[..., Any], encoded: Raw, where: str) -> tuple[Any, ...]:
    """Build the arguments of a factory again, by the annotations of its positional parameters.

    Raises:
        InvalidActor: An annotation is of a type that can't be built from bytes.
        ValidationError: An argument is not what its annotation says.
    """
    types = _parameter_types(factory)
    return tuple(decoder(next(types, Any), f"a parameter of {where}")(raw) for raw in _split(encoded))


def _parameter_types(factory: Callable[..., Any]) -> Iterator[Any]:
    hints = typing.get_type_hints(factory.__init__ if isinstance(factory, type) else factory)  # type: ignore[misc]
    for parameter in inspect.signature(factory).parameters.values():
        hint = hints.get(parameter.name, Any)
        if parameter.kind is parameter.VAR_POSITIONAL:
            yield from repeat(hint)
        elif parameter.kind is not parameter.KEYWORD_ONLY:
            yield hint
