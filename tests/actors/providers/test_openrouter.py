"""What OpenRouter and Together have beyond OpenAI: options, headers, prices. The rest is in the suite for all."""

from typing import Any

import pydantic
import pytest
from language_models import HELLO, LanguageModel, language_models, running
from msgspec import convert, json
from msgspec.structs import replace
from sdk import official
from troupe.actors.contracts import (
    Ended,
    GetModel,
    GetUsage,
    ImagePart,
    ListModels,
    Price,
    TextPart,
    ToolCall,
    ToolSpec,
    Turn,
)
from troupe.actors.errors import ModelNotFound
from troupe.actors.providers.openai.endpoint import endpoint as openai_endpoint
from troupe.actors.providers.openai.wire.chat import encode_chat
from troupe.actors.providers.openai.wire.models import decode_models
from troupe.actors.providers.openrouter import MaxPrice, OpenRouterOptions, Reasoning, Routing, endpoint
from troupe.actors.providers.together import TogetherOptions
from troupe.actors.secret import Secret
from troupe.runtime import Ref
from troupe.services.wire.openrouter import OpenRouterWire
from troupe.services.wire.openrouter.server import COMPLETION_PRICE, PROMPT_PRICE

OPENROUTER: LanguageModel = next(model for model in language_models() if model.name == "openrouter")


def test_routing_stands_in_the_request() -> None:
    options = OpenRouterOptions(
        models=("a/b", "c/d"),
        provider=Routing(order=("groq",), allow_fallbacks=False, sort="price", max_price=MaxPrice(prompt=1)),
        reasoning=Reasoning(effort="low", exclude=True),
        top_k=3,
        temperature=0.2,
        session_id="s",
    )
    at = endpoint()
    body = json.decode(encode_chat(replace(HELLO, max_tokens=7), "a/a", at.dialect, options, "openrouter"))
    assert body == {
        "model": "a/a",
        "messages": [{"role": "user", "content": "Hello you"}],
        "stream": True,
        "max_tokens": 7,
        "temperature": 0.2,
        "models": ["a/b", "c/d"],
        "provider": {"order": ["groq"], "allow_fallbacks": False, "sort": "price", "max_price": {"prompt": "1"}},
        "reasoning": {"effort": "low", "exclude": True},
        "top_k": 3,
        "session_id": "s",
    }


CONVERSATION = replace(
    HELLO,
    turns=(
        Turn(role="system", parts=(TextPart("Be brief."),)),
        Turn(role="user", parts=(TextPart("What is this?"), ImagePart("data:image/png;base64,AA=="))),
        Turn(role="assistant", tool_calls=(ToolCall("call_1", "weather", "{}"),)),
        Turn(role="tool", parts=(TextPart("sunny"),), tool_call_id="call_1"),
    ),
    tools=(ToolSpec("weather", "Tells the weather.", {"type": "object"}),),
    max_tokens=7,
    temperature=0.5,
)


def test_openrouters_own_client_could_have_sent_it() -> None:
    options = OpenRouterOptions(
        provider=Routing(order=("groq",), sort="price", max_price=MaxPrice(prompt=1e-05)),
        reasoning=Reasoning(effort="low"),
    )
    body = json.decode(encode_chat(CONVERSATION, "a/a", endpoint().dialect, options, "openrouter"))
    request = official("openrouter.components").ChatRequest.model_validate(body)
    assert set(body) <= set(type(request).model_fields)
    assert (request.provider.sort, request.provider.max_price.prompt) == ("price", "0.00001")
    assert [message.role for message in request.messages] == ["system", "user", "assistant", "tool"]


def test_togethers_own_client_could_have_sent_it() -> None:
    options = TogetherOptions(top_k=3, context_length_exceeded_behavior="truncate", reasoning_effort="low")
    body = json.decode(encode_chat(CONVERSATION, "a", openai_endpoint("together").dialect, options, "together"))
    params = official("together.types.chat.completion_create_params")
    assert set(pydantic.TypeAdapter(params.CompletionCreateParamsStreaming).validate_python(body)) == set(body)


def test_options_can_come_from_a_file() -> None:
    table = {"temperature": 0.2, "provider": {"only": ["groq"], "max_price": {"prompt": 1}}}
    assert convert(table, OpenRouterOptions).provider == Routing(only=("groq",), max_price=MaxPrice(prompt=1))


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda: OpenRouterOptions(repetition_penalty=3), "repetition_penalty: Expected `float` <= 2"),
        (lambda: OpenRouterOptions(session_id="a" * 257), "session_id: Expected `str` of length <= 256"),
        (lambda: MaxPrice(prompt=-1), "prompt: Expected `float` >= 0"),
        (lambda: Routing(sort="cheap"), "sort: Invalid enum value 'cheap'"),
        (lambda: TogetherOptions(min_p=2), "min_p: Expected `float` <= 1"),
        (lambda: TogetherOptions(temperature=3), "temperature: Expected `float` <= 2"),
    ],
)
def test_options_have_ranges(wrong: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        wrong()


def test_which_app_is_asking() -> None:
    at = endpoint(key=Secret("k"), app_url="https://example.org", app_title="Mine", headers={"x-more": "1"})
    assert at.request("GET", "/models").headers == {
        "HTTP-Referer": "https://example.org",
        "X-OpenRouter-Title": "Mine",
        "x-more": "1",
        "authorization": "Bearer k",
    }
    with pytest.raises(ValueError, match="printable ASCII"):
        endpoint(app_title="Ünsere")


@pytest.fixture(scope="module")
def wire() -> Any:
    with OpenRouterWire() as wire:
        yield wire


@pytest.mark.real_time
async def test_what_an_answer_costs(wire: OpenRouterWire) -> None:
    async def ended(ref: Ref) -> Ended:
        async with ref.stream(HELLO) as events:
            return [event async for event in events][-1]

    cost = 2 * PROMPT_PRICE + 4 * COMPLETION_PRICE
    async with running(OPENROUTER, wire) as ref:
        assert (await ended(ref)).cost == pytest.approx(cost)
        await ended(ref)
        assert (await ref.ask(GetUsage())).cost == pytest.approx(2 * cost)


@pytest.mark.real_time
async def test_models_with_prices(wire: OpenRouterWire) -> None:
    async with running(OPENROUTER, wire) as ref:
        model, *_ = await ref.ask(ListModels())
        assert model.price == Price(input=0.15, output=0.6, cached=0.075)
        assert (model.context, model.features) == (128_000, ("text", "tools", "images"))
        assert await ref.ask(GetModel(model.id)) == model
        with pytest.raises(ModelNotFound, match="not in the list"):
            await ref.ask(GetModel("no/such"))


@pytest.mark.parametrize(
    ("told", "price"),
    [
        ({"prompt": "-1", "completion": "-1"}, None),
        ({"prompt": "free", "completion": "0"}, None),
        ({"prompt": "0", "completion": "0"}, Price(input=0, output=0)),
        ({"input": 0.88, "output": 1, "hourly": 0}, Price(input=0.88, output=1)),
        ({"hourly": 3}, None),
        ({}, None),
    ],
)
def test_prices_in_whichever_way(told: Any, price: Price | None) -> None:
    listed = {"id": "m", "type": "chat", "pricing": told}
    for body in ([listed], {"data": [listed]}):
        model, *_ = decode_models(json.encode(body), "wire")
        assert (model.price, model.features) == (price, ("text",))
