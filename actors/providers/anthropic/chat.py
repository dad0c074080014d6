"""Messages, as an actor: Claude behind Anthropic's API."""

from collections import OrderedDict
from functools import partial
from typing import Any, ClassVar, Final
from urllib.parse import quote

from msgspec.structs import replace

from ....runtime import Actor, Sender
from ...api import Api
from ...contracts import Generate, GenerationEvent, GetModel, GetUsage, ListModels, Model, ToolCall, Usage
from ...errors import CannotContinue, InvalidRequest, ProviderError
from ...generation import pass_on
from ...http import HttpClient
from ...usage import Meter
from .endpoint import AnthropicEndpoint
from .wire.answers import MessageDecoder
from .wire.models import PAGE, decode_model, decode_page
from .wire.options import MessagesOptions
from .wire.requests import SAMPLING, Habits, begun, encode_messages

REMEMBERED: Final = 1000
"""Calls of tools whose thoughts are kept until their results come back."""


class AnthropicChat(Actor):
    """Answers conversations, token by token.

    Args:
        http: The pool of connections.
        endpoint: Where the API is.
        model: For requests that name none.
        options: How to answer, where a request does not say otherwise.
    """

    max_concurrency: ClassVar[int] = 64

    def __init__(
        self, http: HttpClient, endpoint: AnthropicEndpoint, model: str, options: MessagesOptions | None = None
    ) -> None:
        self._api = Api(http, endpoint)
        self._model = model
        self._options = options or MessagesOptions()
        self._habits: dict[str, Habits] = {}
        self._thoughts: OrderedDict[tuple[str, str], list[dict[str, Any]]] = OrderedDict()
        self._meter = Meter()

    async def generate(self, request: Generate, replies: Sender[GenerationEvent]) -> None:
        """Send what the model writes, as it writes it. Cancelling closes the request, and the model stops."""
        model, provider = request.model or self._model, self._api.provider
        with self._meter.call():
            while True:
                habits, answered = self._habits.get(model, Habits()), False
                body = encode_messages(
                    request, model, self._options, provider=provider, habits=habits, thoughts=self._thoughts
                )
                try:
                    async with self._api.post("/v1/messages", body) as answer:
                        answered = True
                        await self._api.check_type(answer, "text/event-stream")
                        decoder = MessageDecoder(provider, begun(request) if habits.prefill else "")
                        remember = partial(self._remember, model, decoder)
                        await pass_on(answer, answer.event_data(), decoder, replies, self._meter, remember)
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

    async def models(self, request: ListModels) -> tuple[Model, ...]:
        """Return the models that the key may use."""
        models: tuple[Model, ...] = ()
        after = ""
        while True:
            page = decode_page(await self._api.fetch(f"/v1/models?limit={PAGE}{after}"), self._api.provider)
            models += page.models
            if not page.has_more or not page.last_id:
                return models
            after = f"&after_id={quote(page.last_id, safe='')}"

    async def model(self, request: GetModel) -> Model:
        """Return what the API tells of one model."""
        return decode_model(await self._api.fetch(f"/v1/models/{quote(request.id, safe='')}"), self._api.provider)

    def usage(self, request: GetUsage) -> Usage:
        """Return what was used so far."""
        return self._meter.usage


def _adapted(habits: Habits, error: ProviderError) -> Habits | None:
    """Return the habits without what a model has just refused; None if that is not for us to leave out."""
    if isinstance(error, CannotContinue) and habits.prefill:
        return replace(habits, prefill=False)
    if error.details.get("param") in SAMPLING and habits.sampling:
        return replace(habits, sampling=False)
    return None
