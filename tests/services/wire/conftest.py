"""A server for all tests of a module; each test finds it fresh."""

from collections.abc import Iterator

import pytest
from troupe.services.wire.openai import OpenAiWire


@pytest.fixture(scope="module")
def running_wire() -> Iterator[OpenAiWire]:
    with OpenAiWire() as wire:
        yield wire


@pytest.fixture
def wire(running_wire: OpenAiWire) -> OpenAiWire:
    running_wire.reset()
    return running_wire
