"""Counting what is used of a provider: model by model, call by call, and what it took to ask."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from msgspec.structs import asdict, replace

from ..runtime.histogram import Histogram
from .contracts import Account, Usage
from .errors import ProviderError

CONNECTING: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5)
"""Bounds of the seconds to a connection that are counted."""
MOST: Final = 256
"""Models of one actor that are counted apart."""
OTHERS: Final = "others"
"""What those beyond are counted as."""


class Meter:
    """Sums up the calls of one model."""

    def __init__(self) -> None:
        self._sum = Usage()
        self.retries: Counter[str] = Counter()
        """Requests that were sent again, by the code of the error that was the reason."""
        self.connects = Histogram(CONNECTING)
        """Seconds to a connection, TLS included, where one was made: most calls use one that is there."""

    @property
    def usage(self) -> Usage:
        """The sums so far."""
        return self._sum

    @contextmanager
    def call(self) -> Generator[None]:
        """Count a call, and whether the provider failed it; one that its caller gave up is no failure."""
        self.add(Usage(calls=1))
        try:
            yield
        except ProviderError:
            self.add(Usage(failures=1))
            raise

    def add(self, more: Usage) -> None:
        """Add to all sums."""
        sums = asdict(self._sum)
        self._sum = replace(self._sum, **{name: sums[name] + value for name, value in asdict(more).items()})


class Meters:
    """Sums up the calls of one actor, each model's apart."""

    def __init__(self) -> None:
        self._meters: dict[str, Meter] = {}

    def of(self, model: str) -> Meter:
        """Return the meter of a model; empty for what is about none, such as the list of models."""
        if model not in self._meters:
            if len(self._meters) >= MOST:
                model = OTHERS
            self._meters.setdefault(model, Meter())
        return self._meters[model]

    @property
    def usage(self) -> Usage:
        """The sums over all models."""
        total = Meter()
        for meter in self._meters.values():
            total.add(meter.usage)
        return total.usage

    @property
    def accounts(self) -> tuple[Account, ...]:
        """What each model was used for."""
        return tuple(
            Account(model=model, usage=meter.usage, retries=dict(meter.retries), connects=meter.connects)
            for model, meter in self._meters.items()
        )
