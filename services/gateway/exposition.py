"""Metrics in the text format of Prometheus (exposition format 0.0.4).

Written here rather than by prometheus-client: what is counted are plain integers that cost an addition where they are
counted, not objects with a lock; what several workers have counted is put together; and the format is forty lines. That
they are right is checked with that package's own parser.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from ...runtime.histogram import Histogram

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Sample(Struct, frozen=True, array_like=True):
    """One number."""

    labels: tuple[tuple[str, str], ...]
    value: float
    suffix: str = ""
    """Of the name: ``_bucket``, ``_sum`` or ``_count`` of a histogram."""


class Metric(Struct, frozen=True, array_like=True):
    """Numbers with one name."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    samples: tuple[Sample, ...]


Values: TypeAlias = Mapping[str, float] | Mapping[tuple[str, ...], float]
"""By the value of one label, or the values of several."""


def counter(name: str, help_: str, values: Values | float, *labels: str) -> Metric:
    """Return a metric that only grows, or one for each value of a label, or for several labels' values."""
    return Metric(name, "counter", help_, _samples(values, labels))


def gauge(name: str, help_: str, values: Values | float, *labels: str) -> Metric:
    """Return a metric that goes up and down, likewise."""
    return Metric(name, "gauge", help_, _samples(values, labels))


def histogram(
    name: str, help_: str, values: Mapping[str, Histogram] | Mapping[tuple[str, ...], Histogram], *labels: str
) -> Metric:
    """Return a distribution for each value of a label, or for several labels' values."""
    return Metric(name, "histogram", help_, tuple(_buckets(values, labels)))


def _samples(values: Values | float, labels: tuple[str, ...]) -> tuple[Sample, ...]:
    if isinstance(values, Mapping):
        return tuple(Sample(_labelled(labels, key), value) for key, value in values.items())
    return (Sample((), values),)


def _labelled(labels: tuple[str, ...], key: str | tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(zip(labels, (key,) if isinstance(key, str) else key, strict=True))


def _buckets(
    values: Mapping[str, Histogram] | Mapping[tuple[str, ...], Histogram], labels: tuple[str, ...]
) -> Iterator[Sample]:
    for key, each in values.items():
        ours, total = _labelled(labels, key), 0
        for bound, count in zip((*map(repr, each.bounds), "+Inf"), each.counts, strict=True):
            total += count
            yield Sample((*ours, ("le", bound)), total, "_bucket")
        yield Sample(ours, each.sum, "_sum")
        yield Sample(ours, total, "_count")


def merged(snapshots: Mapping[str, Iterable[Metric]]) -> list[Metric]:
    """Return the metrics of several workers as one list, each sample with the worker it is from.

    Args:
        snapshots: By the name of the worker.
    """
    metrics: dict[str, Metric] = {}
    for worker, snapshot in snapshots.items():
        for metric in snapshot:
            samples = tuple(
                Sample((("worker", worker), *each.labels), each.value, each.suffix) for each in metric.samples
            )
            before = metrics[metric.name].samples if metric.name in metrics else ()
            metrics[metric.name] = Metric(metric.name, metric.kind, metric.help, before + samples)
    return list(metrics.values())


def exposition(metrics: Iterable[Metric]) -> bytes:
    """Write metrics down."""
    return "".join(line for metric in metrics for line in _lines(metric)).encode()


def _lines(metric: Metric) -> Iterator[str]:
    yield f"# HELP {metric.name} {_escaped(metric.help)}\n# TYPE {metric.name} {metric.kind}\n"
    for sample in metric.samples:
        labels = ",".join(f'{name}="{_escaped(value, quotes=True)}"' for name, value in sample.labels)
        yield f"{metric.name}{sample.suffix}{{{labels}}} {sample.value!r}\n"


def _escaped(text: str, *, quotes: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quotes else text
