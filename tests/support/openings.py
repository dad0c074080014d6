"""A provider for all that models do, on loopback, and models that are opened there."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpcore2  # noqa: F401  (httpx2 would import it in the event loop)
import pytest
from troupe.services.config import Config
from troupe.services.kinds.openai import Table
from troupe.services.models import Models, open_models
from troupe.services.wire.openai import OpenAiWire

Opening = Callable[[], AbstractAsyncContextManager[Models]]


@pytest.fixture
def opening(wire: OpenAiWire) -> Opening:
    """Open models at the wire server: ``mine`` is there; ``gone`` is at an address at which nobody is."""
    config = Config(
        providers={
            "mine": Table(kind="openai", base_url=wire.base_url, speech_format="pcm"),
            "gone": Table(kind="openai", base_url="http://127.0.0.1:9/v1"),
        }
    )

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Models]:
        async with open_models(config, environ={}) as models:
            yield models

    return opened
