"""A function that turns texts into vectors."""

import numpy as np

from ...contracts import Embed, Embeddings
from ...vectors import joined
from .base import FunctionActor


class FunctionEmbedder(FunctionActor):
    """Turns texts into the vectors that a function makes of them.

    The function takes a list of texts and returns a vector for each: ``def embed(texts: list[str]) -> vectors``, an
    array of shape ``(texts, dimensions)`` or lists of numbers.
    """

    async def embed(self, request: Embed) -> Embeddings:
        """Return the vectors of texts.

        Raises:
            BrokenStream: There is not a vector for each text, or they differ in length.
            ProviderFailed: It gives something else.
        """
        vectors: list[bytes] = []
        with self.meter(request.model).call():
            async with self._callee.pieces(list(request.texts)) as pieces:
                async for piece in pieces:
                    try:
                        vectors += [np.asarray(vector, "<f4").tobytes() for vector in piece]
                    except (TypeError, ValueError):
                        raise self.misfit(piece, "a vector of numbers for each text") from None
        return joined(vectors, len(request.texts), self._provider)
