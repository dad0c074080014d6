"""One model for embeddings at several providers, behind one reference."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from ..contracts import Embed, Embeddings
from ..errors import BrokenStream
from .breaker import DEFAULT_POLICY, BreakerPolicy
from .chain import Attempt, Provider, called
from .fallback import Fallback


class EmbedderPatience(Struct, frozen=True, kw_only=True):
    """Seconds that a provider may take before another one is asked."""

    vectors: float = 5.0
    """From the request to its vectors."""
    alone: float = 30.0
    """The same, where nobody else is left to be asked."""


DEFAULT_PATIENCE: Final = EmbedderPatience()


class FallbackEmbedder(Fallback):
    """Answers `Embed` with the first provider that does.

    All of them have to serve the same model: vectors of different models have nothing in common, and who compares them
    gets nonsense that looks like an answer. That is for whoever makes the chain to see to; what can be seen here is
    seen here: vectors that have not as many dimensions as those before count as a failure, and the next one is asked.
    """

    def __init__(
        self,
        providers: Sequence[Provider],
        patience: EmbedderPatience = DEFAULT_PATIENCE,
        policy: BreakerPolicy = DEFAULT_POLICY,
    ) -> None:
        super().__init__(providers, policy)
        self._patience = patience
        self._dimensions: int | None = None  # of the model's own vectors, once they are known

    async def embed(self, request: Embed) -> Embeddings:
        """Return the vectors of texts, whoever makes them. Cancelling ends the request that is under way.

        Raises:
            ProviderError: None of them could.
        """
        found: list[Embeddings] = []

        async def ask(attempt: Attempt) -> None:
            found.append(await self._asked(attempt, request))

        await self._chain.call(ask, lambda: bool(found))
        return found[0]

    async def _asked(self, attempt: Attempt, request: Embed) -> Embeddings:
        """Have one provider do it.

        Raises:
            BrokenStream: Its vectors can't be compared with those before.
        """
        message = replace(request, model=called(attempt.provider.models, request.model))
        asked = attempt.now()
        with attempt.watchdog() as dog:
            dog.expect(self._patience.alone if attempt.alone else self._patience.vectors)
            embeddings = await attempt.ref.ask(message, timeout=float("inf"))
        expected = request.dimensions or self._dimensions
        if expected is not None and embeddings.dimensions != expected:
            reason = f"its vectors have {embeddings.dimensions} dimensions, not {expected}"
            raise BrokenStream(attempt.path, reason)
        if request.dimensions is None:
            self._dimensions = embeddings.dimensions
        attempt.took(attempt.now() - asked)
        return embeddings
