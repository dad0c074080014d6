"""Wire servers as fixtures: OpenAI's, for folders whose conftest.py imports it, and those of tests with another one."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from troupe.services.wire import WireServer
from troupe.services.wire.openai import OpenAiWire

W = TypeVar("W", bound=WireServer)


def served(serve: Callable[[], W]) -> tuple[Any, Any]:
    """Return the fixtures ``running_wire``, a server for all tests of a module, and ``wire``, as if it were fresh."""

    @pytest.fixture(scope="module", name="running_wire")
    def running() -> Iterator[W]:
        with serve() as server:
            yield server

    @pytest.fixture(name="wire")
    def fresh(running_wire: W) -> W:
        running_wire.reset()
        return running_wire

    return running, fresh


def callers(clients: Callable[[Any, str], Iterator[Any]], key: str) -> tuple[Any, Any]:
    """Return the fixtures ``client``, an official client of ``wire``, and ``stranger``, one with a wrong key."""

    @pytest.fixture(name="client")
    def known(wire: WireServer) -> Iterator[Any]:
        yield from clients(wire, key)

    @pytest.fixture(name="stranger")
    def unknown(wire: WireServer) -> Iterator[Any]:
        yield from clients(wire, "wrong")

    return known, unknown


running_wire, wire = served(OpenAiWire)
