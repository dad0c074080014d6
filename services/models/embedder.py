"""Texts as vectors."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from itertools import islice
from math import inf
from typing import ClassVar, Final, overload

import numpy as np

from ...actors.contracts import Embed
from ...codecs.pcm import Float32
from ..kinds.kind import Work
from .model import Model

BATCH: Final = 64
"""Texts of one request, where many are streamed."""


class Embedder(Model):
    """Turns texts into vectors: those of texts that mean nearly the same are near each other."""

    work: ClassVar[Work] = "embedding"
    capability: ClassVar[str] = "text-embedding"

    @overload
    async def transform(self, text: str, /, *, dimensions: int | None = None) -> Float32: ...
    @overload
    async def transform(self, texts: Sequence[str], /, *, dimensions: int | None = None) -> Float32: ...
    async def transform(self, texts: str | Sequence[str], /, *, dimensions: int | None = None) -> Float32:
        """Return the vector of a text, of shape ``(dimensions,)``; of several ``(texts, dimensions)``; float32.

        Args:
            texts: What to turn into vectors.
            dimensions: Of the vectors, for models that can make shorter ones; None for the model's own.

        Raises:
            ProviderError: The provider could not do it.
        """
        several = (texts,) if isinstance(texts, str) else tuple(texts)
        if not several:
            return np.zeros((0, dimensions or 0), np.float32)
        found = await self.ref.ask(Embed(texts=several, dimensions=dimensions), timeout=inf)
        vectors = np.frombuffer(found.vectors, "<f4").reshape(-1, found.dimensions)
        return vectors[0] if isinstance(texts, str) else vectors

    def stream(
        self, texts: Iterable[str], /, *, dimensions: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Float32]]:
        """Give the vectors of any number of texts one by one, in their order; they are asked for by the batch."""
        return self._found(iter(texts), dimensions)

    @asynccontextmanager
    async def _found(self, texts: Iterator[str], dimensions: int | None) -> AsyncGenerator[AsyncIterator[Float32]]:
        async with aclosing(self._vectors(texts, dimensions)) as vectors:
            yield vectors

    async def _vectors(self, texts: Iterator[str], dimensions: int | None) -> AsyncGenerator[Float32]:
        while batch := tuple(islice(texts, BATCH)):
            for vector in await self.transform(batch, dimensions=dimensions):
                yield vector
