"""The server: which models there are, and whose turn it is to answer."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import Request

from ..answers import Answer, Refused, text_answer
from ..embedding import embedding, numbers
from ..replies import ModelWire, Reply, words
from ..server import Handler
from . import chat
from .answers import invalid, lines_answer, refusal, whole_answer
from .models import NAMES, fetched, listed, loaded, shown

A = TypeVar("A", bound=chat.Asked)
T = TypeVar("T")
DIMENSIONS: Final = 768


class OllamaWire(ModelWire):
    """Ollama's own HTTP API; `base_url` is what a client is to be given.

    Args:
        models: Those there are, with their tags; None for any name. More of them can be fetched: any but those that
            begin with ``no-such``.
    """

    def __init__(self, *, models: Iterable[str] | None = None) -> None:
        super().__init__()
        self._models = None if models is None else list(models)

    @property
    def base_url(self) -> str:
        """Where the API is, such as ``http://127.0.0.1:40123``."""
        return self.url

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """See `WireServer.handlers`."""
        return {
            ("GET", "/"): self._guarded(self._liveness),
            ("GET", "/api/version"): self._guarded(self._version),
            ("GET", "/api/tags"): self._guarded(self._tags),
            ("GET", "/api/ps"): self._guarded(self._loaded),
            ("POST", "/api/show"): self._guarded(self._show),
            ("POST", "/api/chat"): self._guarded(self._chat),
            ("POST", "/api/generate"): self._guarded(self._generate),
            ("POST", "/api/embed"): self._guarded(self._embed),
            ("POST", "/api/embeddings"): self._guarded(self._embeddings),
            ("POST", "/api/pull"): self._guarded(self._pull),
        }

    def refuse(self, status: int, code: str | None = None) -> Answer:
        """See `WireServer.refuse`; there are no codes, `code` is the text."""
        return refusal(status, code)

    @staticmethod
    def _guarded(handler: Callable[[Request], Awaitable[Answer]]) -> Handler:
        async def guarded(request: Request) -> Answer:
            try:
                return await handler(request)
            except Refused as refused:
                return refused.answer

        return guarded

    async def _liveness(self, _request: Request) -> Answer:
        return text_answer("Ollama is running")

    async def _version(self, _request: Request) -> Answer:
        return whole_answer({"version": "0.32.15"})

    async def _tags(self, _request: Request) -> Answer:
        return whole_answer({"models": [listed(name) for name in self._names]})

    async def _loaded(self, _request: Request) -> Answer:
        return whole_answer({"models": [loaded(name) for name in self._names[:1]]})

    async def _show(self, request: Request) -> Answer:
        return whole_answer(shown(self._known(await _decoded(request, chat.Asked)).model))

    async def _chat(self, request: Request) -> Answer:
        asked = self._known(await _decoded(request, chat.AskedToChat))
        asked.check()
        return chat.chat(asked, self.next_reply(asked.last_text()) if asked.messages else Reply())

    async def _generate(self, request: Request) -> Answer:
        asked = self._known(await _decoded(request, chat.AskedToGenerate))
        asked.check()
        return chat.generate(asked, self.next_reply(asked.prompt) if asked.prompt else Reply())

    async def _embed(self, request: Request) -> Answer:
        body = await _decoded(request, dict[str, Any])
        self._check(body.get("model", ""))
        texts = [body["input"]] if isinstance(body.get("input"), str) else list(body.get("input") or ())
        answer: dict[str, Any] = {
            "model": body["model"],
            "embeddings": [numbers(embedding(text, body.get("dimensions") or DIMENSIONS)) for text in texts],
            "total_duration": 14_143_917,
            "load_duration": 1_019_500,
        }
        return whole_answer(answer | ({"prompt_eval_count": words(texts)} if words(texts) else {}))

    async def _embeddings(self, request: Request) -> Answer:
        body = await _decoded(request, dict[str, Any])
        self._check(body.get("model", ""))
        return whole_answer({"embedding": numbers(embedding(body.get("prompt", ""), DIMENSIONS))})

    async def _pull(self, request: Request) -> Answer:
        asked = await _decoded(request, chat.Asked)
        known = not asked.model.startswith("no-such")
        *lines, last = fetched(known=known)
        if known and self._models is not None:
            self._models.append(_tagged(asked.model))
        if asked.stream is False:
            return whole_answer(last, 200 if known else 500)
        return lines_answer(*lines, last)

    @property
    def _names(self) -> list[str]:
        return list(NAMES) if self._models is None else self._models

    def _known(self, asked: A) -> A:
        self._check(asked.model)
        return asked

    def _check(self, model: str) -> None:
        if not model:
            raise invalid("model is required")
        if self._models is not None and _tagged(model) not in self._models:
            raise invalid(f"model '{model}' not found", 404)


def _tagged(model: str) -> str:
    return model if ":" in model else f"{model}:latest"


async def _decoded(request: Request, form: type[T]) -> T:
    """Decode a body, or say what is wrong with it as Ollama does."""
    body = await request.body()
    if not body:
        raise invalid("missing request body")
    try:
        return msgspec.json.decode(body, type=form)
    except msgspec.ValidationError as error:
        path = str(error).partition("at `$.")[2].partition("`")[0]
        raise invalid(f"json: cannot unmarshal into Go struct field .{path}") from None
    except msgspec.DecodeError:
        raise invalid("invalid character '}' looking for beginning of value") from None
