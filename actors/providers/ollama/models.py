"""The models of an Ollama, as an actor: they write, they turn texts into vectors, and more of them can be fetched."""

import math
from typing import Final

import msgspec

from ....runtime import Sender
from ...contracts import Embed, Embeddings, Generate, GenerationEvent, PullModel, PullProgress, Usage
from ...errors import BrokenStream
from ...generation import pass_on
from ...http import Deadlines, HttpClient
from ...provider import DescribingActor
from ...vectors import joined, packed
from .endpoint import OllamaApi, OllamaEndpoint
from .wire.chat import ChatDecoder, encode_chat
from .wire.embed import decode_embedded, encode_embed
from .wire.models import SUCCESS, decode_progress
from .wire.options import OllamaOptions

NDJSON: Final = "application/x-ndjson"
FETCHING: Final = Deadlines(connect=2, first=60, between=300, total=math.inf)
"""Of a fetch: gigabytes take their time, and so does checking them, in which nothing is said."""


class OllamaModels(DescribingActor[OllamaApi]):
    """Answers conversations, token by token, and makes embeddings.

    Args:
        http: The pool of connections.
        endpoint: Where Ollama is.
        model: For requests that name none.
        options: How to answer, where a request does not say otherwise.
    """

    def __init__(
        self, http: HttpClient, endpoint: OllamaEndpoint, model: str, options: OllamaOptions | None = None
    ) -> None:
        super().__init__(OllamaApi(http, endpoint))
        self._model = model
        self._options = options or OllamaOptions()

    async def generate(self, request: Generate, replies: Sender[GenerationEvent]) -> None:
        """Send what the model writes, as it writes it. Cancelling closes the request, and the model stops."""
        provider = self._api.provider
        model = request.model or self._model
        body, api = encode_chat(request, model, self._options, provider), self._api.of(model)
        with api.meter.call():
            async with api.post("/api/chat", body) as answer:
                await api.check_type(answer, NDJSON)
                await pass_on(answer, answer.lines(), ChatDecoder(provider), replies, api.meter)

    async def embed(self, request: Embed) -> Embeddings:
        """Return the vectors of texts, each of length 1."""
        model = request.model or self._model
        body, api = encode_embed(request, model, self._options), self._api.of(model)
        with api.meter.call():
            answer = decode_embedded(await api.fetch("/api/embed", body), api.provider)
            api.meter.add(Usage(input_tokens=answer.prompt_eval_count))
            return joined([packed(vector) for vector in answer.embeddings], len(request.texts), api.provider)

    async def pull(self, request: PullModel, replies: Sender[PullProgress]) -> None:
        """Fetch a model, telling how far it is. Cancelling stops the fetch; the next one goes on from there."""
        body = msgspec.json.encode({"model": request.id, "stream": True})
        async with self._api.of(request.id).post("/api/pull", body, deadlines=FETCHING) as answer:
            await self._api.check_type(answer, NDJSON)
            async for line in answer.lines():
                progress = decode_progress(line, self._api.provider)
                await replies.send(progress)
                if progress.status == SUCCESS:
                    return
        raise BrokenStream(self._api.provider, "the stream ended before the model was there")
