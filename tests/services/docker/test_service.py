"""Containers as actors, with the real engine."""

from pathlib import Path

import httpx2
import pytest
from containers import running, stand_in, until
from troupe.services.docker.service import Execute, GetStatus, Measure, ReadLogs
from troupe.services.docker.status import State

pytestmark = [pytest.mark.real_time, pytest.mark.one_back_end]


async def test_it_is_ready_when_its_health_check_says_so_and_gone_afterwards(socket: Path, tmp_path: Path) -> None:
    async with running(socket, tmp_path, stand_in(environment={"LOAD": "0.3"})) as (system, [replicas]):
        (replica,) = replicas.all
        assert replica.status.state is State.HEALTHY
        ref = system.ref("stand-in-0")
        assert await ref.ask(GetStatus()) == replica.status
        async with replicas.lease() as place, httpx2.AsyncClient() as client:
            assert place.host == "127.0.0.1"
            assert (await client.get(place.url("/health"))).status_code == 200
            assert replica.leases == 1
        async with ref.stream(ReadLogs(tail=5)) as lines:
            assert (await lines.receive()).text == "begins"
        async with ref.stream(Measure()) as measured:
            usage = await measured.receive()
            assert 0 < usage.memory < usage.memory_limit == 96 << 20
        result = await ref.ask(Execute(command=("/usr/python/bin/python3", "-S", "-c", "print(6 * 7)")))
        assert (result.exit_code, result.stdout) == (0, b"42\n")
    assert replica.status.state is State.STOPPED


async def test_killed_it_comes_back_at_another_port(socket: Path, tmp_path: Path) -> None:
    async with running(socket, tmp_path, stand_in()) as (_, [replicas]):
        before = replicas.all[0].place()
        async with httpx2.AsyncClient() as client:
            with pytest.raises(httpx2.TransportError):
                await client.post(before.url("/die?code=3"))
        await until(replicas, State.HEALTHY, starts=2)
        assert replicas.all[0].place() != before
