"""What actors over a function share: it is imported when they start."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import ClassVar

from ...accounting import AccountingActor
from ...errors import ProviderFailed
from ...usage import Meter
from .callee import Callee


class FunctionActor(AccountingActor):
    """Base of actors that have a function do their work.

    Args:
        provider: Its name, for errors.
        function: Such as ``package.module:function``.
    """

    max_concurrency: ClassVar[int] = 64

    _callee: Callee

    def __init__(self, provider: str, function: str) -> None:
        super().__init__()
        self._provider = provider
        self._name = function

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Import the function."""
        async with Callee.open(self._name) as self._callee:
            yield

    def meter(self, model: str) -> Meter:
        """Return what counts a call; of one that names no model, by what a configuration calls a function."""
        return self._meters.of(model or "function")

    def misfit(self, given: object, wanted: str) -> ProviderFailed:
        """Return the error for something that such a function does not give."""
        return ProviderFailed(self._provider, f"{self._name} gives {type(given).__name__}; it has to give {wanted}")
