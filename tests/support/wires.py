"""Wire servers as fixtures, for the folders whose conftest.py imports them."""

from collections.abc import Iterator

import pytest
from troupe.services.wire.openai import OpenAiWire


@pytest.fixture(scope="module")
def running_wire() -> Iterator[OpenAiWire]:
    """A server for all tests of a module."""
    with OpenAiWire() as wire:
        yield wire


@pytest.fixture
def wire(running_wire: OpenAiWire) -> OpenAiWire:
    """The server, as if it were fresh."""
    running_wire.reset()
    return running_wire
