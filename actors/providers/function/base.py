"""What actors over a function share: it is imported when they start."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import ClassVar

from ....runtime import Actor
from ...errors import ProviderFailed
from .callee import Callee


class FunctionActor(Actor):
    """Base of actors that have a function do their work.

    Args:
        provider: Its name, for errors.
        function: Such as ``package.module:function``.
    """

    max_concurrency: ClassVar[int] = 64

    _callee: Callee

    def __init__(self, provider: str, function: str) -> None:
        self._provider = provider
        self._name = function

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Import the function."""
        async with Callee.open(self._name) as self._callee:
            yield

    def misfit(self, given: object, wanted: str) -> ProviderFailed:
        """Return the error for something that such a function does not give."""
        return ProviderFailed(self._provider, f"{self._name} gives {type(given).__name__}; it has to give {wanted}")
