"""The official OpenRouter client, unmodified, takes the wire server for OpenRouter."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from sdk import ignored_members, official
from troupe.services.wire import Insert, Refuse
from troupe.services.wire.openrouter import OpenRouterWire
from troupe.services.wire.openrouter.server import COMPLETION_PRICE, PROMPT_PRICE
from troupe.services.wire.replies import Reply, ToolUse
from wires import served

openrouter = official("openrouter")
errors = official("openrouter.errors")
CHAT = "/api/v1/chat/completions"
GOOD = {"authorization": "Bearer sk-or-good"}
USER: Any = [{"role": "user", "content": "How are you?"}]
CALLS = (ToolUse("weather", '{"city": "Köln"}', "call_a"), ToolUse("time", "{}", "call_b"))


running_wire, wire = served(lambda: OpenRouterWire(keys=["sk-or-good"], models=["openai/gpt-x", "some/other"]))


@pytest.fixture(scope="module")
def client(running_wire: OpenRouterWire) -> Iterator[Any]:
    with openrouter.OpenRouter(api_key="sk-or-good", server_url=running_wire.base_url) as client:
        yield client


def ask(client: Any, **options: Any) -> Any:
    return client.chat.send(**({"model": "openai/gpt-x", "messages": USER, "retries": None} | options))


def test_whole(wire: OpenRouterWire, client: Any) -> None:
    wire.reply(reply=Reply(text="Fine.", tool_calls=CALLS))
    answer = ask(client)
    choice = answer.choices[0]
    assert (choice.message.content, choice.finish_reason) == ("Fine.", "tool_calls")
    assert [(call.id, call.function.name) for call in choice.message.tool_calls] == [
        ("call_a", "weather"),
        ("call_b", "time"),
    ]
    assert answer.usage.cost == pytest.approx(3 * PROMPT_PRICE + answer.usage.completion_tokens * COMPLETION_PRICE)
    wire.reply(reply=Reply(text="Fine.", tool_calls=CALLS))
    raw = httpx2.post(wire.url + CHAT, headers=GOOD, json={"model": "openai/gpt-x", "messages": USER}).json()
    assert set(ignored_members(answer, raw)) == {".provider", ".choices.native_finish_reason"}  # though documented


def test_streamed(wire: OpenRouterWire, client: Any) -> None:
    wire.reply(reply=Reply(text="Fine, thank you.", cached_tokens=1))
    chunks = list(ask(client, stream=True))
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == "Fine, thank you."
    assert {choice.delta.role for chunk in chunks for choice in chunk.choices} == {"assistant"}
    assert chunks[-1].usage.cost == pytest.approx(3 * PROMPT_PRICE + 3 * COMPLETION_PRICE)
    assert chunks[-1].usage.prompt_tokens_details.cached_tokens == 1
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_an_error_in_the_middle_of_a_stream_is_a_chunk(wire: OpenRouterWire, client: Any) -> None:
    error = (
        b'data: {"id":"gen-1","object":"chat.completion.chunk","created":1,"model":"m","error":{"code":502,'
        b'"message":"boom","metadata":{"error_type":"provider_unavailable"}},'
        b'"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}\n\n'
    )
    wire.fail(CHAT, Insert(2, error))
    *_, last = (chunk for chunk in ask(client, stream=True) if chunk.error)
    assert (last.error.code, last.error.metadata.error_type) == (502, "provider_unavailable")
    assert last.choices[0].finish_reason == "error"


def test_models_with_prices(wire: OpenRouterWire, client: Any) -> None:
    listed = client.models.list().result
    models = listed.data
    assert [model.id for model in models] == ["openai/gpt-x", "some/other"]
    assert float(models[0].pricing.prompt) == pytest.approx(PROMPT_PRICE)
    assert models[0].architecture.input_modalities == ["text", "image"]
    assert not set(ignored_members(listed, httpx2.get(f"{wire.base_url}/models", headers=GOOD).json()))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Refuse(400), "BadRequestResponseError"),
        (Refuse(401), "UnauthorizedResponseError"),
        (Refuse(402), "PaymentRequiredResponseError"),
        (Refuse(404), "NotFoundResponseError"),
        (Refuse(429, retry_after=1), "TooManyRequestsResponseError"),
        (Refuse(500), "InternalServerResponseError"),
        (Refuse(502), "BadGatewayResponseError"),
        (Refuse(503), "ServiceUnavailableResponseError"),
    ],
)
def test_refusals_are_the_clients_own_errors(wire: OpenRouterWire, client: Any, fault: Refuse, error: str) -> None:
    wire.fail(CHAT, fault)
    with pytest.raises(errors.OpenRouterError) as caught:
        ask(client)
    assert type(caught.value).__name__ == error
    assert caught.value.data.error.code == fault.status
    assert caught.value.headers["x-generation-id"].startswith("gen-")


def test_wrong_keys_and_unknown_models(wire: OpenRouterWire, client: Any) -> None:
    with pytest.raises(errors.NotFoundResponseError, match="does not exist"):
        ask(client, model="some/none")
    with openrouter.OpenRouter(api_key="sk-or-bad", server_url=wire.base_url) as stranger:
        with pytest.raises(errors.UnauthorizedResponseError):
            ask(stranger)
