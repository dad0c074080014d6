"""How long a provider may be silent, in one attempt."""

import math
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final

from anyio import CancelScope

from ...runtime import Receiver
from ..errors import ProviderTimeout

FAREWELL: Final = 1.0
"""Seconds that a provider gets after its last word to end by itself."""


class Watchdog:
    """Ends an attempt when something that is expected does not come. Made by `watchdog`."""

    def __init__(self, scope: CancelScope, now: Callable[[], float]) -> None:
        self._scope = scope
        self._now = now
        self._seconds = math.inf
        self._held = False

    @property
    def seconds(self) -> float:
        """What was expected within how long."""
        return self._seconds

    def expect(self, seconds: float) -> None:
        """The next sign of life comes within so many seconds from now; infinity expects none."""
        self._seconds = seconds
        if not self._held:
            self._scope.deadline = self._now() + seconds

    @contextmanager
    def held(self) -> Generator[None]:
        """Don't count the time inside the block, which is the caller's; what is expected is expected anew after it."""
        self._held = True
        self._scope.deadline = math.inf
        try:
            yield
        finally:
            self._held = False
            self.expect(self._seconds)

    async def see_off(self, replies: Receiver[Any]) -> None:
        """All has come that is needed: let the provider end by itself, so that it can keep its connection."""
        self.expect(FAREWELL)
        async for _ in replies:
            pass


@contextmanager
def watchdog(provider: str, now: Callable[[], float]) -> Generator[Watchdog]:
    """Watch over the block.

    Args:
        provider: Whom the timeout is said of.
        now: The event loop's clock.

    Raises:
        ProviderTimeout: What was expected did not come, and the block was cancelled.
    """
    scope = CancelScope()
    dog = Watchdog(scope, now)
    with scope:
        yield dog
    if scope.cancelled_caught:
        raise ProviderTimeout(provider, f"silent for {dog.seconds:g} s")
