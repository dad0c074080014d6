"""Chat completions, as an actor: any language model behind the API."""

from ....runtime import Sender
from ...contracts import Generate, GenerationEvent
from ...errors import InvalidRequest
from ...generation import pass_on
from ...http import HttpClient
from ...provider import DescribingActor
from .api import OpenAiApi
from .endpoint import Dialect, Endpoint
from .wire.chat import ChatDecoder, adapted, encode_chat
from .wire.options import ChatOptions


class OpenAiChat(DescribingActor[OpenAiApi]):
    """Answers conversations, token by token.

    Args:
        http: The pool of connections.
        endpoint: Where the API is.
        model: For requests that name none.
        options: How to answer, where a request does not say otherwise.
    """

    def __init__(self, http: HttpClient, endpoint: Endpoint, model: str, options: ChatOptions | None = None) -> None:
        super().__init__(OpenAiApi(http, endpoint))
        self._model = model
        self._options = options or ChatOptions()
        self._usual = endpoint.dialect
        self._dialects: dict[str, Dialect] = {}

    async def generate(self, request: Generate, replies: Sender[GenerationEvent]) -> None:
        """Send what the model writes, as it writes it. Cancelling closes the request, and the model stops."""
        model, provider = request.model or self._model, self._api.provider
        api = self._api.of(model)
        with api.meter.call():
            while True:
                dialect, answered = self._dialects.get(model, self._usual), False
                body = encode_chat(request, model, dialect, self._options, provider)
                try:
                    async with api.post("/chat/completions", body) as answer:
                        answered = True
                        await api.check_type(answer, "text/event-stream")
                        await pass_on(answer, answer.event_data(), ChatDecoder(provider), replies, api.meter)
                        return
                except InvalidRequest as error:
                    adapted_dialect = adapted(dialect, error.details)
                    if answered or adapted_dialect is None:
                        raise
                    self._dialects[model] = adapted_dialect
