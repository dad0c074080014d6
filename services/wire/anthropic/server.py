"""The server: keys, models, headers, and whose turn it is to answer."""

import hmac
from collections.abc import Awaitable, Callable, Iterable
from itertools import count
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from ..answers import Answer, Refused, json_answer
from ..replies import ModelWire
from ..server import Handler
from . import messages
from .models import NAMES, model_info, model_page
from .refusals import invalid, no_such_model, refusal

T = TypeVar("T")


class AnthropicWire(ModelWire):
    """Anthropic's HTTP API; `base_url` is what a client is to be given.

    Args:
        keys: Which are accepted; empty for any.
        models: Those there are; None for any name.
        quirks: In what its models differ.
    """

    def __init__(
        self, *, keys: Iterable[str] = (), models: Iterable[str] | None = None, quirks: messages.Quirks | None = None
    ) -> None:
        super().__init__()
        self.quirks = quirks or messages.Quirks()
        self._keys = tuple(keys)
        self._models = None if models is None else tuple(models)
        self._numbers = count(1)

    @property
    def _names(self) -> tuple[str, ...]:
        return NAMES if self._models is None else self._models

    @property
    def base_url(self) -> str:
        """Where the API is, such as ``http://127.0.0.1:40123``."""
        return self.url

    def reset(self) -> None:
        """Forget requests, faults, replies and quirks."""
        super().reset()
        self.quirks = messages.Quirks()

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """See `WireServer.handlers`."""
        return {
            ("GET", "/v1/models"): self._guarded(self._list_models),
            ("GET", "/v1/models/{model}"): self._guarded(self._get_model),
            ("POST", "/v1/messages"): self._guarded(self._messages),
            ("POST", "/v1/messages/count_tokens"): self._guarded(self._count_tokens),
        }

    def refuse(self, status: int, code: str | None = None) -> Answer:
        """See `WireServer.refuse`."""
        return refusal(status, code)

    def headers(self) -> dict[str, str]:
        """See `WireServer.headers`."""
        limits = {
            f"anthropic-ratelimit-{what}-{name}": value
            for what, most in (("requests", 4000), ("tokens", 480_000))
            for name, value in (("limit", str(most)), ("remaining", str(most - 1)), ("reset", "2026-11-21T12:00:00Z"))
        }
        return {
            "request-id": f"req_{next(self._numbers):024d}",
            "anthropic-organization-id": "00000000-0000-4000-8000-000000000000",
            "server": "cloudflare",
            **limits,
        }

    def _guarded(self, handler: Callable[[Request], Awaitable[Answer]]) -> Handler:
        async def guarded(request: Request) -> Answer:
            scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
            key = request.headers.get("x-api-key") or (bearer if scheme.lower() == "bearer" else "")
            if self._keys and not key:
                return refusal(401, message="x-api-key header is required")
            if self._keys and not any(hmac.compare_digest(key, known) for known in self._keys):
                return refusal(401)
            if "anthropic-version" not in request.headers:
                return refusal(400, message="anthropic-version: header is required")
            try:
                return await handler(request)
            except Refused as refused:
                return refused.answer

        return guarded

    async def _list_models(self, request: Request) -> Answer:
        asked = request.query_params
        return json_answer(model_page(self._names, asked.get("after_id"), int(asked.get("limit", "20"))))

    async def _get_model(self, request: Request) -> Answer:
        name = request.path_params["model"]
        if name not in self._names:
            raise no_such_model(name)
        return json_answer(model_info(name))

    async def _messages(self, request: Request) -> Answer:
        asked = _decode(await request.body(), messages.Asked)
        self._check(asked)
        return messages.answer(asked, self.next_reply(asked.last_text()), next(self._numbers), self.quirks)

    async def _count_tokens(self, request: Request) -> Answer:
        body: dict[str, Any] = _decode(await request.body(), dict[str, Any])
        asked = msgspec.convert(body | {"max_tokens": 1}, messages.Asked)
        self._check(asked)
        return json_answer({"input_tokens": asked.tokens()})

    def _check(self, asked: messages.Asked) -> None:
        asked.check(self.quirks)
        if self._models is not None and asked.model not in self._models:
            raise no_such_model(asked.model)


def _decode(body: bytes, form: type[T]) -> T:
    """Decode a body, or say what is wrong with it as the API does."""
    try:
        return msgspec.json.decode(body, type=form)
    except msgspec.ValidationError as error:
        if missing := str(error).partition("missing required field `")[2].partition("`")[0]:
            raise invalid(f"{missing}: Field required") from None
        path = str(error).partition("at `$.")[2].partition("`")[0]
        raise invalid(f"{path}: Input should be valid") from None
    except msgspec.DecodeError:
        raise Refused(refusal(400)) from None
