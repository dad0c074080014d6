"""Services for tests with the real engine: the stand-in server, as it is, slow, stubborn or broken."""

import os
import socket as sockets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import httpx2
import pytest
from images import PATH, image_name, python_image
from troupe.runtime import System, open_system
from troupe.services.docker.container import Plan
from troupe.services.docker.engine import Engine, socket_of
from troupe.services.docker.manifest import Health, Port, Requirements
from troupe.services.docker.ownership import OWNER
from troupe.services.docker.platform import Platform
from troupe.services.docker.service import USUAL, Terms, supervised
from troupe.services.docker.status import Replicas, State, any_change
from troupe.services.docker.units import Bytes, Seconds

IMAGE = image_name()
STAND_IN = (Path(__file__).parent / "stand_in.py").read_text()
PYTHON = (PATH, "-S", "-c")
QUICK = Health(http="/health", interval=Seconds(0.1), timeout=Seconds(5), retries=2)


@cache
def engine_problem(socket: Path) -> str:
    """Return why the engine can't be used; empty if it can."""
    try:
        with sockets.socket(sockets.AF_UNIX) as tried:  # httpx leaves a socket open that it could not connect
            tried.connect(str(socket))
        with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(socket)), timeout=10) as client:
            client.get("http://engine/_ping").raise_for_status()
    except (OSError, httpx2.HTTPError) as error:
        return f"there is no Docker Engine at {socket}: {error}"
    return ""


def need_engine(socket: Path | None = None) -> Path:
    """Return the engine's socket, with the image for tests in it; skip the test where there is none, fail in CI."""
    socket = socket or socket_of(os.environ)
    if problem := engine_problem(socket):
        if os.environ.get("CI"):
            pytest.fail(f"{problem}; .ci/run starts one")
        pytest.skip(problem)
    load_image(socket)
    return socket


@cache
def load_image(socket: Path) -> None:
    """See that the engine has the image for tests."""
    with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(socket)), timeout=60) as client:
        if client.get(f"http://engine/images/{IMAGE}/json").status_code == httpx2.codes.OK:
            return
        repository, _, tag = IMAGE.rpartition(":")
        query = {"fromSrc": "-", "repo": repository, "tag": tag}
        client.post("http://engine/images/create", params=query, content=python_image()).raise_for_status()


def stand_in(name: str = "stand-in", **changes: object) -> Plan:
    """Return the plan of a service that is well at once, unless its environment says otherwise."""
    given: dict[str, object] = {
        "service": name,
        "folder": Path("/"),
        "image": IMAGE,
        "command": (*PYTHON, STAND_IN),
        "ports": {"http": Port(container=8000)},
        "health": QUICK,
        "requirements": Requirements(memory=Bytes(96 << 20), processes=64),
        "stop_grace": 2.0,
    }
    return Plan(**{**given, **changes})  # type: ignore[arg-type]


class Ran:
    """Services that run."""

    def __init__(self, system: System, platform: Platform, services: list[Replicas]) -> None:
        self.system = system
        self.platform = platform
        self.services = services

    @property
    def engine(self) -> Engine:
        return self.platform.engine

    def replicas(self, number: int = 0) -> Replicas:
        """The replicas of one of the services."""
        return self.services[number]

    async def containers(self) -> list[str]:
        """The names of the containers of this run."""
        async with Engine.open(self.engine.socket) as engine:
            return [each.names[0] for each in await engine.list(f"{OWNER}={self.platform.run.owner}")]


@asynccontextmanager
async def running(socket: Path, runs: Path, *plans: Plan, terms: Terms = USUAL, count: int = 1) -> AsyncGenerator[Ran]:
    """Run services in a system of their own, and see that nothing of them is left."""
    async with Platform.open(socket=socket, runs=runs) as platform:
        services = [Replicas(plan.service, count) for plan in plans]
        specs = [supervised(platform, plan, each, terms) for plan, each in zip(plans, services, strict=True)]
        async with open_system(*specs) as system:
            yield Ran(system, platform, services)


async def until(replicas: Replicas, state: State, starts: int = 0) -> None:
    """Wait until all replicas are in a state, after so many starts."""
    while not all(each.status.state is state and each.status.starts >= starts for each in replicas.all):
        await any_change(replicas.all, 60)
