"""When a request may be sent once more: rarely, soon, and never so often that it adds to the trouble."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Final, TypeVar

from anyio import current_time, sleep

from .errors import ProviderError, ProviderTimeout
from .usage import Meter

T = TypeVar("T")

FIRST_DELAY: Final = 0.1
"""Seconds before the first retry: more could be heard in a conversation."""
LONGEST_DELAY: Final = 2.0
MOST_RETRIES: Final = 2
"""Of one request."""
SHARE: Final = 0.2
"""Retries that each request adds to the budget: in the long run one call in five may be a retry."""
SAVINGS: Final = 5.0
"""Retries that the budget holds at most, and at the beginning."""


class Retries:
    """The retries of one provider: a budget that requests fill and retries use up.

    A provider that fails all requests gets a fifth more of them, not three times as many.

    Args:
        random: Makes the delays differ, so that those who failed together don't come back together.
    """

    def __init__(self, random: Random | None = None) -> None:
        self._random = random or Random()
        self._saved = SAVINGS

    def begin(self) -> None:
        """Note that a request is sent for the first time."""
        self._saved = min(SAVINGS, self._saved + SHARE)

    def delay(self, failures: int, retry_after: float | None, left: float) -> float | None:
        """Return after how many seconds to send it again, and take that from the budget; None for not at all.

        Args:
            failures: How often it has failed, at least once.
            retry_after: What the provider asked for, in seconds.
            left: Seconds until the request is too late anyway.
        """
        if failures > MOST_RETRIES or self._saved < 1:
            return None
        backoff = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (failures - 1)) * self._random.uniform(0.75, 1)
        delay = backoff if retry_after is None else max(retry_after, 0)
        if delay >= left:
            return None
        self._saved -= 1
        return delay


async def retried(
    call: Callable[[float], Awaitable[T]],
    retries: Retries | None,
    allowed: float,
    meter: Meter | None = None,
    *,
    cautious: bool = False,
) -> T:
    """Do something until it succeeds, or there is no use in trying.

    Args:
        call: What to do, given the seconds that are left for it.
        retries: The budget for doing it again; None for never.
        allowed: Seconds for all attempts and the delays between them.
        meter: Counts what is done again, and why.
        cautious: Whether it costs money: then only what has certainly not begun is tried again.

    Raises:
        ProviderError: What the last attempt raised. What took too long is not tried again.
    """
    latest = current_time() + allowed
    if retries is not None:
        retries.begin()
    failures = 0
    while True:
        try:
            return await call(latest - current_time())
        except ProviderError as error:
            failures += 1
            if retries is None or not error.retryable or isinstance(error, ProviderTimeout):
                raise
            if cautious and not error.unstarted:
                raise
            delay = retries.delay(failures, error.retry_after, latest - current_time())
            if delay is None:
                raise
            if meter is not None:
                meter.retries[error.code] += 1
        await sleep(delay)
