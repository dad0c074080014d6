"""What a container, its engine and its machine can do to a service."""

import ctypes
import os
import shutil
import signal
import socket as sockets
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import httpx2
import pytest
from anyio import run_process, to_thread
from containers import PYTHON, engine_problem, load_image, running, stand_in, until
from troupe.runtime.errors import RestartLimitExceeded, StartFailed
from troupe.runtime.exits import NORMAL, Crashed
from troupe.services.docker.engine import Engine, local_client
from troupe.services.docker.errors import (
    ContainerDied,
    EngineAbsent,
    EngineForbidden,
    EngineSilent,
    Forbidden,
    ImageMissing,
    NeverHealthy,
    PortTaken,
    ServiceError,
    Unmet,
)
from troupe.services.docker.manifest import Gpu, Health, Port, Requirements, RestartRule
from troupe.services.docker.ownership import OWNER
from troupe.services.docker.service import Terms
from troupe.services.docker.status import Place, State
from troupe.services.docker.units import Bytes, Seconds

pytestmark = [pytest.mark.real_time, pytest.mark.one_back_end]

DOCKERD = shutil.which("dockerd")
GPUS = Path("/proc/driver/nvidia").exists()


@contextmanager
def failing(kind: type[ServiceError]) -> Iterator[list[ServiceError]]:
    """Expect that services do not start for one reason, which is in the list afterwards."""
    found: list[ServiceError] = []
    with pytest.raises(StartFailed) as failed:
        yield found
    error: BaseException = failed.value
    while isinstance(error, StartFailed) and isinstance(error.exit, Crashed):
        error = error.exit.error
    assert isinstance(error, kind), error
    found.append(error)


async def post(place: Place, path: str) -> None:
    """Tell a service what to do to itself; it may not live to answer."""
    async with local_client(httpx2.Limits()) as client:
        with suppress(httpx2.TransportError):
            await client.post(place.url(path))


async def test_killed_it_comes_back_at_another_port(socket: Path, tmp_path: Path) -> None:
    async with running(socket, tmp_path, stand_in()) as ran:
        before = ran.replicas().all[0].status
        await ran.engine.kill(before.container)
        await until(ran.replicas(), State.HEALTHY, starts=2)
        now = ran.replicas().all[0].status
        assert now.places != before.places
        assert now.container != before.container
        assert await ran.containers() == [f"/troupe-stand-in-{ran.platform.run.name}-0-2"]


async def test_out_of_memory_is_told_from_a_crash(socket: Path, tmp_path: Path) -> None:
    seen: list[str] = []
    async with running(socket, tmp_path, stand_in(health=Health(http="/health"))) as ran:
        (replica,) = ran.replicas().all
        await post(replica.place(), "/hog")
        while replica.status.starts < 2:
            await replica.changed()
            seen.append(replica.status.remark)
        await until(ran.replicas(), State.HEALTHY)
    assert any("more memory than it may" in remark for remark in seen)


async def test_exiting_at_once_ends_the_start_with_the_last_lines(socket: Path, tmp_path: Path) -> None:
    plan = stand_in(environment={"EXIT": "3"}, start_grace=600.0)
    with failing(ContainerDied) as found:
        async with running(socket, tmp_path, plan):
            pass
    (died,) = found
    assert isinstance(died, ContainerDied)
    assert (died.exit_code, died.out_of_memory) == (3, False)
    assert sorted(died.last_lines) == ["begins", "it can't begin"]  # of two streams, which the engine keeps in no order
    assert "it can't begin" not in str(died)


async def test_never_healthy(socket: Path, tmp_path: Path) -> None:
    with failing(NeverHealthy) as found:
        async with running(socket, tmp_path, stand_in(environment={"LOAD": "1000"}, start_grace=0.6)):
            pass
    assert "stand-in was not healthy within 0.6 s: " in str(found[0])


async def test_unhealthy_later_it_is_restarted(socket: Path, tmp_path: Path) -> None:
    patient = Health(http="/health", interval=Seconds(0.6), retries=2)
    async with running(socket, tmp_path, stand_in(health=patient)) as ran:
        (replica,) = ran.replicas().all
        await post(replica.place(), "/unwell")
        await until(ran.replicas(), State.UNHEALTHY)
        assert replica.status.remark == "HTTP 503"
        await until(ran.replicas(), State.HEALTHY, starts=2)


async def test_done_it_is_stopped_and_not_failed(socket: Path, tmp_path: Path) -> None:
    once = RestartRule(policy="transient")
    plan = stand_in(health=None, ports={}, command=(*PYTHON, "import time; time.sleep(0.3)"), restart=once)
    async with running(socket, tmp_path, plan) as ran:
        assert await ran.system.ref("stand-in-0").wait_ended() == NORMAL
        assert ran.replicas().all[0].status.state is State.STOPPED
        assert await ran.containers() == []


async def test_slow_to_stop_it_is_killed_after_its_grace(socket: Path, tmp_path: Path) -> None:
    async with running(socket, tmp_path, stand_in(environment={"STUBBORN": "1"}, stop_grace=1.0)) as ran:
        pass
    assert await ran.containers() == []


async def test_crash_loop_ends_when_the_limit_is_reached(socket: Path, tmp_path: Path) -> None:
    dies = (*PYTHON, "import time; time.sleep(1); raise SystemExit(1)")  # not before it counts as started
    plan = stand_in(health=None, ports={}, command=dies, restart=RestartRule(intensity=1))
    with pytest.raises(RestartLimitExceeded):
        async with running(socket, tmp_path, plan) as ran:
            await ran.system.ref("stand-in-0").wait_ended()


async def test_taken_port(socket: Path, tmp_path: Path) -> None:
    with sockets.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with failing(PortTaken) as found:
            async with running(socket, tmp_path, stand_in(ports={"http": Port(container=8000, host=port)})):
                pass
        assert f"can't have port {port}" in str(found[0])


async def test_missing_image(socket: Path, tmp_path: Path) -> None:
    with failing(ImageMissing) as found:
        async with running(socket, tmp_path, stand_in(image="registry.invalid/none:1")):
            pass
    assert "no image registry.invalid/none:1 here, and it can't be pulled" in str(found[0])


async def test_what_the_machine_does_not_have_is_said_before_the_start(socket: Path, tmp_path: Path) -> None:
    if not GPUS:
        with failing(Unmet) as found:
            async with running(socket, tmp_path, stand_in(requirements=Requirements(gpu=Gpu()))):
                pass
        assert "requires a GPU" in str(found[0])
        assert "nvidia-container-toolkit" in str(found[0])
    with failing(Unmet) as found:
        async with running(socket, tmp_path, stand_in(requirements=Requirements(memory=Bytes(1 << 50)))):
            pass
    assert "requires 1024.0 TiB of memory" in str(found[0])


async def test_what_is_forbidden_is_never_made(socket: Path, tmp_path: Path) -> None:
    with failing(Forbidden) as found:
        async with running(socket, tmp_path, stand_in(extra={"Privileged": True})):
            pass
    assert 'allow = ["privileged"]' in str(found[0])
    async with Engine.open(socket) as engine:
        assert not [each for each in await engine.list(OWNER) if str(tmp_path) in str(each.labels)]


async def test_two_runs_of_a_service_do_not_meet(socket: Path, tmp_path: Path) -> None:
    async with running(socket, tmp_path, stand_in()) as one, running(socket, tmp_path, stand_in()) as other:
        assert await one.platform.sweep() == 0
        places = {ran.replicas().all[0].place() for ran in (one, other)}
        assert len(places) == 2
        assert one.replicas().all[0].status.starts == other.replicas().all[0].status.starts == 1


RUN = """
import sys
from pathlib import Path
import anyio
from containers import running, stand_in

async def main():
    async with running(Path(sys.argv[1]), Path(sys.argv[2]), stand_in(), stand_in("other")) as ran:
        print(*(replicas.all[0].status.container for replicas in ran.services), flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


def killed_run(socket: Path, runs: Path) -> list[str]:
    """Start two services in a process, kill the process, and return the containers that are left."""
    support = Path(__file__).parents[2] / "support"
    command = [sys.executable, "-c", RUN, str(socket), str(runs)]
    environment = {**os.environ, "PYTHONPATH": str(support)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        containers = process.stdout.readline().split()
        process.kill()
    return containers


async def test_what_a_killed_process_left_is_adopted_or_removed(socket: Path, tmp_path: Path) -> None:
    mine, _other = await to_thread.run_sync(killed_run, socket, tmp_path)
    async with running(socket, tmp_path, stand_in(), terms=Terms(adopt=True)) as ran:
        assert ran.replicas().all[0].status.container == mine  # it went on, and is ours now
        assert len(await ran.containers()) == 2
        assert await ran.platform.sweep() == 1
        assert len(await ran.containers()) == 1
    assert await ran.containers() == []


async def test_no_engine(tmp_path: Path) -> None:
    with failing(EngineAbsent) as found:
        async with running(tmp_path / "none.sock", tmp_path, stand_in()):
            pass
    assert "apt-get install docker.io" in str(found[0])
    dead = tmp_path / "dead.sock"
    with sockets.socket(sockets.AF_UNIX) as socket:
        socket.bind(str(dead))
    with failing(EngineAbsent) as found:
        async with running(dead, tmp_path, stand_in()):
            pass
    assert "does not run" in str(found[0])


async def test_socket_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    with sockets.socket(sockets.AF_UNIX) as socket:
        socket.bind(str(path))
        socket.listen()
        path.chmod(0)
        nobody = 65534
        system = ctypes.CDLL(None)  # root may open everything; for files, this thread is somebody else for a moment
        async with Engine.open(path) as engine:
            system.setfsuid(nobody)
            try:
                with pytest.raises(EngineForbidden, match="usermod"):
                    await engine.info()
            finally:
                system.setfsuid(os.getuid())


async def test_engine_that_hangs_costs_a_deadline(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    with sockets.socket(sockets.AF_UNIX) as socket:
        socket.bind(str(path))
        socket.listen()
        async with Engine.open(path) as engine:
            with pytest.raises(EngineSilent, match=r"did not answer within 0\.2 s"):
                await engine._send("GET", "/info", timeout=0.2)


class OwnEngine:
    """An engine of a test's own, which it may stop and start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "d.sock"
        self.bridge = f"tt{os.getpid()}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [DOCKERD or "dockerd", "--pidfile", self.folder / "pid", "--host", f"unix://{self.socket}"]
        command += ["--data-root", self.folder / "data", "--exec-root", self.folder / "exec"]
        command += ["--bridge", self.bridge, "--iptables=false", "--ip6tables=false"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        engine_problem.cache_clear()
        while engine_problem(self.socket):
            assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
            engine_problem.cache_clear()
            threading.Event().wait(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(60)


@asynccontextmanager
async def own_engine() -> AsyncGenerator[OwnEngine]:
    """Run an engine of the test's own; skip the test where that can't be, fail in CI."""
    if os.getuid() != 0 or DOCKERD is None:
        problem = "an engine of one's own takes root and dockerd"
        if os.environ.get("CI"):
            pytest.fail(problem)
        pytest.skip(problem)
    folder = Path(f"/tmp/tt{os.getpid()}")  # short: a socket's path may have 107 characters
    engine = OwnEngine(folder)
    await to_thread.run_sync(folder.mkdir)
    await run_process(["ip", "link", "add", "name", engine.bridge, "type", "bridge"])
    try:
        await run_process(["ip", "address", "add", "10.213.77.1/24", "dev", engine.bridge])
        await run_process(["ip", "link", "set", engine.bridge, "up"])
        await to_thread.run_sync(engine.start)
        await to_thread.run_sync(load_image, engine.socket)
        yield engine
    finally:
        await to_thread.run_sync(engine.stop)
        await run_process(["ip", "link", "delete", engine.bridge])
        await to_thread.run_sync(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.mark.usefixtures("socket")
async def test_engine_stopped_and_started_again(tmp_path: Path) -> None:
    async with own_engine() as engine, running(engine.socket, tmp_path, stand_in()) as ran:
        (replica,) = ran.replicas().all
        await to_thread.run_sync(engine.stop)
        await until(ran.replicas(), State.UNHEALTHY)
        assert "the engine is gone" in replica.status.remark
        assert not ran.system.ref("stand-in-0").ended
        await to_thread.run_sync(engine.start)
        await until(ran.replicas(), State.HEALTHY, starts=2)
        assert len(await ran.containers()) == 1
