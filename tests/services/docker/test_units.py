"""Durations and sizes as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.services.docker.units import read_bytes, read_seconds, show_bytes


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1h30m", 5400), ("90s", 90), ("500ms", 0.5), ("10us", 1e-5), ("10µs", 1e-5), ("1m30s", 90), (3, 3), (0.5, 0.5)],
)
def test_durations(text: object, seconds: float) -> None:
    assert read_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"),
    [("2b", 2), ("512k", 512 << 10), ("2mb", 2 << 20), ("1g", 1 << 30), ("1.5GiB", 3 << 29), (7, 7), ("7", 7)],
)
def test_sizes(text: object, size: int) -> None:
    assert read_bytes(text) == size


@pytest.mark.parametrize("text", ["", "soon", "1", "1d", "s", "-1s", True, None, -1])
def test_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="one is like 30s"):
        read_seconds(text)


@pytest.mark.parametrize("text", ["", "lots", "1x", "-1", True, None, -1])
def test_no_size(text: object) -> None:
    with pytest.raises(ValueError, match="one is like 512m"):
        read_bytes(text)


@given(st.integers(0, 1 << 44))
def test_sizes_for_people_are_about_right(size: int) -> None:
    number, unit = show_bytes(size).split()
    factor = 1024 ** ["B", "KiB", "MiB", "GiB", "TiB"].index(unit)
    assert float(number) * factor == pytest.approx(size, abs=0.05 * factor)
