"""What all routers have in common: a chain of providers, and a way to ask how they are doing."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

from ...runtime import Actor, Request
from .breaker import DEFAULT_POLICY, BreakerPolicy
from .chain import Chain, Provider, ProviderStatus


class ListProviders(Request[tuple[ProviderStatus, ...]], frozen=True):
    """Which providers there are behind a router, and how they are doing."""

    control: ClassVar[bool] = True


class Fallback(Actor):
    """Base of the routers.

    Args:
        providers: In the order in which they are asked.
        policy: When to leave one of them alone for a while.

    Raises:
        ValueError: There are none.
    """

    max_concurrency: ClassVar[int] = 4096
    """Calls under way: as good as no limit, since the providers have limits of their own."""

    _chain: Chain

    def __init__(self, providers: Sequence[Provider], policy: BreakerPolicy = DEFAULT_POLICY) -> None:
        if not providers:
            raise ValueError("a router has at least one provider")
        self._providers = providers
        self._policy = policy

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Begin with all circuits closed."""
        self._chain = Chain(self._providers, self.context, self._policy)
        yield

    def list_providers(self, request: ListProviders) -> tuple[ProviderStatus, ...]:
        """Say how the providers are doing."""
        return self._chain.statistics()
