"""Plain JSON data, as far as types can tell."""

from typing import Any, TypeGuard

Json = dict[str, Any]
"""An object."""


def is_object(value: object) -> TypeGuard[Json]:
    """Whether decoded JSON is an object; its keys are strings then."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Whether decoded JSON is an array; `msgspec.to_builtins` keeps tuples."""
    return isinstance(value, list | tuple)
