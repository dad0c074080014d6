"""Exceptions on their way between processes: described, never pickled, so that no process can make another run code.

An exception is built again as the type it had if that type is loaded here (if it is not, nobody can name it in an
``except``) and if its arguments and attributes are plain data. All others become a `RemoteError`. Either way the
traceback from the other process is a note of the exception.

Its ``__init__`` is not called again: with what is not known, and what came of it is in the arguments and attributes.
Two kinds are built by a call: the built-in ones, which keep what they show in fields that only a call sets, and those
whose class says by a ``__reduce__`` of its own what to call it with.
"""

import traceback
from inspect import isclass
from types import FunctionType
from typing import Any, Final, TypeGuard

from msgspec import msgpack

from ..errors import RemoteError
from .names import find_loaded, name_of
from .wire import Fault

FRAMES: Final = 20
"""Frames of a traceback that travel, counted from where it was raised."""

LONGEST: Final = 16 * 1024
"""Bytes of arguments and attributes, and characters of traceback, that travel: any frame has room for these."""


def describe(error: BaseException) -> Fault:
    """Describe an exception."""
    arguments: tuple[Any, ...] = error.__reduce__()[1]  # type: ignore[assignment]
    state = {name: value for name, value in error.__dict__.items() if name != "__notes__"}
    trace = "".join(traceback.format_exception(error, limit=-FRAMES))[-LONGEST:]
    if not (_is_plain(arguments) and _is_plain(state) and len(msgpack.encode((arguments, state))) <= LONGEST):
        return Fault(name_of(type(error)), None, {}, trace)
    return Fault(name_of(type(error)), list(arguments), state, trace)


def rebuild(fault: Fault) -> Exception:
    """Build an exception from its description."""
    error = _same_type(fault) or RemoteError(fault.type)
    error.add_note(f"In the worker process:\n{fault.trace}")
    return error


def _same_type(fault: Fault) -> Exception | None:
    kind = find_loaded(fault.type)
    if fault.arguments is None or not _is_exception(kind):
        return None
    called = kind.__module__ == "builtins" or isinstance(kind.__reduce__, FunctionType)
    try:
        error = kind(*fault.arguments) if called else kind.__new__(kind, *fault.arguments)
    except (TypeError, ValueError):  # it wants something else
        return None
    if not called:
        error.args = tuple(fault.arguments)  # where there is an __init__, OSError.__new__ leaves this to it
    error.__dict__.update(fault.state)
    return error


def _is_plain(value: Any) -> bool:
    """Whether a value comes out of msgpack as it went in, but for tuples, which become lists."""
    kind = value.__class__  # exactly: a subclass of str would come out as a str
    if kind in (list, tuple):
        return all(map(_is_plain, value))
    if kind is dict:
        return all(type(key) is str and _is_plain(item) for key, item in value.items())
    if kind is int:
        return bool(-(2**63) <= value < 2**64)
    return value is None or kind in (bool, float, str, bytes)


def _is_exception(kind: object) -> TypeGuard[type[Exception]]:
    return isclass(kind) and issubclass(kind, Exception)
