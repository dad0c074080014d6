from pathlib import Path

import pytest
from troupe.services.bench.level import RATES
from troupe.services.bench.measures import COUNTS, MEASURES, Seen


def test_values_keep_their_sessions() -> None:
    seen = Seen()
    for session, value in ((1, 0.5), (0, 0.25), (1, 0.75)):
        seen.add("first_audio", value, session)
    found = seen.distributions()["first_audio"]
    assert (found.unit, found.values, found.sessions) == ("s", [0.5, 0.25, 0.75], [1, 0, 1])
    assert list(seen.values("first_audio")) == [0.5, 0.25, 0.75]
    assert list(seen.values("nothing")) == []


def test_the_lateness_of_many_frames_becomes_a_thousand_quantiles() -> None:
    seen = Seen()
    seen.lateness.extend(number / 1000 for number in range(5000))
    values = seen.distributions()["lateness"].values
    assert len(values) == 1001
    assert values == sorted(values)
    assert values[0] == 0.0
    assert values[500] == pytest.approx(2.5, abs=0.002)
    assert values[-1] == pytest.approx(4.999)


def test_a_measurement_begins_with_nothing_but_how_sessions_were_opened() -> None:
    seen = Seen()
    seen.add("connect", 0.1, 0)
    seen.add("probe", 0.1, 0)
    seen.lateness.append(1.0)
    seen.fail("bad")
    seen.begin(7.0)
    assert seen.since == 7.0
    assert seen.distributions().keys() == {"connect"}
    assert not seen.counts
    assert not seen.errors


def test_what_is_measured_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "load.md").read_text()
    assert [name for name in (*MEASURES, *RATES) if name not in page] == []


def test_rates_are_counted() -> None:
    assert set(RATES) <= COUNTS.keys()
    assert not MEASURES.keys() & COUNTS.keys()
