"""Messages, as an actor: Claude behind Anthropic's API."""

from collections import OrderedDict
from functools import partial
from typing import Any, Final

from msgspec.structs import replace

from ....runtime import Sender
from ...contracts import Generate, GenerationEvent, ToolCall
from ...errors import CannotContinue, InvalidRequest, ProviderError
from ...generation import pass_on
from ...http import HttpClient
from ...provider import DescribingActor
from .endpoint import AnthropicApi, AnthropicEndpoint
from .wire.answers import MessageDecoder
from .wire.options import MessagesOptions
from .wire.requests import SAMPLING, Habits, begun, encode_messages

REMEMBERED: Final = 1000
"""Calls of tools whose thoughts are kept until their results come back."""


class AnthropicChat(DescribingActor[AnthropicApi]):
    """Answers conversations, token by token.

    Args:
        http: The pool of connections.
        endpoint: Where the API is.
        model: For requests that name none.
        options: How to answer, where a request does not say otherwise.
    """

    def __init__(
        self, http: HttpClient, endpoint: AnthropicEndpoint, model: str, options: MessagesOptions | None = None
    ) -> None:
        super().__init__(AnthropicApi(http, endpoint))
        self._model = model
        self._options = options or MessagesOptions()
        self._habits: dict[str, Habits] = {}
        self._thoughts: OrderedDict[tuple[str, str], list[dict[str, Any]]] = OrderedDict()

    async def generate(self, request: Generate, replies: Sender[GenerationEvent]) -> None:
        """Send what the model writes, as it writes it. Cancelling closes the request, and the model stops."""
        model, provider = request.model or self._model, self._api.provider
        api = self._api.of(model)
        with api.meter.call():
            while True:
                habits, answered = self._habits.get(model, Habits()), False
                body = encode_messages(
                    request, model, self._options, provider=provider, habits=habits, thoughts=self._thoughts
                )
                try:
                    async with api.post("/v1/messages", body) as answer:
                        answered = True
                        await api.check_type(answer, "text/event-stream")
                        decoder = MessageDecoder(provider, begun(request) if habits.prefill else "")
                        remember = partial(self._remember, model, decoder)
                        await pass_on(answer, answer.event_data(), decoder, replies, api.meter, remember)
                        return
                except (InvalidRequest, CannotContinue) as error:
                    adapted = _adapted(habits, error)
                    if answered or adapted is None:
                        raise
                    self._habits[model] = adapted

    def _remember(self, model: str, decoder: MessageDecoder, calls: list[ToolCall]) -> None:
        if thoughts := decoder.thoughts:
            self._thoughts[model, calls[0].id] = thoughts
            if len(self._thoughts) > REMEMBERED:
                self._thoughts.popitem(last=False)


def _adapted(habits: Habits, error: ProviderError) -> Habits | None:
    """Return the habits without what a model has just refused; None if that is not for us to leave out."""
    if isinstance(error, CannotContinue) and habits.prefill:
        return replace(habits, prefill=False)
    if error.details.get("param") in SAMPLING and habits.sampling:
        return replace(habits, sampling=False)
    return None
