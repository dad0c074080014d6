"""Who is used: the replica with the least to do, as soon as there is one."""

import pytest
from anyio import create_task_group, fail_after, sleep
from troupe.services.docker.errors import NoSuchPort, NotRunning
from troupe.services.docker.status import Place, Replica, Replicas, State


def well(replica: Replica, port: int) -> None:
    replica.change(State.HEALTHY, places={"http": Place("127.0.0.1", port)})


@pytest.mark.virtual
async def test_least_loaded_of_the_healthy_ones() -> None:
    replicas = Replicas("x", 3)
    for number, replica in enumerate(replicas.all):
        well(replica, number)
    replicas.all[2].change(State.UNHEALTHY)
    async with replicas.lease() as first, replicas.lease() as second, replicas.lease() as third:
        assert {first.port, second.port} == {0, 1}
        assert third.port in {0, 1}  # the one that is doubtful comes last, however idle
    assert [replica.leases for replica in replicas.all] == [0, 0, 0]
    replicas.all[0].change(State.DRAINING)
    replicas.all[1].change(State.FAILED)
    assert replicas.least_loaded() is replicas.all[2]
    assert replicas.all[1].status.places == {}


@pytest.mark.virtual
async def test_lease_waits_for_somebody() -> None:
    replicas = Replicas("x")
    with pytest.raises(NotRunning):
        async with replicas.lease(wait=5):
            pass

    async def start() -> None:
        await sleep(2)
        replicas.all[0].change(State.STARTING)
        await sleep(2)
        well(replicas.all[0], 80)

    async with create_task_group() as tasks:
        tasks.start_soon(start)
        with fail_after(4.5):
            async with replicas.lease("http", wait=5) as place:
                assert place.url("/v1") == "http://127.0.0.1:80/v1"
    with pytest.raises(NoSuchPort, match="x has no port htp; there are http"):
        async with replicas.lease("htp"):
            pass


def test_address_of_ipv6() -> None:
    assert Place("::1", 80).url(scheme="ws") == "ws://[::1]:80"
