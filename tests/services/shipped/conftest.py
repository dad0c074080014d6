"""The servers, and OpenAI's own client of each."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from sdk import official
from shipped import SphinxEngine, served, spoken
from troupe.services.shipped.whisper.app import application
from troupe.services.shipped.whisper.settings import Settings

openai: Any = official("openai")
SUPPORT = Path(__file__).parents[2] / "support"


@pytest.fixture(scope="package")
def recording() -> bytes:
    """Somebody counts to five."""
    return spoken("one two three. four five")


@pytest.fixture(scope="package")
def whisper() -> Iterator[str]:
    """The server, with a small recogniser; gives ``host:port``."""
    with served(application(SphinxEngine(), Settings(at_once=2, step=0.3, longest=60, largest_upload=2**20))) as where:
        yield where


@pytest.fixture(scope="package")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where voices are kept."""
    return tmp_path_factory.mktemp("voices")


@pytest.fixture(scope="package")
def chatterbox(voices: Path) -> Iterator[str]:
    """The server as the image runs it, with another engine; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"ENGINE": "espeak_voice:open_engine", "PORT": str(port), "VOICES": str(voices), "MOST_VOICES": "3"}
    environment = {f"CHATTERBOX_{name}": value for name, value in settings.items()}
    search = os.pathsep.join(filter(None, [str(SUPPORT), os.environ.get("PYTHONPATH")]))
    server = subprocess.Popen(
        [sys.executable, "-m", "troupe.services.shipped.chatterbox"],
        env={**os.environ, **environment, "PYTHONPATH": search},
    )
    try:
        while not answers(f"http://127.0.0.1:{port}/health"):
            assert server.poll() is None
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        assert server.wait(30) == -signal.SIGTERM


def answers(url: str) -> bool:
    try:
        urlopen(url).close()
    except URLError:
        return False
    return True
