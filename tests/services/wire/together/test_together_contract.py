"""The official Together client, unmodified, takes the wire server for Together."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from sdk import official, unknown_members
from troupe.codecs.asset import load
from troupe.services.wire import Insert, Refuse
from troupe.services.wire.replies import Reply, ToolUse
from troupe.services.wire.together import TogetherWire
from wires import served

together = official("together")
CHAT = "/v1/chat/completions"
USER: Any = [{"role": "user", "content": "How are you?"}]


running_wire, wire = served(lambda: TogetherWire(keys=["tg-good"], models=["meta/llama", "some/other"]))


@pytest.fixture(scope="module")
def client(running_wire: TogetherWire) -> Iterator[Any]:
    with together.Together(api_key="tg-good", base_url=running_wire.base_url, max_retries=0) as client:
        yield client


def ask(client: Any, **options: Any) -> Any:
    return client.chat.completions.create(**({"model": "meta/llama", "messages": USER} | options))


def test_whole(wire: TogetherWire, client: Any) -> None:
    wire.reply("Fine, thank you.")
    answer = ask(client)
    assert answer.choices[0].message.content == "Fine, thank you."
    assert (answer.choices[0].finish_reason, answer.usage.prompt_tokens, answer.prompt) == ("eos", 3, [])
    assert not set(unknown_members(answer))


def test_streamed(wire: TogetherWire, client: Any) -> None:
    calls = (ToolUse("weather", '{"city": "Köln"}', "call_a"),)
    wire.reply(reply=Reply(text="Fine, thank you.", tool_calls=calls))
    *chunks, last = ask(client, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Fine, thank you."
    parts = [call.function for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    assert "".join(part.arguments or "" for part in parts) == '{"city": "Köln"}'
    assert all(chunk.usage is None for chunk in chunks)
    assert (last.choices[0].finish_reason, last.usage.prompt_tokens) == ("tool_calls", 3)
    assert not {name for chunk in (*chunks, last) for name in unknown_members(chunk)}


def test_an_error_in_the_middle_of_a_stream(wire: TogetherWire, client: Any) -> None:
    wire.fail(CHAT, Insert(2, b'data: {"id":"x","error":{"message":"boom","type":"server_error"}}\n\n'))
    with pytest.raises(together.APIError, match="boom"):
        list(ask(client, stream=True))


def test_models_with_prices(client: Any) -> None:
    models = client.models.list()
    assert [(model.id, model.type, model.pricing.input) for model in models] == [
        ("meta/llama", "chat", 0.88),
        ("some/other", "chat", 0.88),
    ]
    assert not set(unknown_members(models))


def test_pictures(client: Any) -> None:
    answer = client.images.generate(
        model="some/other", prompt="a cat", n=2, width=64, height=32, response_format="base64", output_format="png"
    )
    assert [(image.index, image.type) for image in answer.data] == [(0, "b64_json"), (1, "b64_json")]
    image = load(base64.b64decode(answer.data[0].b64_json)).as_image()
    assert (image.width, image.height) == (64, 32)
    assert not set(unknown_members(answer))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Refuse(400), "BadRequestError"),
        (Refuse(401), "AuthenticationError"),
        (Refuse(404), "NotFoundError"),
        (Refuse(429, retry_after=1), "RateLimitError"),
        (Refuse(503), "InternalServerError"),
        (Refuse(502, html=True), "InternalServerError"),
    ],
)
def test_refusals_are_the_clients_own_errors(wire: TogetherWire, client: Any, fault: Refuse, error: str) -> None:
    wire.fail(CHAT, fault)
    with pytest.raises(together.APIStatusError) as caught:
        ask(client)
    assert type(caught.value).__name__ == error


def test_wrong_keys_and_unknown_models(wire: TogetherWire, client: Any) -> None:
    with pytest.raises(together.NotFoundError, match="does not exist"):
        ask(client, model="some/none")
    with together.Together(api_key="tg-bad", base_url=wire.base_url, max_retries=0) as stranger:
        with pytest.raises(together.AuthenticationError):
            ask(stranger)
