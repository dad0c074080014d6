"""Arbitrary JSON for any type of the protocol, drawn from the types themselves."""

import base64
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import strategies as st
from msgspec import inspect
from troupe.actors.realtime.items import PARTS_OF_ROLE, Message, Role

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
ONE_MODALITY = st.sampled_from([["text"], ["audio"]])


@cache
def json_of(expected: Any, leave_out: frozenset[Any] = frozenset()) -> st.SearchStrategy[Any]:
    """Values that fit a type; the members (by name) and the structs in `leave_out` occur nowhere."""
    return _of(inspect.type_info(expected), leave_out)


def _of(expected: inspect.Type, leave_out: frozenset[Any]) -> st.SearchStrategy[Any]:
    match expected:
        case inspect.NoneType():
            return st.none()
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType():
            return st.integers(0 if expected.ge is None else expected.ge, 10**6 if expected.le is None else expected.le)
        case inspect.FloatType():
            return st.floats(0 if expected.ge is None else expected.ge, 10**6 if expected.le is None else expected.le)
        case inspect.StrType(pattern=str(pattern)):
            return st.from_regex(pattern, fullmatch=True).filter(lambda text: len(text) <= 32)
        case inspect.StrType():
            return st.text(st.characters(codec="utf-8"), min_size=expected.min_length or 0, max_size=8)
        case inspect.BytesType():
            return st.binary(max_size=8).map(lambda data: base64.b64encode(data).decode())
        case inspect.LiteralType():
            return st.sampled_from(expected.values)
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return st.lists(_of(item, leave_out), max_size=3)
        case inspect.DictType():
            keys = _of(expected.key_type, leave_out)
            return st.dictionaries(keys, _of(expected.value_type, leave_out), max_size=3)
        case inspect.UnionType():
            return st.one_of(
                [_of(each, leave_out) for each in expected.types if getattr(each, "cls", 0) not in leave_out]
            )
        case inspect.StructType():
            return _struct(expected, leave_out)
        case _:
            return PLAIN


def _struct(expected: inspect.StructType, leave_out: frozenset[Any]) -> st.SearchStrategy[Any]:
    required: dict[str, Any] = {}
    optional: dict[str, Any] = {}
    for field in expected.fields:
        if field.encode_name not in leave_out:
            values = ONE_MODALITY if field.encode_name == "output_modalities" else _of(field.type, leave_out)
            (required if field.required else optional)[field.encode_name] = values
    if expected.tag_field is not None:
        required[expected.tag_field] = st.just(expected.tag)
    if expected.cls is not Message:
        return st.fixed_dictionaries(required, optional=optional)

    def said_by(role: Role) -> st.SearchStrategy[Any]:  # who speaks decides which parts there can be
        parts = st.one_of([json_of(part, leave_out) for part in PARTS_OF_ROLE[role] if part not in leave_out])
        content = {"role": st.just(role), "content": st.lists(parts, max_size=3)}
        return st.fixed_dictionaries({**required, **content}, optional=optional)

    return st.one_of([said_by(role) for role in PARTS_OF_ROLE])


@pytest.fixture(scope="session", name="json_of")
def json_of_fixture() -> Callable[..., st.SearchStrategy[Any]]:
    """`json_of`, for tests that draw from it."""
    return json_of


@pytest.fixture(scope="session")
def plain() -> st.SearchStrategy[Any]:
    """Arbitrary JSON."""
    return PLAIN
