"""What happens on the way to providers, beside `troupe.runtime.events` and sent the same way: without any contents.

The `path` of each is the router's.
"""

import logging
from typing import ClassVar

from ...runtime.events import Event, Failure


class ProviderReplaced(Failure, frozen=True, kw_only=True):
    """A provider failed, and another one has taken its place in the same call."""

    provider: str
    """The one that failed."""
    code: str
    """How: the code of a `troupe.actors.errors.ProviderError`."""
    by: str
    """The one that goes on; empty if none is left, and the call fails."""


class ProviderUnusable(Failure, frozen=True, kw_only=True):
    """A provider refuses to work for this account: it will, once somebody has seen to the key or the bill."""

    level: ClassVar[int] = logging.ERROR

    provider: str
    code: str


class CircuitOpened(Event, frozen=True, kw_only=True):
    """A provider has failed too often, and is left alone for a while."""

    provider: str
    seconds: float
    """For how long."""


class CircuitClosed(Event, frozen=True, kw_only=True):
    """A provider that had been left alone answers again."""

    level: ClassVar[int] = logging.INFO

    provider: str
