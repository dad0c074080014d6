"""The text format, read by the parser of Prometheus' own Python package."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from troupe.runtime.histogram import Histogram
from troupe.services.gateway.exposition import Metric, counter, exposition, gauge, histogram, merged

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\x1c\x1d\x1e\x85\u2028\u2029\x0b\x0c"))


def parsed(metrics: list[Metric]) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Values by name and labels."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(exposition(metrics).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


@given(labels=st.dictionaries(TEXT, st.integers(0, 2**53)), value=st.floats(allow_nan=False, allow_infinity=False))
def test_counters_and_gauges(labels: dict[str, int], value: float) -> None:
    found = parsed([counter("turns_total", "How many.\nReally \\ how?", labels, "kind"), gauge("lag", "Late.", value)])
    assert found.get("turns_total", {}) == {(("kind", label),): count for label, count in labels.items()}
    assert found["lag"] == {(): value}


@given(values=st.lists(st.floats(0, 10)))
def test_histograms(values: list[float]) -> None:
    taken = Histogram((0.1, 1, 5.5))
    for value in values:
        taken.observe(value)
    found = parsed([histogram("stage_seconds", "Time.", {"first_token": taken}, "stage")])
    stage = ("stage", "first_token")
    assert found["stage_seconds_count"] == {(stage,): len(values)}
    assert found["stage_seconds_sum"] == {(stage,): taken.sum}
    assert found["stage_seconds_bucket"] == {
        (("le", bound), stage): sum(value <= float(bound) for value in values) for bound in ("0.1", "1", "5.5", "+Inf")
    }


def test_workers_are_told_apart() -> None:
    snapshots = {
        number: msgspec.msgpack.decode(
            msgspec.msgpack.encode([counter("turns_total", "How many.", {"a": turns}, "kind")]), type=list[Metric]
        )
        for number, turns in (("0", 3), ("1", 4))
    }
    found = parsed(merged(snapshots))
    assert found == {
        "turns_total": {(("kind", "a"), ("worker", "0")): 3, (("kind", "a"), ("worker", "1")): 4},
    }
