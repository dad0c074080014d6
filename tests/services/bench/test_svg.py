import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.services.bench.svg import (
    Drawing,
    Range,
    Scale,
    Series,
    Span,
    histogram,
    legend,
    lines,
    nice_step,
    ranges,
    ticks,
    timeline,
)

finite = st.floats(0.001, 1e6)


def plain(value: float) -> str:
    return f"{value:g}"


def parsed(plot: str) -> ET.Element:
    return ET.fromstring(f"<div>{plot}</div>")


def numbers(plot: ET.Element, tag: str, attribute: str) -> list[float]:
    return [float(element.attrib[attribute]) for element in plot.iter(tag) if attribute in element.attrib]


def titles(plot: ET.Element) -> list[str]:
    return [element.text or "" for element in plot.iter("title")]


@pytest.mark.parametrize(
    ("extent", "count", "step"), [(10, 5, 2), (1, 5, 0.2), (99, 5, 20), (101, 5, 50), (0.5, 10, 0.05), (7, 7, 1)]
)
def test_steps_are_round(extent: float, count: int, step: float) -> None:
    assert nice_step(extent, count) == pytest.approx(step)


@settings(max_examples=30)
@given(low=st.floats(-1e5, 1e5), extent=finite, count=st.integers(2, 12))
def test_ticks_lie_within(low: float, extent: float, count: int) -> None:
    found = ticks(low, low + extent, count)
    assert all(low - 1e-6 * extent <= tick <= low + extent * (1 + 1e-6) for tick in found)
    assert len(found) <= count + 1


def test_a_scale_maps_its_ends() -> None:
    scale = Scale(10, 20, 100, 300)
    assert (scale(10), scale(15), scale(20)) == (100, 200, 300)
    assert Scale(5, 5, 0, 10)(5) == 0, "one value alone has a place, too"


def test_lines_are_where_their_values_are() -> None:
    series = [Series("p50", [(10, 1.0), (20, 2.0)]), Series("<p95>", [(10, 2.0), (20, 4.0)])]
    plot = parsed(lines(series, x="sessions", y="time", tick=plain, limit=3.0))
    xs, ys = numbers(plot, "circle", "cx"), numbers(plot, "circle", "cy")
    assert xs[0] == xs[2] < xs[1] == xs[3]
    assert ys[3] < ys[1] == ys[2] < ys[0], "upwards is more"
    assert "<p95>, 20 sessions: 4" in titles(plot)
    assert [element.text for element in plot.iter("li")] == ["p50", "<p95>"]
    assert "level: 3" in [element.text for element in plot.iter("text")]


@pytest.mark.parametrize(("limit", "drawn"), [(None, False), (2.0, True), (1000.0, False)])
def test_a_limit_is_drawn_where_it_is_near(limit: float | None, drawn: bool) -> None:
    plot = lines([Series("a", [(1, 1.0), (2, 1.5)])], x="n", y="t", tick=plain, limit=limit)
    assert ('class="limit"' in plot) == drawn


@settings(max_examples=30)
@given(values=st.lists(finite, min_size=1, max_size=60))
def test_a_histogram_counts_each_value_once(values: list[float]) -> None:
    plot = parsed(histogram(values, x="time", tick=plain, marks=[("p50", values[0])]))
    counts = [int(title.rpartition(": ")[2]) for title in titles(plot) if " to " in title]
    assert sum(counts) == len(values)
    assert all(width > 0 for width in numbers(plot, "rect", "width"))


@settings(max_examples=30)
@given(st.lists(st.tuples(finite, finite, finite), min_size=1, max_size=8))
def test_ranges_are_in_order(rows: list[tuple[float, float, float]]) -> None:
    plot = parsed(ranges([Range("a", sorted(row)) for row in rows], names=["p50", "p95", "p99"], tick=plain))
    xs = numbers(plot, "circle", "cx")
    for worst, middle, best in zip(xs[::3], xs[1::3], xs[2::3], strict=True):
        assert best <= middle <= worst
    assert all(150 < x < 760 for x in xs)


def test_a_timeline_has_a_row_for_each_span() -> None:
    spans = [
        Span("speaks", -2.0, 0.0, 0, "2 s"),
        Span("transcript", 0.5, 0.5, 1, "500 ms"),
        Span("heard", 1, 4, 2, "3 s"),
    ]
    plot = parsed(timeline(spans, tick=plain))
    ((start, second), (width, other)) = numbers(plot, "rect", "x"), numbers(plot, "rect", "width")
    assert start < second
    assert other == pytest.approx(1.5 * width, rel=0.01)
    assert len(numbers(plot, "circle", "cx")) == 1


def test_names_are_escaped() -> None:
    drawing = Drawing("<&>")
    drawing.text(1, 2, "<script>")
    assert parsed(str(drawing)).find(".//text").text == "<script>"  # type: ignore[union-attr]
    assert "<script>" not in str(drawing) + legend(["<script>"])
