"""Chat completions, as an actor: any language model behind the API."""

from typing import ClassVar

from ....runtime import Actor, Sender
from ...contracts import Generate, GenerationEvent, GetModel, GetUsage, ListModels, Model, Usage
from ...errors import InvalidRequest
from ...generation import pass_on
from ...http import HttpClient
from ...usage import Meter
from .api import OpenAiApi
from .endpoint import Dialect, Endpoint
from .wire.chat import ChatDecoder, adapted, encode_chat
from .wire.options import ChatOptions


class OpenAiChat(Actor):
    """Answers conversations, token by token.

    Args:
        http: The pool of connections.
        endpoint: Where the API is.
        model: For requests that name none.
        options: How to answer, where a request does not say otherwise.
    """

    max_concurrency: ClassVar[int] = 64

    def __init__(self, http: HttpClient, endpoint: Endpoint, model: str, options: ChatOptions | None = None) -> None:
        self._api = OpenAiApi(http, endpoint)
        self._model = model
        self._options = options or ChatOptions()
        self._usual = endpoint.dialect
        self._dialects: dict[str, Dialect] = {}
        self._meter = Meter()

    async def generate(self, request: Generate, replies: Sender[GenerationEvent]) -> None:
        """Send what the model writes, as it writes it. Cancelling closes the request, and the model stops."""
        model, provider = request.model or self._model, self._api.provider
        with self._meter.call():
            while True:
                dialect, answered = self._dialects.get(model, self._usual), False
                body = encode_chat(request, model, dialect, self._options, provider)
                try:
                    async with self._api.post("/chat/completions", body) as answer:
                        answered = True
                        await self._api.check_type(answer, "text/event-stream")
                        await pass_on(answer, answer.event_data(), ChatDecoder(provider), replies, self._meter)
                        return
                except InvalidRequest as error:
                    adapted_dialect = adapted(dialect, error.details)
                    if answered or adapted_dialect is None:
                        raise
                    self._dialects[model] = adapted_dialect

    async def models(self, request: ListModels) -> tuple[Model, ...]:
        """Return the models that the endpoint has."""
        return await self._api.models()

    async def model(self, request: GetModel) -> Model:
        """Return what the endpoint tells of one model."""
        return await self._api.model(request.id)

    def usage(self, request: GetUsage) -> Usage:
        """Return what was used so far."""
        return self._meter.usage
