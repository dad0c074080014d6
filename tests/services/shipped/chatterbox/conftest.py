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

openai: Any = official("openai")
SUPPORT = Path(__file__).parents[3] / "support"


@pytest.fixture(scope="package")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
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


@pytest.fixture
def client(chatterbox: str) -> Iterator[Any]:
    """OpenAI's own client."""
    with openai.OpenAI(base_url=f"{chatterbox}/v1", api_key="none", max_retries=0) as client:
        yield client
