"""Faults are found where msgspec finds them, whatever the type."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Meta, Struct
from troupe.actors.realtime.diagnosis import diagnose, written, wrong_value


class Small(Struct, tag_field="type", tag="small", forbid_unknown_fields=True):
    a: Annotated[int, Meta(ge=1, le=3)]


class Large(Struct, tag_field="type", tag="large"):
    a: Annotated[float, Meta(ge=0.5)] = 1.0
    b: list[Small] | str | None = None


TYPES: list[Any] = [
    int,
    float,
    bool,
    str,
    bytes,
    Small,
    Small | Large,
    Small | None,
    list[int],
    tuple[Small | Large, ...],
    dict[str, Any],
    dict[str, Annotated[str, Meta(max_length=2)]],
    Annotated[dict[str, int], Meta(max_length=1)],
    Literal["a", "b"],
    Literal["inf"] | Annotated[int, Meta(ge=1)],
    Annotated[str, Meta(min_length=2, max_length=3)],
    Annotated[str, Meta(pattern="^a+$")],
    list[str] | Small | None,
]
LEAVES = st.sampled_from([None, True, 0, 1, 5, -1, 0.25, 1.5, "", "a", "ab", "aaaa", "YQ==", "small", "large"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "a", "b", "c"]), inner),
)


@given(value=VALUES, kind=st.sampled_from(TYPES))
@example(value="YQ==", kind=bytes)
@example(value={"a": 1}, kind=dict[str, Any])
def test_the_walk_and_msgspec_agree_on_what_does_not_fit(value: Any, kind: Any) -> None:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        assert diagnose(value, kind, at=("here",)).code != "invalid_event"
    else:
        assert diagnose(value, kind, at=("here",)).code == "invalid_event"  # finds nothing


CASES: list[tuple[Any, Any, str]] = [
    (1, str | Small, "Invalid type for 'x': expected one of a string or object, but got an integer instead."),
    ({}, list[str], "Invalid type for 'x': expected an array of strings, but got an object instead."),
    ("a", bool, "Invalid type for 'x': expected a boolean, but got a string instead."),
    (True, int, "Invalid type for 'x': expected an integer, but got a boolean instead."),
    (None, list[Small], "Invalid type for 'x': expected an array of objects, but got null instead."),
    ({"type": "huge"}, Small | Large, "Invalid value: 'huge'. Supported values are: 'small' and 'large'."),
    ({"a": 1}, Small | Large, "Missing required parameter: 'x.type'."),
    (
        {"type": "small", "a": 4},
        Small,
        "Invalid 'x.a': integer above maximum value. Expected a value <= 3, but got 4 instead.",
    ),
    (
        {"type": "large", "a": 0},
        Large,
        "Invalid 'x.a': decimal below minimum value. Expected a value >= 0.5, but got 0 instead.",
    ),
    ({"type": "small", "a": 1, "b": 1}, Small, "Unknown parameter: 'x.b'."),
    ({"type": "large", "b": [{"type": "small"}]}, Large, "Missing required parameter: 'x.b[0].a'."),
]


@pytest.mark.parametrize(("value", "kind", "message"), CASES, ids=lambda value: str(value)[:30])
def test_words(value: Any, kind: Any, message: str) -> None:
    assert diagnose(value, kind, at=("x",)).message.startswith(message)


def test_a_path_is_told_as_the_client_wrote_it() -> None:
    found = diagnose({"a": 9}, Small, at=("s",), rename=lambda path: (*path[:-1], "theirs"))
    assert found.param == "s.theirs"
    assert found.message.startswith("Invalid 's.theirs': integer above")


def test_paths_are_written_as_openai_does() -> None:
    assert written(("session", "tools", 3, "description")) == "session.tools[3].description"
    assert len(written(("x" * 1000,))) < 200


def test_values_are_listed_as_openai_does() -> None:
    found = wrong_value(("x",), "d", ["a", "b", "c"])
    assert found.message == "Invalid value: 'd'. Supported values are: 'a', 'b', and 'c'."
    assert (found.code, found.param) == ("invalid_value", "x")
