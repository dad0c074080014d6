"""How long a provider may be silent, in one attempt."""

import math
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any, Final

from anyio import CancelScope

from ...runtime import Receiver
from ...runtime.deadlines import Deadlines
from ..errors import ProviderTimeout

FAREWELL: Final = 1.0
"""Seconds that a provider gets after its last word to end by itself."""


class Watchdog:
    """Ends an attempt when something that is expected does not come. Made by `watchdog`.

    It is told of every token and every chunk of audio, so it goes through the system's one timer: a cancel scope's
    deadline, moved as often, would be a timer of the event loop each time.
    """

    def __init__(self, scope: CancelScope, deadlines: Deadlines) -> None:
        self._scope = scope
        self._deadlines = deadlines
        self._hold = _Hold(self)
        self._is_held = False
        self.timeout = math.inf
        """Seconds within which the next sign of life is expected."""

    def expect(self, seconds: float) -> None:
        """The next sign of life comes within so many seconds from now; infinity expects none."""
        self._deadlines.remove(self)
        self.timeout = seconds
        if not self._is_held:
            self._deadlines.add(self)

    def expire(self) -> None:
        """It has not come."""
        self._scope.cancel()

    def held(self) -> AbstractContextManager[None]:
        """Don't count the time inside the block, which is the caller's; what is expected is expected anew after it."""
        return self._hold

    def hold(self) -> None:
        """Don't count the time from now on, until `release`."""
        self._is_held = True
        self._deadlines.remove(self)

    def release(self, seconds: float | None = None) -> None:
        """Count again, from now on: what was expected, or the next sign of life within so many seconds."""
        if seconds is not None:
            self.timeout = seconds
        self._is_held = False
        self._deadlines.add(self)

    async def see_off(self, replies: Receiver[Any]) -> None:
        """All has come that is needed: let the provider end by itself, so that it can keep its connection."""
        self.expect(FAREWELL)
        async for _ in replies:
            pass


class _Hold(AbstractContextManager[None]):
    __slots__ = ("_dog",)

    def __init__(self, dog: Watchdog) -> None:
        self._dog = dog

    def __enter__(self) -> None:
        self._dog.hold()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._dog.release()


@contextmanager
def watchdog(provider: str, deadlines: Deadlines) -> Generator[Watchdog]:
    """Watch over the block.

    Args:
        provider: Whom the timeout is said of.
        deadlines: The actor system's.

    Raises:
        ProviderTimeout: What was expected did not come, and the block was cancelled.
    """
    scope = CancelScope()
    dog = Watchdog(scope, deadlines)
    try:
        with scope:
            yield dog
    finally:
        dog.hold()
    if scope.cancelled_caught:
        raise ProviderTimeout(provider, f"silent for {dog.timeout:g} s")
