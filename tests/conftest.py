"""What all tests share: the back ends, and checks that nothing blocks the event loop and nothing is left running.

An `async def` test runs on each back end: on asyncio and on trio in virtual time, and on uvloop, which knows real time
only. The marker `virtual` leaves uvloop out; `real_time` runs all three with the real clock.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any
from zlib import crc32

import blockbuster
import pytest
import trio
from hypothesis import settings
from troupe.runtime.testing import backend_options, no_leaks

settings.register_profile("troupe", deadline=None)  # a busy machine is no failure; pytest-timeout bounds all tests
settings.load_profile("troupe")

SEED = int(os.environ["TROUPE_TEST_SEED"]) if "TROUPE_TEST_SEED" in os.environ else None
"""Shuffles which task runs first, in all tests in virtual time."""

REAL = {"asyncio": ("asyncio", {}), "uvloop": ("asyncio", {"use_uvloop": True}), "trio": ("trio", {})}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "anyio_backend" in metafunc.fixturenames:
        virtual = metafunc.definition.get_closest_marker("virtual") is not None
        names = ["asyncio", "trio"] if virtual else ["asyncio", "uvloop", "trio"]
        if metafunc.definition.get_closest_marker("asyncio_only") is not None:
            names.remove("trio")
        if metafunc.definition.get_closest_marker("one_back_end") is not None:
            names = [("asyncio", "trio")[crc32(metafunc.definition.name.encode()) % 2]]
        metafunc.parametrize("anyio_backend", names, indirect=True)


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    name = request.param
    if name == "uvloop" or request.node.get_closest_marker("real_time"):
        return REAL[name]
    return name, backend_options(name, SEED)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Each async test has to clean up after itself."""
    hypothesis = getattr(pyfuncitem.obj, "hypothesis", None)
    if hypothesis is None:
        pyfuncitem.obj = leaving_nothing(pyfuncitem.obj)
    elif not hasattr(hypothesis.inner_test, "_anyio_original_func"):  # else anyio has wrapped it for a back end before
        hypothesis.inner_test = leaving_nothing(hypothesis.inner_test)


def leaving_nothing(test: Callable[..., Any]) -> Callable[..., Any]:
    if not iscoroutinefunction(test):
        return test

    @wraps(test)
    async def checked(**arguments: Any) -> None:
        async with no_leaks():
            await test(**arguments)

    return checked


class Loops:
    """blockbuster asks asyncio whether a loop runs in this thread; here a step of a trio task counts as well."""

    @staticmethod
    def get_running_loop() -> object:
        return trio.lowlevel.current_task() if trio.lowlevel.in_trio_task() else asyncio.get_running_loop()


@pytest.fixture(autouse=True)
def no_blocking_calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A call that blocks the event loop (sleep, file, socket, lock) raises `blockbuster.BlockingError`."""
    monkeypatch.setattr("blockbuster.blockbuster.asyncio", Loops)
    with blockbuster.blockbuster_ctx() as detector:
        # coverage's own lock, for a moment, while a thread runs new code
        detector.functions["threading.Lock.acquire"].can_block_in("coverage/collector.py", "lock_data")
        yield
