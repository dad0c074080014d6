"""Containers as actors, with the real engine."""

import json
from pathlib import Path

import httpx2
import pytest
from anyio import to_thread
from containers import PYTHON, STAND_IN, running, stand_in, until
from images import PATH
from troupe.services.docker.compose import read_compose
from troupe.services.docker.container import Plan
from troupe.services.docker.engine import Engine, local_client
from troupe.services.docker.manifest import Build, Health, Secret, Volume
from troupe.services.docker.service import Drain, Execute, GetStatus, Measure, ReadLogs, Terms
from troupe.services.docker.status import Place, State
from troupe.services.docker.units import Bytes, Seconds

pytestmark = [pytest.mark.real_time, pytest.mark.one_back_end]


FORK = """
import os, signal
children, refused = [], 0
for _ in range(80):
    try:
        children.append(os.fork())
    except OSError:
        refused += 1
        continue
    if not children[-1]:
        signal.pause()
for child in children:
    os.kill(child, 9)
print(refused)
"""


async def get(place: Place, path: str) -> httpx2.Response:
    async with local_client(httpx2.Limits()) as client:
        return await client.get(place.url(path))


async def test_it_is_ready_when_its_health_check_says_so_and_gone_afterwards(socket: Path, tmp_path: Path) -> None:
    async with running(socket, tmp_path, stand_in(environment={"LOAD": "0.3"})) as ran:
        (replica,) = ran.replicas().all
        assert replica.status.state is State.HEALTHY
        assert replica.status.starts == 1
        ref = ran.system.ref("stand-in-0")
        assert await ref.ask(GetStatus()) == replica.status
        async with ran.replicas().lease() as place:
            assert place.host == "127.0.0.1"
            assert (await get(place, "/health")).status_code == 200
            assert replica.leases == 1
        async with ref.stream(ReadLogs(tail=5)) as lines:
            assert (await lines.receive()).text == "begins"
        async with ref.stream(Measure()) as measured:
            usage = await measured.receive()
            assert 0 < usage.memory < usage.memory_limit == 96 << 20
            assert usage.processes >= 1
        result = await ref.ask(Execute(command=(*PYTHON, "print(6 * 7); raise SystemExit(3)")))
        assert (result.exit_code, result.stdout, result.stderr) == (3, b"42\n", b"")
        await ref.ask(Drain())
        assert replica.status.state is State.DRAINING
        container = replica.status.container
        assert [each.id for each in await ran.engine.list("troupe.service=stand-in")] == [container]
    assert replica.status.state is State.STOPPED
    assert replica.status.places == {}
    assert await ran.containers() == []


async def test_what_it_may_not_do(socket: Path, tmp_path: Path) -> None:
    async with running(socket, tmp_path, stand_in()) as ran:
        execute = ran.system.ref("stand-in-0")

        async def python(program: str) -> str:
            result = await execute.ask(Execute(command=(*PYTHON, program)))
            return (result.stdout + result.stderr).decode()

        assert "Read-only file system" in await python("open('/etc/x', 'w')")
        assert await python("open('/tmp/x', 'w').write('1'); print(open('/tmp/x').read())") == "1\n"
        status = await python("print(open('/proc/self/status').read())")
        assert "CapEff:\t0000000000000000" in status
        assert "NoNewPrivs:\t1" in status
        assert 0 < int(await python(FORK)) < 80


async def test_secrets_files_volumes_and_variables(socket: Path, tmp_path: Path) -> None:
    def write() -> None:
        (tmp_path / "shared").mkdir()
        (tmp_path / "shared" / "note").write_text("from the folder")
        (tmp_path / "own.env").write_text("# comment\nTOKEN='from the file'\n")
        (tmp_path / "key").write_text("from the key")

    await to_thread.run_sync(write)
    plan = stand_in(
        folder=tmp_path,
        environment={"PLAIN": "said"},
        env_files=(tmp_path / "own.env",),
        secrets={"key": Secret(file="key"), "path": Secret(variable="PATH")},
        volumes=(Volume(path="/shared", folder="shared", read_only=True), Volume(path="/data", memory=Bytes(1 << 20))),
    )
    terms = Terms(allowed=frozenset({"variable:PATH"}))
    async with running(socket, tmp_path / "runs", plan, terms=terms) as ran:
        place = ran.replicas().all[0].place()
        environment = (await get(place, "/environment")).json()
        assert environment["PLAIN"] == "said"
        assert environment["TOKEN"] == "from the file"
        assert (await get(place, "/file/run/secrets/key")).json() == "from the key"
        assert (await get(place, "/file/run/secrets/path")).json()
        assert (await get(place, "/file/shared/note")).json() == "from the folder"
        described = await ran.engine.inspect(ran.replicas().all[0].status.container)
        assert "from the key" not in str(described)
    assert await to_thread.run_sync(lambda: list((tmp_path / "runs").rglob("*"))) == []


async def test_without_a_network_it_is_used_by_commands(socket: Path, tmp_path: Path) -> None:
    plan = stand_in(
        network="none",
        ports={},
        health=Health(command=(*PYTHON, "import os; os.stat('/tmp/well')"), interval=Seconds(0.1)),
        command=(*PYTHON, "import time; time.sleep(0.3); open('/tmp/well', 'w'); time.sleep(600)"),
    )
    async with running(socket, tmp_path, plan) as ran:
        interfaces = (*PYTHON, "import os; print(os.listdir('/sys/class/net'))")
        result = await ran.system.ref("stand-in-0").ask(Execute(command=interfaces))
        assert result.stdout == b"['lo']\n"
        broken = (*PYTHON, "import os; os.unlink('/tmp/well')")
        await ran.system.ref("stand-in-0").ask(Execute(command=broken))
        await until(ran.replicas(), State.HEALTHY, starts=2)  # the engine found it unhealthy, and it was restarted


async def test_tcp_check_waits_for_somebody_to_listen(socket: Path, tmp_path: Path) -> None:
    late = f"import time; time.sleep(0.4)\n{STAND_IN}"
    plan = stand_in(command=(*PYTHON, late), health=Health(tcp="http", interval=Seconds(5)))
    async with running(socket, tmp_path, plan) as ran:
        assert (await get(ran.replicas().all[0].place(), "/health")).status_code == 200


COMPOSE = """
services:
  web:
    image: {image}
    command: {command}
    environment: {{LOAD: "0.2"}}
    ports: [8000]
    healthcheck: {{test: [CMD, python3, -S, -c, "import http.client as h; h.HTTPConnection('store', 8000).connect()"],
      interval: 200ms}}
    depends_on: {{store: {{condition: service_healthy}}}}
    mem_limit: 96m
    stop_grace_period: 2s
  store:
    image: {image}
    command: {command}
    mem_limit: 96m
    stop_grace_period: 2s
"""


async def test_services_of_a_compose_file_reach_each_other(socket: Path, tmp_path: Path) -> None:
    def read() -> tuple[Plan, ...]:
        text = COMPOSE.format(image=stand_in().image, command=json.dumps([*PYTHON, STAND_IN.replace("$", "$$")]))
        (tmp_path / "compose.yaml").write_text(text)
        return read_compose(tmp_path / "compose.yaml", "web", {})

    plans = await to_thread.run_sync(read)
    async with running(socket, tmp_path / "runs", *plans) as ran:
        store, web = ran.services
        assert (store.service, web.service) == ("store", "web")
        assert web.all[0].status.state is State.HEALTHY  # it found the other one by its name
        assert [network.name for network in await ran.engine.networks(f"troupe.run={ran.platform.run.name}")]
        left = ran.platform.run.name
    assert await ran.containers() == []
    async with Engine.open(socket) as engine:
        assert await engine.networks(f"troupe.run={left}") == ()


async def test_it_is_built_and_calls_go_to_the_replica_with_the_least_to_do(socket: Path, tmp_path: Path) -> None:
    base = stand_in().image

    def write() -> None:
        (tmp_path / "server.py").write_text(STAND_IN)
        command = f'["{PATH}", "-S", "/server.py"]'
        (tmp_path / "Dockerfile").write_text(f"FROM {base}\nCOPY server.py /server.py\nCMD {command}\n")

    await to_thread.run_sync(write)
    plan: Plan = stand_in(folder=tmp_path, image="troupe-test/built:1", build=Build(), command=())
    async with running(socket, tmp_path / "runs", plan, count=2) as ran:
        replicas = ran.replicas()
        assert [each.status.state for each in replicas.all] == [State.HEALTHY] * 2
        async with replicas.lease() as first, replicas.lease() as second:
            assert first != second
            assert {first, second} == {each.place("http") for each in replicas.all}
