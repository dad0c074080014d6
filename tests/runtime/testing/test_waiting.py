"""The text of a deadlock points at our own lines."""

import types
from collections.abc import Generator

import pytest
from troupe.runtime.testing import DeadlockError
from troupe.runtime.testing.waiting import where


@types.coroutine
def suspend() -> Generator[None]:
    yield


async def inner() -> None:
    await suspend()


async def outer() -> None:
    await inner()


def test_the_innermost_frame_is_named() -> None:
    coroutine = outer()
    coroutine.send(None)
    assert where(coroutine) == f"suspend ({__file__}:{suspend.__code__.co_firstlineno + 2})"
    coroutine.close()


def test_a_finished_coroutine_waits_nowhere() -> None:
    coroutine = outer()
    coroutine.close()
    assert where(coroutine) == "unknown"


def test_the_error_lists_tasks_by_name() -> None:
    first, second = outer(), outer()
    first.send(None)
    second.send(None)
    lines = str(DeadlockError([("b", first), ("a", second)])).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["a", "b"]
    with pytest.raises(StopIteration):
        first.send(None)
    second.close()
