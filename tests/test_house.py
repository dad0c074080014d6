"""The checks of conftest.py do fire."""

import socket
import time
from pathlib import Path

import pytest
from blockbuster import BlockingError


async def test_blocking_sleep_fails() -> None:
    with pytest.raises(BlockingError):
        time.sleep(0.001)  # noqa: ASYNC251


async def test_blocking_file_access_fails(tmp_path: Path) -> None:
    with pytest.raises(BlockingError):
        (tmp_path / "text").write_text("text")


async def test_blocking_socket_fails() -> None:
    left, right = socket.socketpair()
    with left, right:
        with pytest.raises(BlockingError):
            left.recv(1)
