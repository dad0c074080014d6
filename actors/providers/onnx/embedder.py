"""An embedding model on this machine, as an actor."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import ClassVar

from ....runtime.thread import ThreadWorker
from ...accounting import AccountingActor
from ...contracts import Embed, Embeddings
from ...errors import InvalidRequest
from ...inference.onnx_embedder import OnnxEmbedder as Engine


class OnnxEmbedder(AccountingActor):
    """Turns texts into vectors by a model in an ONNX file; see `troupe.actors.inference.onnx_embedder` for which.

    Args:
        provider: Its name, for errors.
        load: Loads the model; it is called in the thread that the model then works in.
    """

    max_concurrency: ClassVar[int] = 64
    _engine: ThreadWorker[Engine]

    def __init__(self, provider: str, load: Callable[[], Engine]) -> None:
        super().__init__()
        self._provider = provider
        self._load = load

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Load the model."""
        async with ThreadWorker.open(self._load, name="onnx", capacity=self.max_concurrency) as self._engine:
            yield

    async def embed(self, request: Embed) -> Embeddings:
        """Return the vectors of texts, each of length 1.

        Raises:
            InvalidRequest: Other dimensions are asked for than the model has.
        """
        with self._meters.of(request.model or "onnx").call():
            vectors = await self._engine.call(Engine.embed, request.texts)
        dimensions = vectors.shape[1]
        if request.dimensions not in {None, dimensions}:
            raise InvalidRequest(self._provider, f"the model has {dimensions} dimensions, and no others")
        return Embeddings(vectors.astype("<f4").tobytes(), dimensions)
