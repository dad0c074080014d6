"""Calls and what they used are summed up."""

import pytest
from troupe.actors.contracts import Usage
from troupe.actors.errors import ProviderUnavailable
from troupe.actors.usage import MOST, OTHERS, Meter, Meters


def test_sums_of_everything() -> None:
    meter = Meter()
    meter.add(Usage(input_tokens=3, seconds=0.5))
    meter.add(Usage(input_tokens=4, cached_tokens=1, output_tokens=2, characters=7, seconds=0.25))
    assert meter.usage == Usage(input_tokens=7, cached_tokens=1, output_tokens=2, characters=7, seconds=0.75)


def test_a_providers_error_is_a_failure_and_goes_on() -> None:
    meter = Meter()
    with meter.call():
        pass
    with pytest.raises(ProviderUnavailable), meter.call():
        raise ProviderUnavailable("wire")
    with pytest.raises(KeyboardInterrupt), meter.call():  # whoever leaves early is no failure of the provider
        raise KeyboardInterrupt
    assert meter.usage == Usage(calls=3, failures=1)


def test_models_are_counted_apart_up_to_a_number() -> None:
    meters = Meters()
    for number in range(MOST + 10):
        meters.of(f"model-{number}").add(Usage(calls=1))
    meters.of("model-3").add(Usage(calls=1))
    counted = {account.model: account.usage.calls for account in meters.accounts}
    assert len(counted) == MOST + 1
    assert (counted["model-3"], counted[OTHERS]) == (2, 10)
    assert meters.usage.calls == MOST + 11
