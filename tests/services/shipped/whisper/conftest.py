from collections.abc import Iterator
from typing import Any

import pytest
from sdk import official
from shipped import SphinxEngine, served, spoken
from troupe.services.shipped.whisper.app import application
from troupe.services.shipped.whisper.settings import Settings

openai: Any = official("openai")


@pytest.fixture(scope="session")
def recording() -> bytes:
    return spoken("one two three. four five")


@pytest.fixture(scope="package")
def whisper() -> Iterator[str]:
    with served(application(SphinxEngine(), Settings(at_once=2, step=0.3, longest=60, largest_upload=2**20))) as where:
        yield where


@pytest.fixture
def client(whisper: str) -> Iterator[Any]:
    """OpenAI's own client."""
    with openai.OpenAI(base_url=f"http://{whisper}/v1", api_key="none", max_retries=0) as client:
        yield client
