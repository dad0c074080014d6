"""Counting what is used of a provider, call by call."""

from collections.abc import Generator
from contextlib import contextmanager

from msgspec.structs import asdict, replace

from .contracts import Usage
from .errors import ProviderError


class Meter:
    """Sums up the calls of one actor."""

    def __init__(self) -> None:
        self._sum = Usage()

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
