"""Chat completions, as an actor: any language model behind the API."""

from typing import ClassVar

from ....runtime import Actor, Sender
from ...contracts import Generate, GenerationEvent, GetUsage, ListModels, Model, TextDelta, Usage
from ...errors import BrokenStream, InvalidRequest, ProviderTimeout
from ...http import HttpAnswer, HttpClient
from ...usage import Meter
from .api import Api
from .endpoint import Dialect, Endpoint
from .wire.chat import ChatDecoder, adapted, encode_chat


class OpenAiChat(Actor):
    """Answers conversations, token by token.

    Args:
        http: The pool of connections.
        endpoint: Where the API is.
        model: For requests that name none.
    """

    max_concurrency: ClassVar[int] = 64

    def __init__(self, http: HttpClient, endpoint: Endpoint, model: str) -> None:
        self._api = Api(http, endpoint)
        self._model = model
        self._usual = endpoint.dialect
        self._dialects: dict[str, Dialect] = {}
        self._meter = Meter()

    async def generate(self, request: Generate, replies: Sender[GenerationEvent]) -> None:
        """Send what the model writes, as it writes it. Cancelling closes the request, and the model stops."""
        model = request.model or self._model
        with self._meter.call():
            while True:
                dialect, answered = self._dialects.get(model, self._usual), False
                try:
                    async with self._api.post("/chat/completions", encode_chat(request, model, dialect)) as answer:
                        answered = True
                        await self._pass_on(answer, replies)
                        return
                except InvalidRequest as error:
                    adapted_dialect = adapted(dialect, error.details)
                    if answered or adapted_dialect is None:
                        raise
                    self._dialects[model] = adapted_dialect

    async def _pass_on(self, answer: HttpAnswer, replies: Sender[GenerationEvent]) -> None:
        await self._api.check_type(answer, "text/event-stream")
        decoder = ChatDecoder(self._api.provider)
        try:
            async for event in answer.events():
                if text := decoder.push(event.data):
                    await replies.send(TextDelta(text))
                if decoder.done:
                    break
        except (BrokenStream, ProviderTimeout):
            if not decoder.complete:
                raise  # else only the usage is missing
        calls, ended = decoder.finish()
        self._meter.add(
            Usage(input_tokens=ended.input_tokens, cached_tokens=ended.cached_tokens, output_tokens=ended.output_tokens)
        )
        for call in calls:
            await replies.send(call)
        await replies.send(ended)
        await answer.drain()

    async def models(self, request: ListModels) -> tuple[Model, ...]:
        """Return the models that the endpoint has."""
        return await self._api.models()

    def usage(self, request: GetUsage) -> Usage:
        """Return what was used so far."""
        return self._meter.usage
