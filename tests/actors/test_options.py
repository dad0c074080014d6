"""Options say what is wrong with them before anything is sent."""

from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta
from troupe.actors.errors import InvalidRequest
from troupe.actors.options import Options


class Inner(Options, frozen=True, kw_only=True):
    depth: Annotated[int, Meta(le=3)] = 1


class Some(Options, frozen=True, kw_only=True):
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    stop: Annotated[tuple[str, ...], Meta(max_length=2)] = ()
    effort: Literal["low", "high"] | None = None
    inner: Inner | None = None


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"temperature": 3}, r"temperature: Expected `float` <= 2"),
        ({"temperature": "hot"}, r"temperature: Expected `float \| null`, got `str`"),
        ({"stop": ("a", "b", "c")}, "stop: Expected `array` of length <= 2"),
        ({"effort": "medium"}, "effort: Invalid enum value 'medium'"),
    ],
)
def test_what_is_wrong_is_named(wrong: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Some(**wrong)
    with pytest.raises(InvalidRequest, match=text):
        Some().merged("wire", **wrong)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Some)


def test_nested_ones_are_checked_too() -> None:
    with pytest.raises(ValueError, match="depth: Expected `int` <= 3"):
        Some(inner=Inner(depth=4))


def test_what_is_not_known_is_refused_in_files_as_in_code() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `temprature`"):
        msgspec.convert({"temprature": 1}, Some)
    with pytest.raises(TypeError, match="temprature"):
        Some(temprature=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def test_wishes_go_before_options_and_none_is_no_wish() -> None:
    options = Some(temperature=1, effort="low")
    assert options.merged("wire", temperature=None, effort="high") == Some(temperature=1, effort="high")
    assert options.merged("wire", temperature=None) is options


def test_members_are_what_is_not_as_usual() -> None:
    options = Some(temperature=0, stop=("a",), inner=Inner(depth=2))
    assert options.members() == {"temperature": 0, "stop": ("a",), "inner": {"depth": 2}}
    assert options.members("stop", "effort") == {"temperature": 0, "inner": {"depth": 2}}
