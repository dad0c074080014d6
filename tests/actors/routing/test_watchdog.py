"""Silence is noticed when something is expected, and only then."""

import math

import pytest
from anyio import current_time, sleep, sleep_forever
from troupe.actors.errors import ProviderTimeout
from troupe.actors.routing.watchdog import watchdog
from troupe.runtime.deadlines import Deadlines

pytestmark = pytest.mark.virtual


async def test_nothing_is_expected_at_first(deadlines: Deadlines) -> None:
    with watchdog("a", deadlines):
        await sleep(1000)


async def test_each_sign_of_life_is_expected_anew(deadlines: Deadlines) -> None:
    with pytest.raises(ProviderTimeout, match=r"a: provider_timeout \(silent for 2 s\)"):
        with watchdog("a", deadlines) as dog:
            dog.expect(5)
            await sleep(4)
            dog.expect(3)
            await sleep(2.9)
            dog.expect(2)
            await sleep_forever()
    assert current_time() == pytest.approx(8.9)


async def test_it_may_be_told_that_nothing_is_expected_any_more(deadlines: Deadlines) -> None:
    with watchdog("a", deadlines) as dog:
        dog.expect(1)
        dog.expect(math.inf)
        await sleep(1000)


async def test_the_callers_time_does_not_count(deadlines: Deadlines) -> None:
    with pytest.raises(ProviderTimeout):
        with watchdog("a", deadlines) as dog:
            dog.expect(1)
            with dog.held():
                await sleep(100)
                dog.expect(2)
                await sleep(100)
            await sleep_forever()
    assert current_time() == pytest.approx(202)


async def test_an_error_of_the_block_is_its_own(deadlines: Deadlines) -> None:
    with pytest.raises(ValueError, match="own"):
        with watchdog("a", deadlines) as dog:
            dog.expect(1)
            raise ValueError("own")
