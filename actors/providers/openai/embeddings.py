"""Embeddings, as an actor."""

from typing import ClassVar

from ....runtime import Actor
from ...contracts import Embed, Embeddings, GetModel, GetUsage, ListModels, Model, Usage
from ...http import HttpClient
from ...usage import Meter
from .api import OpenAiApi
from .endpoint import Endpoint
from .wire.embeddings import decode_embeddings, encode_embeddings


class OpenAiEmbeddings(Actor):
    """Turns texts into vectors.

    Args:
        http: The pool of connections.
        endpoint: Where the API is.
        model: For requests that name none.
    """

    max_concurrency: ClassVar[int] = 64

    def __init__(self, http: HttpClient, endpoint: Endpoint, model: str) -> None:
        self._api = OpenAiApi(http, endpoint)
        self._model = model
        self._meter = Meter()

    async def embed(self, request: Embed) -> Embeddings:
        """Return the vectors of texts, each of length 1."""
        provider = self._api.provider
        body = encode_embeddings(request, request.model or self._model, provider)
        with self._meter.call():
            answer = decode_embeddings(await self._api.fetch("/embeddings", body), provider)
            self._meter.add(answer.used)
            return answer.vectors(len(request.texts), provider)

    async def models(self, request: ListModels) -> tuple[Model, ...]:
        """Return the models that the endpoint has."""
        return await self._api.models()

    async def model(self, request: GetModel) -> Model:
        """Return what the endpoint tells of one model."""
        return await self._api.model(request.id)

    def usage(self, request: GetUsage) -> Usage:
        """Return what was used so far."""
        return self._meter.usage
