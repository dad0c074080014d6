"""Exceptions that are described in one process and built again in another."""

import enum
from typing import Self

import pytest
from lodgers import Oops, Untranslatable
from troupe.runtime.errors import AskCycle, DeadlineExceeded, RemoteError
from troupe.runtime.process import wire
from troupe.runtime.process.faults import describe, rebuild


def travel(error: Exception) -> Exception:
    try:
        raise error
    except Exception as raised:
        frame = wire.pack(wire.Failure(1, describe(raised)), 100_000)
    (failure,) = wire.Unpacker(wire.FromWorker, 100_000).feed(frame)
    return rebuild(failure.fault)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("text", 1, 2.5, None, True, b"bytes", {"a": [1]}),
        KeyError("key"),
        OSError(2, "No such file", "path"),
        FileNotFoundError(2, "No such file", "path"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        Oops(code=5),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_plain_data_comes_back_as_it_was(error: Exception) -> None:
    built = travel(error)
    assert type(built) is type(error)
    assert built.args == error.args
    assert str(built) == str(error)
    assert {name: value for name, value in vars(built).items() if name != "__notes__"} == {
        name: value for name, value in vars(error).items() if name != "__notes__"
    }


def test_an_error_of_ours_that_is_an_os_error_by_descent() -> None:
    built = travel(DeadlineExceeded("actor", "Request", 2.5))
    assert type(built) is DeadlineExceeded
    assert str(built) == "'actor' did not answer Request within 2.5 s"


def test_a_class_may_say_how_it_is_built() -> None:
    built = travel(Explicit("a part", whole="the whole"))
    assert isinstance(built, Explicit)
    assert built.part == "a part"


def test_tuples_become_lists() -> None:
    built = travel(AskCycle(("a", "b", "a")))
    assert isinstance(built, AskCycle)
    assert built.cycle == ["a", "b", "a"]
    assert "a -> b -> a" in str(built)


class Colour(enum.StrEnum):
    RED = "red"


class Picky(Exception):
    def __new__(cls, *args: object) -> Self:
        if args == ("picky",):
            raise ValueError("it is picky")
        return super().__new__(cls, *args)


class Explicit(Exception):
    """Says itself how it is built."""

    def __init__(self, part: str, *, whole: str = "") -> None:
        super().__init__(f"{part} of {whole}")
        self.part = part

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (self.part,)


def with_attribute(error: Exception) -> Exception:
    error.handle = object()  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (Untranslatable(object()), "lodgers.Untranslatable"),
        (ValueError(Colour.RED), "builtins.ValueError"),
        (ValueError(2**64), "builtins.ValueError"),
        (ValueError({1: 2}), "builtins.ValueError"),
        (with_attribute(Oops(code=1)), "lodgers.Oops"),
        (ExceptionGroup("group", [ValueError("inner")]), "builtins.ExceptionGroup"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_is_no_plain_data_becomes_a_remote_error(error: Exception, name: str) -> None:
    built = travel(error)
    assert type(built) is RemoteError
    assert str(built) == f"{name} was raised in a worker process"


@pytest.mark.parametrize(
    "name",
    [
        "no_such_module:Error",
        "builtins:NoSuchError",
        "builtins:SystemExit",
        "builtins:KeyboardInterrupt",
        "builtins:print",
        "builtins:ExceptionGroup",
        "os:system",
        "",
    ],
)
def test_only_exceptions_that_are_loaded_here_are_built(name: str) -> None:
    built = rebuild(wire.Fault(name, ["echo bad"], {}, "trace"))
    assert type(built) is RemoteError
    assert built.error == name


def test_a_class_that_refuses_its_arguments_becomes_a_remote_error() -> None:
    name = f"{Picky.__module__}:Picky"
    assert type(rebuild(wire.Fault(name, ["easy"], {}, ""))) is Picky
    assert type(rebuild(wire.Fault(name, ["picky"], {}, ""))) is RemoteError


def test_the_traceback_is_a_note_and_no_part_of_the_text() -> None:
    error = Oops(code=7)
    error.add_note("by the way")
    built = travel(error)
    assert str(built) == "code 7"
    (note,) = built.__notes__
    assert note.startswith("In the worker process:\nTraceback")
    assert "raise error" in note
    assert "by the way" in note


def test_the_traceback_is_cut_where_it_is_far_from_the_error() -> None:
    def dive(depth: int) -> None:
        if depth == 0:
            raise KeyError("deep")
        dive(depth - 1)

    try:
        dive(200)
    except KeyError as error:
        trace = describe(error).trace
    assert trace.count("dive") < 50
    assert "raise KeyError" in trace
