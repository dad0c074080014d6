"""Token buckets by a clock of the test's own."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.services.gateway.quotas import MOST, TokenBuckets, neighbourhood


class Clock:
    def __init__(self, at: float = 1000.0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


@given(
    tokens=st.integers(1, 100),
    steps=st.lists(st.floats(0, 90, allow_nan=False), max_size=200),
    start=st.floats(0, 1e6),
)
def test_no_stretch_of_time_sees_more_than_a_burst_and_what_flowed_in(
    tokens: int, steps: list[float], start: float
) -> None:
    clock = Clock(start)
    buckets = TokenBuckets(tokens, now=clock)
    taken: list[float] = []
    for step in steps:
        clock.at += step
        wait = buckets.take("key")
        assert 0 <= wait <= 60
        if not wait:
            taken.append(clock.at)
    for first, since in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= tokens + (taken[last] - since) * tokens / 60 + 1e-6


@given(tokens=st.integers(1, 50))
def test_who_waits_as_long_as_told_gets_a_token(tokens: int) -> None:
    clock = Clock()
    buckets = TokenBuckets(tokens, now=clock)
    for _ in range(tokens):
        assert buckets.take("key") == 0
    wait = buckets.take("key")
    assert wait == pytest.approx(60 / tokens)
    assert buckets.wait("key") == wait
    clock.at += wait / 2
    assert buckets.take("key") > 0
    clock.at += wait / 2 + 1e-6
    assert buckets.take("key") == 0


def test_one_that_asks_for_a_hundred_times_its_share_takes_nothing_from_others() -> None:
    clock = Clock()
    buckets = TokenBuckets(60, now=clock)
    passed = dict.fromkeys(("greedy", "modest"), 0)
    for tick in range(6000):
        clock.at = 1000 + tick / 100
        passed["greedy"] += buckets.take("greedy") == 0
        if tick % 100 == 50:
            passed["modest"] += buckets.take("modest") == 0
    assert passed["modest"] == 60
    assert 119 <= passed["greedy"] <= 120


def test_any_number_of_keys_fits_into_twenty_megabytes() -> None:
    clock = Clock()
    buckets = TokenBuckets(10, now=clock)
    tracemalloc.start()
    for number in range(200_000):
        if number == 50_000:  # it is full, and measuring is slow
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        clock.at += 1e-6
        buckets.take(number.to_bytes(16))
        assert len(buckets) <= MOST
    assert peak < 20 * 2**20
    assert buckets.take(b"one more") == 0


def test_full_buckets_are_not_kept() -> None:
    clock = Clock()
    buckets = TokenBuckets(1, now=clock)
    for number in range(1000):
        buckets.take(number)
    clock.at += 61
    for number in range(600):
        buckets.take(-number - 1)
    assert len(buckets) <= 600


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::1", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_what_counts_as_one_address(address: str, same: str) -> None:
    assert neighbourhood(address) == same
