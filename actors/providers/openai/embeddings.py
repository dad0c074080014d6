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
        model, provider = request.model or self._model, self._api.provider
        body, api = encode_embeddings(request, model, provider), self._api.of(model)
        with api.meter.call():
            answer = decode_embeddings(await api.fetch("/embeddings", body), provider)
            api.meter.add(answer.used)
            return answer.vectors(len(request.texts), provider)
