"""Embeddings, as an actor."""

from ...contracts import Embed, Embeddings
from ...http import HttpClient
from ...provider import DescribingActor
from .api import OpenAiApi
from .endpoint import Endpoint
from .wire.embeddings import decode_embeddings, encode_embeddings


class OpenAiEmbeddings(DescribingActor[OpenAiApi]):
    """Turns texts into vectors.

    Args:
        http: The pool of connections.
        endpoint: Where the API is.
        model: For requests that name none.
    """

    def __init__(self, http: HttpClient, endpoint: Endpoint, model: str) -> None:
        super().__init__(OpenAiApi(http, endpoint))
        self._model = model

    async def embed(self, request: Embed) -> Embeddings:
        """Return the vectors of texts, each of length 1."""
        provider = self._api.provider
        body = encode_embeddings(request, request.model or self._model, provider)
        with self._meter.call():
            answer = decode_embeddings(await self._api.fetch("/embeddings", body), provider)
            self._meter.add(answer.used)
            return answer.vectors(len(request.texts), provider)
