"""A late event loop is noticed, and forgiven soon."""

import time

import pytest
from anyio import create_task_group, sleep
from troupe.services.gateway.lag import Lag


def hold_up(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


@pytest.mark.real_time
@pytest.mark.asyncio_only
async def test_lag() -> None:
    lag = Lag()
    assert lag.now() == 0
    async with create_task_group() as tasks:
        tasks.start_soon(lag.run)
        await sleep(0.11)
        hold_up(0.2)
        assert lag.now() > 0.1, "seen before the task had its turn"
        await sleep(0.11)
        worst = lag.now()
        assert worst > 0.08
        while lag.now() > worst / 2:
            await sleep(0.05)
        tasks.cancel_scope.cancel()
