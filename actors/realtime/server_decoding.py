"""A server's frame becomes a server event, leniently: other services, and newer ones, say more than is known here.

A frame of the form that is known is decoded as it is. Of any other, what is not known is left out: members of objects,
parts of messages, nulls where there should be nothing; some members are assumed that not every server sends. An event
that can't be read even so counts as one of an unknown kind.
"""

import re
from functools import cache
from typing import Any, Final, Union

import msgspec
from msgspec import inspect

from .json_values import Json, is_array, is_object
from .names import SERVER_EVENTS
from .server_events import ServerEvent

_EVENTS: Final[Any] = Union[tuple(row.event for row in SERVER_EVENTS)]  # noqa: UP007  (it is made at run time)
_decode: Final = msgspec.json.Decoder(_EVENTS).decode

_RENAMED: Final = {"text": "output_text", "audio": "output_audio"}
"""Parts of finished messages as recordings of the live service show them, against its schema."""
_ASSUMED: Final[dict[str, Json]] = {
    "error": {"type": "server_error", "code": None, "message": ""},
    "session": {"type": "realtime", "model": ""},
    "response": {"audio": {"output": {"format": {"type": "audio/pcm"}, "voice": ""}}},
}
"""Members of these objects that some servers leave out, of whole responses in text, for example."""
_PATH: Final = re.compile(r"\.(\w+)")
"""Steps to the member that msgspec complains of; it does not say which item of an array it is in."""
_REPAIRS: Final = 8
"""Members that may be wrong in one event, such as limits that newer models have raised."""
_USAGE: Final = {"type": "duration", "seconds": 0}
"""What is assumed of a transcription that does not say what it used."""


def decode_server_event(frame: str | bytes) -> ServerEvent | None:
    """Return the event in a frame, in GA's dialect; None for one that is not known.

    Raises:
        msgspec.DecodeError: The frame is no JSON object with a type.
    """
    try:
        event: ServerEvent = _decode(frame)
    except msgspec.ValidationError:
        return _decoded_leniently(frame)
    return event


def _decoded_leniently(frame: str | bytes) -> ServerEvent | None:
    value: object = msgspec.json.decode(frame)
    if not is_object(value) or not isinstance(value.get("type"), str):
        raise msgspec.DecodeError("no event")
    for name, assumed in _ASSUMED.items():
        if is_object(held := value.get(name)):
            value[name] = assumed | held
    if value["type"].endswith("input_audio_transcription.completed"):
        value.setdefault("usage", _USAGE)
    fitted = _fitted(value, _described(_EVENTS))
    for _ in range(_REPAIRS):
        try:
            event: ServerEvent = msgspec.convert(fitted, _EVENTS)
        except msgspec.ValidationError as error:
            if not _without(fitted, _PATH.findall(str(error).partition("`$")[2])):
                return None
        else:
            return event
    return None


def _without(value: object, path: list[str]) -> bool:
    """Take a member with a value that is not possible here out of an object; return whether it was there."""
    for step in path[:-1]:
        value = value.get(step) if is_object(value) else None
    if not path or not is_object(value):
        return False
    return value.pop(path[-1], None) is not None


_described = cache(inspect.type_info)


def _choices(expected: inspect.Type) -> tuple[inspect.Type, ...]:
    return expected.types if isinstance(expected, inspect.UnionType) else (expected,)


def _fitted(value: object, expected: inspect.Type) -> object:
    """Return of a value what the type knows."""
    if is_object(value):
        struct = _struct(value, expected)
        return value if struct is None else _members(value, struct)
    if is_array(value):
        item = next(
            (
                each.item_type
                for each in _choices(expected)
                if isinstance(each, inspect.ListType | inspect.VarTupleType)
            ),
            None,
        )
        return value if item is None else [fitted for each in value if (fitted := _item(each, item)) is not None]
    return value


def _members(value: Json, struct: inspect.StructType) -> Json:
    fitted: Json = {}
    if struct.tag_field is not None:
        fitted[struct.tag_field] = struct.tag
    for field in struct.fields:
        if field.encode_name in value:
            member = _fitted(value[field.encode_name], field.type)
            if member is not None or any(isinstance(each, inspect.NoneType) for each in _choices(field.type)):
                fitted[field.encode_name] = member
    return fitted


def _item(value: object, expected: inspect.Type) -> object:
    """Return an item of an array; None for an object of a kind that is not known there."""
    if is_object(value) and _struct(value, expected) is None and any(map(_is_struct, _choices(expected))):
        return None
    return _fitted(value, expected)


def _struct(value: Json, expected: inspect.Type) -> inspect.StructType | None:
    """Return which struct an object is to be; None if there is none for it."""
    structs = [each for each in _choices(expected) if isinstance(each, inspect.StructType)]
    if len(structs) == 1 and (structs[0].tag_field is None or structs[0].tag_field not in value):
        return structs[0]
    for each in structs:
        tag = value.get(each.tag_field or "")
        if each.tag == tag or each.tag == _RENAMED.get(str(tag)):
            return each
    return None


def _is_struct(expected: inspect.Type) -> bool:
    return isinstance(expected, inspect.StructType)
