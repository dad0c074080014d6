"""Services in containers: what supervision adds to a start, how soon a death is seen, many at once.

The container is a small HTTP server of this machine's own Python (`tests/support/stand_in.py`), so nothing is pulled.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import anyio
import httpx2
from harness import Row, at_most, percentile

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))
from containers import IMAGE, PYTHON, STAND_IN, engine_problem, load_image, stand_in
from troupe.runtime import Strategy, open_system, supervisor
from troupe.services.docker.container import Plan
from troupe.services.docker.engine import socket_of
from troupe.services.docker.manifest import Health, RestartRule
from troupe.services.docker.platform import Platform
from troupe.services.docker.service import service
from troupe.services.docker.status import Replica, State
from troupe.services.docker.units import Seconds

TITLE = "Services in containers"
AT_ONCE = 20
SLOWEST = 5.0
"""Seconds that the slowest of many services needs until it is well."""
TICK = 0.001
CALM = Health(http="/health", interval=Seconds(3600))
AT_ONCE_AGAIN = RestartRule(first=Seconds(0), longest=Seconds(0))


def rows(*, quick: bool) -> list[Row]:
    socket = socket_of(os.environ)
    if problem := engine_problem(socket):
        print(f"not measured: {problem}")
        return []
    load_image(socket)
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        return [
            *_starts(socket, runs, 1 if quick else 12),
            *anyio.run(_deaths, socket, runs, 2 if quick else 100),
            *anyio.run(_at_once, socket, runs, 2 if quick else AT_ONCE, 0.2 if quick else SLOWEST),
        ]


def _starts(socket: Path, runs: Path, rounds: int) -> list[Row]:
    own: list[float] = []
    floor: list[float] = []
    _docker_run(socket)
    for _ in range(rounds):
        floor.append(_docker_run(socket))
        own.append(anyio.run(_start, socket, runs))
    return [
        at_most(
            1.15,
            what="from start to healthy, median",
            value=statistics.median(own) * 1000,
            unit="ms",
            floor=statistics.median(floor) * 1000,
            floor_name="`docker run`, asked for its health every 2 ms",
        )
    ]


def _docker_run(socket: Path, load: str = "0") -> float:
    """Return how long the engine's own command takes until the service is well."""
    plan = stand_in()
    started = time.perf_counter()
    command = ["docker", "run", "--detach", "--init", "--read-only", "--cap-drop", "ALL", "--pids-limit", "64"]
    command += ["--memory", str(int(plan.requirements.memory)), "--memory-swap", str(int(plan.requirements.memory))]
    command += [
        "--security-opt",
        "no-new-privileges",
        "--tmpfs",
        "/tmp",
        "--publish",
        "127.0.0.1::8000",
        "--env",
        f"LOAD={load}",
    ]
    command += [IMAGE, *PYTHON, STAND_IN]
    environment = {**os.environ, "DOCKER_HOST": f"unix://{socket}"}

    def docker(*arguments: str) -> str:
        return subprocess.run(arguments, check=True, capture_output=True, text=True, env=environment).stdout.strip()

    container = docker(*command)
    try:
        address = docker("docker", "port", container, "8000/tcp").splitlines()[0]
        while True:
            try:
                if httpx2.get(f"http://{address}/health", trust_env=False).is_success:
                    return time.perf_counter() - started
            except httpx2.TransportError:
                pass
            time.sleep(0.002)
    finally:
        docker("docker", "rm", "--force", container)


async def _start(socket: Path, runs: Path) -> float:
    """Return how long a service takes from the start of its actor until it is well."""
    async with Platform.open(socket=socket, runs=runs) as platform, open_system(supervisor("all")) as system:
        started = time.perf_counter()
        await system.supervisor("").start_child(service(platform, stand_in(health=CALM), Replica("stand-in")))
        return time.perf_counter() - started


async def _deaths(socket: Path, runs: Path, count: int) -> list[Row]:
    """Kill a container again and again; measure from the signal to the change of the actor's state."""
    seen: list[float] = []
    told: list[float] = []
    replica = Replica("stand-in")
    plan = stand_in(health=CALM, restart=AT_ONCE_AGAIN)
    async with (
        Platform.open(socket=socket, runs=runs) as platform,
        open_system(supervisor("all", service(platform, plan, replica), intensity=count)),
        httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(uds=str(socket)), base_url="http://engine") as client,
    ):
        for _ in range(count):
            while replica.status.state is not State.HEALTHY:
                await replica.changed()
            described = (await client.get(f"/containers/{replica.status.container}/json")).json()
            async with platform.engine.events(
                {"container": [described["Id"]], "event": ["die"]}, time.time()
            ) as events:
                began, started = time.time(), time.perf_counter()
                os.kill(described["State"]["Pid"], signal.SIGKILL)
                while replica.status.state is State.HEALTHY:
                    await replica.changed()
                seen.append((time.perf_counter() - started) * 1000)
                told.append(((await anext(events)).time_nano / 1e9 - began) * 1000)
    worst = percentile(seen, 0.99)
    return [
        Row(
            what=f"`kill -9` of a container's process to the actor's seeing it, p99 of {count}",
            value=worst,
            unit="ms",
            floor=percentile(told, 0.99),
            floor_name="until the engine has noticed",
            goal="≤ 100 ms",
            met=worst <= 100,
        )
    ]


class Lateness:
    """How late the event loop is, sampled while it runs as a task."""

    def __init__(self) -> None:
        self.late: list[float] = []

    async def sample(self) -> None:
        while True:
            before = time.perf_counter()
            await anyio.sleep(TICK)
            self.late.append((time.perf_counter() - before - TICK) * 1000)

    @property
    def p99(self) -> float:
        return percentile(self.late, 0.99)


async def _at_once(socket: Path, runs: Path, count: int, slowest: float) -> list[Row]:
    loads = [f"{slowest * n / (count - 1):.2f}" for n in range(count)]
    plans = [
        stand_in(f"service-{n}", health=CALM, environment={"LOAD": load}, start_grace=300.0)
        for n, load in enumerate(loads)
    ]
    async with (
        Platform.open(socket=socket, runs=runs) as platform,
        open_system(supervisor("all", strategy=Strategy.DYNAMIC)) as system,
    ):
        everybody = system.supervisor("")

        async def start(plan: Plan) -> None:
            await everybody.start_child(service(platform, plan, Replica(plan.service)))

        started = time.perf_counter()
        await start(plans[-1])
        alone = time.perf_counter() - started
        await everybody.stop_child(f"service-{count - 1}-0")
        mine, own = Lateness(), Lateness()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(mine.sample)
            started = time.perf_counter()
            async with anyio.create_task_group() as starting:
                for plan in plans:
                    starting.start_soon(start, plan)
            together = time.perf_counter() - started
            tasks.cancel_scope.cancel()
    async with anyio.create_task_group() as tasks:  # the engine's own command as often, in threads
        tasks.start_soon(own.sample)
        limiter = anyio.CapacityLimiter(count)
        started = time.perf_counter()
        async with anyio.create_task_group() as starting:
            for load in loads:
                starting.start_soon(partial(anyio.to_thread.run_sync, _docker_run, socket, load, limiter=limiter))
        commands = time.perf_counter() - started
        tasks.cancel_scope.cancel()
    commanded = f"{count} x `docker run` and `docker rm`"
    what = f"{count} services at once, the slowest of which loads for {slowest:g} s"
    return [
        at_most(1.3, what=what, value=together, unit="s", floor=alone, floor_name="the slowest alone"),
        Row(what=what, value=together, unit="s", floor=commands, floor_name=commanded),
        Row(
            what="lateness of the event loop meanwhile, p99",
            value=mine.p99,
            unit="ms",
            floor=own.p99,
            floor_name="an idle loop beside the commands",
            goal="≤ 10 ms",
            met=mine.p99 <= 10,
        ),
    ]
