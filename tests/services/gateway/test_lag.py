"""An event loop that is late each time is noticed, a hiccup is forgiven."""

import time

import pytest
from anyio import create_task_group, sleep
from troupe.services.gateway.lag import INTERVAL, Lag


def hold_up(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


@pytest.mark.real_time
@pytest.mark.asyncio_only
async def test_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("troupe.services.gateway.lag.INTERVAL", 0.02)
    lag = Lag()
    async with create_task_group() as tasks:
        tasks.start_soon(lag.run)
        await sleep(0.03)
        hold_up(0.2)
        while lag.worst < 0.1:
            await sleep(0.001)
        assert lag.mean < lag.worst / 2
        while lag.worst > 0.05:
            await sleep(0.01)
        for _ in range(5):
            await sleep(0.01)
            hold_up(0.1)
        assert lag.mean > 0.02
        tasks.cancel_scope.cancel()


@pytest.mark.virtual
async def test_a_loop_in_good_time() -> None:
    lag = Lag()
    async with create_task_group() as tasks:
        tasks.start_soon(lag.run)
        await sleep(100 * INTERVAL)
        assert (lag.mean, lag.worst) == (pytest.approx(0), pytest.approx(0))
        tasks.cancel_scope.cancel()
