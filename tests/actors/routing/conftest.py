"""The server that some tests of this folder talk to, and the timer that others need."""

from collections.abc import AsyncGenerator

import pytest
from troupe.runtime import open_system
from troupe.runtime.deadlines import Deadlines
from wires import running_wire, wire

__all__ = ["running_wire", "wire"]


@pytest.fixture
async def deadlines() -> AsyncGenerator[Deadlines]:
    async with open_system() as system:
        yield system.deadlines
