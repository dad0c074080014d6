"""The language models that pass the conformance suite, each with a wire server of its provider."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
from anyio import fail_after, sleep
from troupe.actors.contracts import Generate, GenerationEvent, TextDelta, TextPart, Turn
from troupe.actors.errors import ProviderError, ProviderFailed, ProviderUnavailable
from troupe.actors.generation import AnswerDecoder
from troupe.actors.http import Deadlines, HttpClient
from troupe.actors.ndjson import NdjsonDecoder
from troupe.actors.providers.anthropic.chat import AnthropicChat
from troupe.actors.providers.anthropic.endpoint import endpoint as anthropic
from troupe.actors.providers.anthropic.wire.answers import MessageDecoder
from troupe.actors.providers.ollama.endpoint import endpoint as ollama
from troupe.actors.providers.ollama.models import OllamaModels
from troupe.actors.providers.ollama.wire.chat import ChatDecoder as OllamaDecoder
from troupe.actors.providers.openai.chat import OpenAiChat
from troupe.actors.providers.openai.endpoint import endpoint as openai
from troupe.actors.providers.openai.wire.chat import ChatDecoder
from troupe.actors.providers.openrouter import OpenRouterOptions
from troupe.actors.providers.openrouter import endpoint as openrouter
from troupe.actors.providers.together import TogetherOptions
from troupe.actors.secret import Secret
from troupe.actors.sse import SseDecoder
from troupe.runtime import Ref, child, open_system
from troupe.runtime.specs import ActorSpec
from troupe.services.wire import Exchange
from troupe.services.wire.anthropic import AnthropicWire
from troupe.services.wire.ollama import OllamaWire
from troupe.services.wire.openai import OpenAiWire
from troupe.services.wire.openrouter import OpenRouterWire
from troupe.services.wire.replies import ModelWire
from troupe.services.wire.together import TogetherWire

KEY = "sk-canary-777"
HELLO = Generate(turns=(Turn(role="user", parts=(TextPart("Hello you"),)),))
ECHO = "You said: Hello you"
"""What a wire server answers."""


class Cutter(Protocol):
    """Cuts a body into items."""

    def push(self, chunk: bytes) -> list[bytes]: ...


class EventData:
    """The data of server-sent events."""

    def __init__(self) -> None:
        self._events = SseDecoder()

    def push(self, chunk: bytes) -> list[bytes]:
        return [event.data for event in self._events.push(chunk)]


@dataclass(frozen=True, kw_only=True, eq=False)
class LanguageModel:
    """One language model, and how its provider speaks."""

    name: str
    wire: Callable[[], ModelWire]
    spec: Callable[[HttpClient, ModelWire, Deadlines], ActorSpec]
    """Makes its actor, named ``llm``, which asks for the model ``some-model``."""
    path: str
    """Of the requests that it answers."""
    models: str
    """Of the list of models."""
    decoder: Callable[[], AnswerDecoder]
    cutter: Callable[[], Cutter] = EventData
    frame: Callable[[bytes], bytes] = b"data: %b\n\n".__mod__
    """Makes an item of a body."""
    unknown: tuple[bytes, ...] = (b'{"type":"news","x":1}', b"{}")
    """Items that nobody knows."""
    error: Any = None
    """What an item says that is an error."""
    failure: type[ProviderError] = ProviderUnavailable
    """What that error means."""
    key: dict[str, str] = field(default_factory=lambda: {"authorization": f"Bearer {KEY}"})
    """The header that has the key."""
    request_ids: bool = True
    caching: bool = True
    """Whether it tells tokens of the input that were in its cache."""
    tool_choice: bool = True
    """Whether it can be made to call a tool."""

    @property
    def error_item(self) -> bytes:
        return self.frame(msgspec.json.encode(self.error))

    def __str__(self) -> str:
        return self.name


@asynccontextmanager
async def running(model: LanguageModel, wire: ModelWire, **deadlines: float) -> AsyncGenerator[Ref]:
    async with (
        HttpClient.open() as http,
        open_system(model.spec(http, wire, Deadlines(**deadlines))) as system,
    ):
        yield system.ref("llm")


async def answered(ref: Ref, request: Generate = HELLO) -> list[GenerationEvent]:
    async with ref.stream(request) as events:
        return [event async for event in events]


async def until_it_ends(ref: Ref, request: Generate = HELLO) -> tuple[str, ProviderError | None]:
    """The text that came, and the error that ended it."""
    text = ""
    try:
        async with ref.stream(request) as events:
            async for event in events:
                text += event.text if isinstance(event, TextDelta) else ""
    except ProviderError as error:
        return text, error
    return text, None


def text_of(events: list[GenerationEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def outcome(exchange: Exchange) -> str:
    """What became of it, once it is no longer under way."""
    with fail_after(2):
        while not exchange.ended.is_set():
            await sleep(0.002)
    return exchange.outcome


def _openai(http: HttpClient, wire: ModelWire, deadlines: Deadlines) -> ActorSpec:
    assert isinstance(wire, OpenAiWire)
    at = openai("openai", base_url=wire.base_url, key=Secret(KEY), deadlines=deadlines)
    return child(OpenAiChat, http, at, "some-model", name="llm")


def _openrouter(http: HttpClient, wire: ModelWire, deadlines: Deadlines) -> ActorSpec:
    assert isinstance(wire, OpenRouterWire)
    at = openrouter(base_url=wire.base_url, key=Secret(KEY), app_title="Troupe", deadlines=deadlines)
    return child(OpenAiChat, http, at, "some-model", OpenRouterOptions(), name="llm")


def _together(http: HttpClient, wire: ModelWire, deadlines: Deadlines) -> ActorSpec:
    assert isinstance(wire, TogetherWire)
    at = openai("together", base_url=wire.base_url, key=Secret(KEY), deadlines=deadlines)
    return child(OpenAiChat, http, at, "some-model", TogetherOptions(), name="llm")


def _anthropic(http: HttpClient, wire: ModelWire, deadlines: Deadlines) -> ActorSpec:
    at = anthropic(base_url=wire.url, key=Secret(KEY), deadlines=deadlines)
    return child(AnthropicChat, http, at, "some-model", name="llm")


def _ollama(http: HttpClient, wire: ModelWire, deadlines: Deadlines) -> ActorSpec:
    at = ollama(base_url=wire.url, key=Secret(KEY), deadlines=deadlines)
    return child(OllamaModels, http, at, "some-model", name="llm")


def language_models() -> Iterator[LanguageModel]:
    yield LanguageModel(
        name="openai",
        wire=OpenAiWire,
        spec=_openai,
        path="/v1/chat/completions",
        models="/v1/models",
        decoder=lambda: ChatDecoder("openai"),
        error={"error": {"message": "private", "type": "server_error", "param": None, "code": None}},
    )
    yield LanguageModel(
        name="anthropic",
        wire=AnthropicWire,
        spec=_anthropic,
        path="/v1/messages",
        models="/v1/models",
        decoder=lambda: MessageDecoder("anthropic"),
        unknown=(b'{"type":"news"}', b'{"type":"content_block_delta","index":0,"delta":{"type":"new_delta","x":1}}'),
        error={"type": "error", "error": {"type": "overloaded_error", "message": "private"}},
        key={"x-api-key": KEY, "anthropic-version": "2023-06-01"},
    )
    yield LanguageModel(
        name="ollama",
        wire=OllamaWire,
        spec=_ollama,
        path="/api/chat",
        models="/api/tags",
        decoder=lambda: OllamaDecoder("ollama"),
        cutter=NdjsonDecoder,
        frame=b"%b\n".__mod__,
        error={"error": "private"},
        failure=ProviderFailed,
        request_ids=False,
        caching=False,
        tool_choice=False,
    )
    unavailable = {"code": 502, "message": "private", "metadata": {"error_type": "provider_unavailable"}}
    failed = {"index": 0, "delta": {"content": ""}, "finish_reason": "error"}
    yield LanguageModel(
        name="openrouter",
        wire=OpenRouterWire,
        spec=_openrouter,
        path="/api/v1/chat/completions",
        models="/api/v1/models",
        decoder=lambda: ChatDecoder("openrouter"),
        error={"id": "gen-1", "object": "chat.completion.chunk", "error": unavailable, "choices": [failed]},
        key={"authorization": f"Bearer {KEY}", "x-openrouter-title": "Troupe"},
    )
    yield LanguageModel(
        name="together",
        wire=TogetherWire,
        spec=_together,
        path="/v1/chat/completions",
        models="/v1/models",
        decoder=lambda: ChatDecoder("together"),
        error={"id": "x", "error": {"message": "private", "type": "server_error", "param": None, "code": None}},
        caching=False,
    )
