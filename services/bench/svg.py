"""Plots as SVG, drawn here: what a report needs is little, and it has to be one file without anything from elsewhere.

Colours are classes of the page's style sheet, so that they follow light and dark.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Final, NamedTuple

WIDTH: Final = 480
HEIGHT: Final = 250
WIDE: Final = 760
"""Of what has names at its left."""
_LEFT: Final = 64
_RIGHT: Final = 16
_TOP: Final = 14
_BOTTOM: Final = 44
COLOURS: Final = 6
"""Series that the style sheet tells apart."""

Format = Callable[[float], str]


class Series(NamedTuple):
    """A line."""

    name: str
    points: Sequence[tuple[float, float]]
    labels: Sequence[str] = ()
    """What each point is called on hovering; where it is, if there are none."""


class Span(NamedTuple):
    """A row of a timeline."""

    name: str
    start: float
    end: float
    kind: int
    """Which colour it has."""
    label: str
    """What is written behind it."""


class Range(NamedTuple):
    """A row of a plot of ranges."""

    name: str
    values: Sequence[float]
    """In ascending order: the median first, the worst last."""


class Drawing:
    """An SVG, piece by piece; numbers are rounded to a tenth of a pixel.

    Args:
        description: for those who can't see it.
    """

    def __init__(self, description: str, width: float = WIDTH, height: float = HEIGHT) -> None:
        self.width = width
        self.height = height
        self._description = description
        self._parts: list[str] = []

    def add(self, tag: str, text: str = "", title: str = "", **attributes: float | str) -> None:
        """Add an element; ``class_`` and ``text_anchor`` are written as SVG has them."""
        written = ""
        for name, value in attributes.items():
            told = escape(value) if isinstance(value, str) else _number(value)
            written += f' {name.rstrip("_").replace("_", "-")}="{told}"'
        inner = (f"<title>{escape(title)}</title>" if title else "") + escape(text)
        self._parts.append(f"<{tag}{written}>{inner}</{tag}>")

    def text(self, x: float, y: float, text: str, *, anchor: str = "middle", kind: str = "") -> None:
        """Write something."""
        self.add("text", text, x=x, y=y, text_anchor=anchor, class_=kind or "label")

    def __str__(self) -> str:
        return (
            f'<svg viewBox="0 0 {_number(self.width)} {_number(self.height)}" role="img" '
            f'aria-label="{escape(self._description)}">{"".join(self._parts)}</svg>'
        )


def lines(
    series: Sequence[Series], *, x: str, y: str, tick: Format, limit: float | None = None, time: bool = False
) -> str:
    """Draw lines over a common axis.

    Args:
        series: at least one, with one point or more each.
        x: what is across.
        y: what is upwards.
        tick: how a value is written.
        limit: where a dashed line is drawn, if it is anywhere near.
        time: whether the points are too many to be marked.
    """
    drawing = Drawing(f"{y} over {x}")
    points = [point for each in series for point in each.points]
    most = max(value for _, value in points)
    if limit is not None and limit < 4 * most:
        most = max(most, limit * 1.05)
    across, up = _axes(drawing, [at for at, _ in points], most, x, y, tick)
    if limit is not None and limit <= up.high:
        drawing.add("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=up(limit), y2=up(limit), class_="limit")
        drawing.text(WIDTH - _RIGHT, up(limit) - 5, f"level: {tick(limit)}", anchor="end", kind="label limit-label")
    for number, each in enumerate(series):
        colour = number % COLOURS
        path = "M" + "L".join(f"{_number(across(at))} {_number(up(value))}" for at, value in each.points)
        drawing.add("path", d=path, class_=f"line c{colour}")
        for index, (at, value) in enumerate(each.points if not time else ()):
            title = f"{each.name}, {each.labels[index] if each.labels else f'{at:g} {x}'}: {tick(value)}"
            drawing.add("circle", title=title, cx=across(at), cy=up(value), r=4, class_=f"dot c{colour}")
    return str(drawing) + (legend([each.name for each in series]) if len(series) > 1 else "")


def histogram(values: Sequence[float], *, x: str, tick: Format, marks: Sequence[tuple[str, float]] = ()) -> str:
    """Draw how often values lie where, with lines at `marks`, such as percentiles, named on hovering."""
    drawing = Drawing(f"how often, by {x}")
    step = nice_step(max(values) - min(values) or max(values) or 1.0, 24)
    first = math.floor(min(values) / step)
    counts = [0] * (math.floor(max(values) / step) - first + 1)
    for value in values:
        counts[math.floor(value / step) - first] += 1
    low, high = first * step, (first + len(counts)) * step
    across, up = _axes(drawing, [low, high], max(5, *counts), x, "times", _plain, across=tick)
    for number, count in enumerate(counts):
        if count:
            left, right = across(low + number * step), across(low + (number + 1) * step)
            title = f"{tick(low + number * step)} to {tick(low + (number + 1) * step)}: {count}"
            wide, tall = max(1.0, right - left - 1), up(0) - up(count)
            drawing.add(
                "rect", title=title, x=left + 0.5, y=up(count), width=wide, height=tall, rx=1.5, class_="bar c0"
            )
    for name, value in marks:
        at = across(value)
        drawing.add("line", title=f"{name}: {tick(value)}", x1=at, x2=at, y1=_TOP, y2=up(0), class_="limit")
    return str(drawing)


def timeline(spans: Sequence[Span], *, tick: Format) -> str:
    """Draw what happened when, one row for each span; zero is marked."""
    row, left = 30, 170
    height = len(spans) * row + _BOTTOM + _TOP
    drawing = Drawing("what happened when", WIDE, height)
    low, high = min(span.start for span in spans), max(span.end for span in spans)
    across = Scale(low, high, left, WIDE - 90)
    bottom = _TOP + len(spans) * row
    for at in ticks(low, high, 6):
        drawing.add("line", x1=across(at), x2=across(at), y1=_TOP, y2=bottom, class_="axis" if at == 0 else "grid")
        drawing.text(across(at), bottom + 17, tick(at))
    for number, span in enumerate(spans):
        middle = _TOP + (number + 0.5) * row
        drawing.text(left - 12, middle + 4, span.name, anchor="end", kind="name")
        start, end = across(span.start), across(span.end)
        title = f"{span.name}: {span.label}"
        if span.end > span.start:
            width = max(2.0, end - start)
            drawing.add(
                "rect", title=title, x=start, y=middle - 8, width=width, height=16, rx=4, class_=f"bar c{span.kind}"
            )
        else:
            drawing.add("circle", title=title, cx=end, cy=middle, r=5.5, class_=f"dot c{span.kind}")
        drawing.text(max(end, start + 2) + 10, middle + 4, span.label, anchor="start", kind="label value")
    return str(drawing)


def ranges(rows: Sequence[Range], *, names: Sequence[str], tick: Format) -> str:
    """Draw the values of several quantities on a common logarithmic axis, one row for each.

    Args:
        rows: with positive values.
        names: of the values, such as p50 and p95.
        tick: how a value is written.
    """
    row, left = 26, 170
    bottom = _TOP + len(rows) * row
    drawing = Drawing("percentiles of each quantity", WIDE, bottom + _BOTTOM)
    values = [max(value, 1e-4) for each in rows for value in each.values]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)) + 1e-9)
    across = Scale(low, max(high, low + 1), left, WIDE - 40)
    for power in range(low, max(high, low + 1) + 1):
        at = across(power)
        drawing.add("line", x1=at, x2=at, y1=_TOP, y2=bottom, class_="grid")
        drawing.text(at, bottom + 17, tick(10.0**power))
    for number, each in enumerate(rows):
        middle = _TOP + (number + 0.5) * row
        places = [across(math.log10(max(value, 1e-4))) for value in each.values]
        drawing.text(left - 12, middle + 4, each.name, anchor="end", kind="name")
        drawing.add("line", x1=places[0], x2=places[-1], y1=middle, y2=middle, class_="bond")
        for colour, (name, value, place) in reversed(list(enumerate(zip(names, each.values, places, strict=True)))):
            title = f"{each.name}, {name}: {tick(value)}"
            drawing.add("circle", title=title, cx=place, cy=middle, r=5, class_=f"dot c{colour}")
    return str(drawing) + legend(names)


def legend(names: Iterable[str]) -> str:
    """Return what the colours mean."""
    items = (f'<li class="c{number % COLOURS}">{escape(name)}</li>' for number, name in enumerate(names))
    return f'<ul class="legend">{"".join(items)}</ul>'


class Scale:
    """Maps values to pixels."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low = low
        self.high = high if high > low else low + 1
        self._start = start
        self._end = end

    def __call__(self, value: float) -> float:
        """Return where a value is."""
        return self._start + (value - self.low) / (self.high - self.low) * (self._end - self._start)


def nice_step(extent: float, count: int) -> float:
    """Return 1, 2 or 5 times a power of ten, of which about `count` make up the extent."""
    power = 10.0 ** math.floor(math.log10(extent / count))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power * count >= extent * 0.999)


def ticks(low: float, high: float, count: int) -> list[float]:
    """Return round values from `low` to `high`, about `count` of them."""
    step = nice_step((high - low) or 1.0, count)
    return [number * step for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _axes(
    drawing: Drawing, places: Sequence[float], most: float, x: str, y: str, tick: Format, across: Format | None = None
) -> tuple[Scale, Scale]:
    """Draw axes from the least to the greatest place, and from zero to the most; return their scales."""
    step = nice_step(most or 1.0, 5)
    top = step * math.ceil((most or 1.0) / step - 1e-9)
    horizontal = Scale(min(places), max(places), _LEFT, WIDTH - _RIGHT)
    vertical = Scale(0, top, HEIGHT - _BOTTOM, _TOP)
    for value in ticks(0, top, 5):
        drawing.add(
            "line",
            x1=_LEFT,
            x2=WIDTH - _RIGHT,
            y1=vertical(value),
            y2=vertical(value),
            class_="grid" if value else "axis",
        )
        drawing.text(_LEFT - 8, vertical(value) + 4, tick(value), anchor="end")
    whole = across is None and all(place == round(place) for place in places)
    for value in ticks(horizontal.low, horizontal.high, 6):
        if whole and value != round(value):
            continue
        drawing.text(horizontal(value), HEIGHT - _BOTTOM + 18, (across or _plain)(value))
    drawing.text((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 6, x, kind="label axis-name")
    drawing.add(
        "text", y, x=0, y=0, text_anchor="middle", class_="label axis-name",
        transform=f"translate(13 {_number((HEIGHT - _BOTTOM + _TOP) / 2)}) rotate(-90)",
    )  # fmt: skip
    return horizontal, vertical


def _plain(value: float) -> str:
    return f"{value:,.10g}"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
