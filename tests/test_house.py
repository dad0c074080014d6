"""The checks of conftest.py do fire, and its back ends are what they say."""

import asyncio
import socket
import threading
import time
from pathlib import Path

import anyio
import pytest
import trio
from blockbuster import BlockingError
from hypothesis import given
from hypothesis import strategies as st
from troupe.runtime.testing import DeadlockError, LeakError


async def test_blocking_sleep_fails() -> None:
    with pytest.raises(BlockingError):
        time.sleep(0.001)  # noqa: ASYNC251


async def test_blocking_file_access_fails(tmp_path: Path) -> None:
    with pytest.raises(BlockingError):
        (tmp_path / "text").write_text("text")


async def test_blocking_socket_fails() -> None:
    left, right = socket.socketpair()
    with left, right, pytest.raises(BlockingError):
        left.recv(1)


async def test_blocking_in_a_thread_is_fine() -> None:
    await anyio.to_thread.run_sync(time.sleep, 0.001)


async def test_each_back_end_is_what_its_name_says(request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params["anyio_backend"]
    if name == "trio":
        assert trio.lowlevel.in_trio_run()
    else:
        assert ("uvloop" in type(asyncio.get_running_loop()).__module__) == (name == "uvloop")


@pytest.mark.virtual
async def test_virtual_tests_run_in_virtual_time_only() -> None:
    assert anyio.current_time() == 0
    await anyio.sleep(3600)
    assert anyio.current_time() == 3600


@pytest.mark.real_time
async def test_real_time_tests_see_the_real_clock() -> None:
    started = time.perf_counter()
    await anyio.sleep(0.02)
    assert time.perf_counter() - started > 0.01


@pytest.mark.virtual
@given(seconds=st.integers(1, 10**6))
async def test_every_example_of_a_property_has_its_own_clock(seconds: int) -> None:
    assert anyio.current_time() == 0
    await anyio.sleep(seconds)
    assert anyio.current_time() == seconds


@pytest.mark.xfail(raises=LeakError, strict=True)
async def test_leaving_a_thread_fails(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("troupe.runtime.testing.leaks.LINGER", 0.02)
    stop = threading.Event()
    request.addfinalizer(stop.set)
    threading.Thread(target=stop.wait).start()


@pytest.mark.virtual
@pytest.mark.xfail(raises=(DeadlockError, trio.Cancelled), strict=True)
async def test_waiting_for_nothing_fails() -> None:
    await anyio.Event().wait()
