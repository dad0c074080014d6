"""Why a JSON value does not fit a type, in OpenAI's words.

msgspec decides, quickly, whether a value fits. Where it does not, this module walks over the value and the type once
more, finds the first fault, and says it as OpenAI does: code, text, and the path of the member. The texts are OpenAI's
own for all its APIs (``Invalid type for 'x': expected an integer, but got a string instead.``); recordings of the
Realtime service show most of them.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

from msgspec import inspect

from .errors import ClientMistake, shown
from .json_values import Json, is_object

Path = tuple[str | int, ...]


class _Fault(NamedTuple):
    path: Path
    code: str
    text: str


def diagnose(
    value: object, expected: Any, *, at: Path = (), rename: Callable[[Path], Path] | None = None
) -> ClientMistake:
    """Return the first fault of a value that does not fit `expected`.

    Args:
        value: plain JSON data.
        expected: the type that msgspec refused it for.
        at: the path of `value` in the client's event.
        rename: maps a path in our shape to that in the client's, for the beta dialect.
    """
    fault = _in_value(value, _described(expected), at)
    if fault is None:  # msgspec refuses something that this walk takes; the property tests look for such cases
        return ClientMistake("invalid_event", "Invalid event: it does not have the expected form.")
    ours = written(fault.path)
    theirs = written(rename(fault.path)) if rename else ours
    return ClientMistake(fault.code, fault.text.replace(f"'{ours}'", f"'{theirs}'", 1), theirs)


def written(path: Path) -> str:
    """Return a path as OpenAI writes it: ``session.tools[3].description``."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{shown(step)}" for step in path)
    return "".join(steps).removeprefix(".")


def wrong_value(path: Path, value: str, supported: Iterable[str]) -> ClientMistake:
    """Return the mistake of a value that is none of those supported."""
    fault = _wrong_value(path, value, supported)
    return ClientMistake(fault.code, fault.text, written(path))


_described = cache(inspect.type_info)

_OBJECTS = (inspect.StructType, inspect.DictType)
_ARRAYS = (inspect.ListType, inspect.VarTupleType)
_TAKEN_BY: dict[str, tuple[type[inspect.Type], ...]] = {
    "null": (inspect.NoneType,),
    "a boolean": (inspect.BoolType,),
    "an integer": (inspect.IntType, inspect.FloatType),
    "a decimal number": (inspect.FloatType,),
    "a string": (inspect.StrType, inspect.LiteralType, inspect.BytesType),
    "an array": _ARRAYS,
    "an object": _OBJECTS,
}
"""For each kind of JSON value, as OpenAI calls it, the types that can take it."""


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal number"
        case str():
            return "a string"
        case list() | tuple():
            return "an array"
        case _:
            return "an object"


def _choices(expected: inspect.Type) -> tuple[inspect.Type, ...]:
    return expected.types if isinstance(expected, inspect.UnionType) else (expected,)


def _in_value(value: object, expected: inspect.Type, path: Path) -> _Fault | None:
    if isinstance(expected, inspect.AnyType):
        return None
    choices = _choices(expected)
    fitting = [choice for choice in choices if isinstance(choice, _TAKEN_BY[_kind(value)])]
    if not fitting:
        return _wrong_type(path, value, _wanted(choices))
    structs = [choice for choice in fitting if isinstance(choice, inspect.StructType)]
    if is_object(value) and structs:
        return _in_struct(value, structs, path)
    faults = [_in_choice(value, choice, path) for choice in fitting]
    return None if None in faults else faults[0]


def _in_choice(value: Any, expected: inspect.Type, path: Path) -> _Fault | None:
    match expected:
        case inspect.LiteralType(values=values):
            return None if value in values else _wrong_value(path, value, map(str, values))
        case inspect.StrType():
            return _in_string(value, expected, path)
        case inspect.BytesType():
            return _in_base64(value, path)
        case inspect.IntType() | inspect.FloatType():
            return _in_number(value, expected, path)
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return _first(_in_value(each, item, (*path, index)) for index, each in enumerate(value))
        case inspect.DictType():
            return _in_dict(value, expected, path)
        case _:
            return None


def _in_struct(value: Json, choices: list[inspect.StructType], path: Path) -> _Fault | None:
    struct = choices[0]
    tag_field = struct.tag_field
    if tag_field is not None and (len(choices) > 1 or tag_field in value):
        at = (*path, tag_field)
        if tag_field not in value:
            return _missing(at)
        tag = value[tag_field]
        if not isinstance(tag, str):
            return _wrong_type(at, tag, "a string")
        tagged = {str(choice.tag): choice for choice in choices}
        if tag not in tagged:
            return _wrong_value(at, tag, tagged)
        struct = tagged[tag]
    fields = {field.encode_name: field for field in struct.fields}
    for name, field in fields.items():
        if field.required and name not in value:
            return _missing((*path, name))
    for name in value:
        if struct.forbid_unknown_fields and name not in fields and name != tag_field:
            return _unknown((*path, name))
    return _first(_in_value(value[name], field.type, (*path, name)) for name, field in fields.items() if name in value)


def _in_dict(value: Json, expected: inspect.DictType, path: Path) -> _Fault | None:
    most = expected.max_length
    if most is not None and len(value) > most:
        return _Fault(
            path,
            "object_above_max_properties",
            f"Invalid '{written(path)}': too many properties. Expected an object with at most {most} properties, "
            f"but got an object with {len(value)} properties instead.",
        )
    return _first(
        _in_value(key, expected.key_type, (*path, key)) or _in_value(each, expected.value_type, (*path, key))
        for key, each in value.items()
    )


def _in_string(value: str, expected: inspect.StrType, path: Path) -> _Fault | None:
    least, most, pattern = expected.min_length, expected.max_length, expected.pattern
    if least is not None and len(value) < least:
        return _Fault(
            path,
            "empty_string",
            f"Invalid '{written(path)}': empty string. Expected a string with minimum length {least}, "
            "but got an empty string instead.",
        )
    if most is not None and len(value) > most:
        return _Fault(
            path,
            "string_above_max_length",
            f"Invalid '{written(path)}': string too long. Expected a string with maximum length {most}, "
            f"but got a string with length {len(value)} instead.",
        )
    if pattern is not None and not re.search(pattern, value):
        return _Fault(
            path,
            "invalid_value",
            f"Invalid '{written(path)}': string does not match pattern. "
            f"Expected a string that matches the pattern '{pattern}'.",
        )
    return None


def _in_base64(value: str, path: Path) -> _Fault | None:
    try:
        a2b_base64(value, strict_mode=True)
    except (Base64Error, ValueError):
        text = f"Invalid '{written(path)}'. Expected base64-encoded audio bytes but got an invalid value."
        return _Fault(path, "invalid_value", text)
    return None


def _in_number(value: float, expected: inspect.IntType | inspect.FloatType, path: Path) -> _Fault | None:
    word = "integer" if isinstance(expected, inspect.IntType) else "decimal"
    if expected.ge is not None and value < expected.ge:
        side, limit, sign = "below minimum", expected.ge, ">="
    elif expected.le is not None and value > expected.le:
        side, limit, sign = "above maximum", expected.le, "<="
    else:
        return None
    return _Fault(
        path,
        f"{word}_{side.replace('imum', '').replace(' ', '_')}_value",
        f"Invalid '{written(path)}': {word} {side} value. Expected a value {sign} {limit:g}, but got {value} instead.",
    )


def _wrong_type(path: Path, value: object, wanted: str) -> _Fault:
    text = f"Invalid type for '{written(path)}': expected {wanted}, but got {_kind(value)} instead."
    return _Fault(path, "invalid_type", text)


def _wrong_value(path: Path, value: str, supported: Iterable[str]) -> _Fault:
    *others, last = [f"'{each}'" for each in supported]
    both = ", and " if len(others) > 1 else " and "
    listed = f"{', '.join(others)}{both}{last}" if others else last
    return _Fault(path, "invalid_value", f"Invalid value: '{shown(value)}'. Supported values are: {listed}.")


def _missing(path: Path) -> _Fault:
    return _Fault(path, "missing_required_parameter", f"Missing required parameter: '{written(path)}'.")


def _unknown(path: Path) -> _Fault:
    return _Fault(path, "unknown_parameter", f"Unknown parameter: '{written(path)}'.")


def _first(faults: Iterable[_Fault | None]) -> _Fault | None:
    return next((fault for fault in faults if fault is not None), None)


def _wanted(choices: tuple[inspect.Type, ...]) -> str:
    """Return such as ``an integer`` or ``one of a string or object``; that null will do too is not said."""
    words = list(dict.fromkeys(_word(choice) for choice in choices if not isinstance(choice, inspect.NoneType)))
    if len(words) == 1:
        return words[0]
    return f"one of {words[0]} or {' or '.join(word.split(' ', 1)[1] for word in words[1:])}"


def _word(expected: inspect.Type) -> str:
    match expected:
        case inspect.BoolType():
            return "a boolean"
        case inspect.IntType():
            return "an integer"
        case inspect.FloatType():
            return "a decimal"
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return f"an array of {'objects' if isinstance(_choices(item)[0], _OBJECTS) else 'strings'}"
        case inspect.StructType() | inspect.DictType():
            return "an object"
        case _:
            return "a string"
