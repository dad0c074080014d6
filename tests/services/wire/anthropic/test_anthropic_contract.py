"""The official Anthropic client, unmodified, takes the wire server for Anthropic: every call, streams included."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from msgspec import json
from sdk import official, unknown_members
from troupe.services.wire import Insert, Refuse
from troupe.services.wire.anthropic import AnthropicWire
from troupe.services.wire.anthropic.messages import Quirks
from troupe.services.wire.replies import Reply, ToolUse
from wires import served

anthropic = official("anthropic")
MODEL = "claude-x"
CHAT = "/v1/messages"
USER: Any = [{"role": "user", "content": "How are you?"}]
TOOLS: Any = [{"name": "weather", "input_schema": {"type": "object"}}]
CALLS = (ToolUse("weather", '{"city": "Köln"}', "toolu_a"), ToolUse("weather", "{}", "toolu_b"))
EVERYTHING = Reply(text="Let me see.", thinking="Hm.", tool_calls=CALLS, cached_tokens=1, cache_write_tokens=1)


running_wire, wire = served(lambda: AnthropicWire(keys=["sk-ant-good"], models=[MODEL, "claude-y", "claude-z"]))


@pytest.fixture(scope="module")
def client(running_wire: AnthropicWire) -> Iterator[Any]:
    with anthropic.Anthropic(base_url=running_wire.base_url, api_key="sk-ant-good", max_retries=0) as client:
        yield client


def ask(client: Any, **options: Any) -> Any:
    return client.messages.create(**({"model": MODEL, "max_tokens": 100, "messages": USER} | options))


def test_whole(wire: AnthropicWire, client: Any) -> None:
    wire.reply(reply=EVERYTHING)
    message = ask(client, tools=TOOLS)
    thinking, text, *calls = message.content
    assert (thinking.thinking, text.text) == ("Hm.", "Let me see.")
    assert [(call.id, call.name, call.input) for call in calls] == [
        ("toolu_a", "weather", {"city": "Köln"}),
        ("toolu_b", "weather", {}),
    ]
    assert (message.stop_reason, message.usage.input_tokens, message.usage.cache_read_input_tokens) == (
        "tool_use",
        1,
        1,
    )
    assert message.usage.cache_creation.ephemeral_5m_input_tokens == 1
    assert message._request_id == f"req_{int(message.id[4:]) + 1:024d}"
    assert not set(unknown_members(message))


def test_streamed_is_the_same(wire: AnthropicWire, client: Any) -> None:
    wire.reply(reply=EVERYTHING)
    whole = ask(client, tools=TOOLS)
    wire.reply(reply=EVERYTHING)
    with client.messages.stream(model=MODEL, max_tokens=100, messages=USER, tools=TOOLS) as stream:
        events = list(stream)
        streamed = stream.get_final_message()
    for theirs, ours in zip(streamed.content, whole.content, strict=True):
        assert theirs.model_dump(exclude={"parsed_output"}) == ours.model_dump()
    assert (streamed.stop_reason, streamed.usage.output_tokens) == (whole.stop_reason, whole.usage.output_tokens)
    assert [event.text for event in events if event.type == "text"] == ["Let", " me", " see."]
    assert not set(unknown_members(events[-1].message)) - {".content.parsed_output"}


def test_raw_events_have_no_members_that_the_client_does_not_know(wire: AnthropicWire, client: Any) -> None:
    wire.reply(reply=EVERYTHING)
    events = list(ask(client, stream=True))
    assert [event.type for event in events][:1] + [event.type for event in events][-2:] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]
    assert not {name for event in events for name in unknown_members(event)}


def test_a_limit_cuts_the_answer(client: Any) -> None:
    message = ask(client, max_tokens=2)
    assert (message.content[0].text, message.stop_reason) == ("You said:", "max_tokens")


def test_what_the_model_thought_comes_back_with_the_results(wire: AnthropicWire, client: Any) -> None:
    wire.reply(reply=EVERYTHING)
    message = ask(client, tools=TOOLS)
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"} for call in CALLS]
    history = [*USER, {"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
    assert ask(client, messages=history, tools=TOOLS).stop_reason == "end_turn"
    with pytest.raises(anthropic.BadRequestError, match="tool_use` ids were found without"):
        ask(client, messages=history[:2] + USER, tools=TOOLS)


def test_an_error_in_the_middle_of_a_stream(wire: AnthropicWire, client: Any) -> None:
    error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    wire.fail(CHAT, Insert(4, error))
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        list(ask(client, stream=True))


def test_tokens_are_counted(client: Any) -> None:
    assert client.messages.count_tokens(model=MODEL, messages=USER, system="Be brief.").input_tokens == 5


def test_models_page_by_page(client: Any) -> None:
    page = client.models.list(limit=2)
    assert [model.id for model in page.data] == [MODEL, "claude-y"]
    assert [model.id for model in page] == [MODEL, "claude-y", "claude-z"]
    model = client.models.retrieve("claude-y")
    assert model.capabilities.thinking.types.adaptive.supported
    assert not set(unknown_members(model))
    with pytest.raises(anthropic.NotFoundError, match="model: claude-9"):
        client.models.retrieve("claude-9")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Refuse(400), "BadRequestError"),
        (Refuse(401), "AuthenticationError"),
        (Refuse(403), "PermissionDeniedError"),
        (Refuse(404), "NotFoundError"),
        (Refuse(413), "ContentTooLargeError"),
        (Refuse(429, retry_after=1), "RateLimitError"),
        (Refuse(500), "InternalServerError"),
        (Refuse(529), "OverloadedError"),
        (Refuse(502, html=True), "InternalServerError"),
    ],
)
def test_refusals_are_the_clients_own_errors(wire: AnthropicWire, client: Any, fault: Refuse, error: str) -> None:
    wire.fail("/v1/models", fault)
    with pytest.raises(anthropic.APIStatusError) as caught:
        client.models.list()
    assert type(caught.value).__name__ == error
    if not fault.html:
        assert caught.value.body["type"] == "error"
        assert caught.value.request_id


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/bmp", "data": "AA"}}


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda client: ask(client, messages=[]), "messages: at least one"),
        (lambda client: ask(client, max_tokens=0), "max_tokens: Input should be"),
        (lambda client: ask(client, model=7), "model: Input should be"),
        (lambda client: ask(client, messages=[{"role": "assistant", "content": "a"}]), "messages: first message"),
        (lambda client: ask(client, messages=[{"role": "user", "content": " "}]), "messages.0.content.0.text: text"),
        (lambda client: ask(client, messages=[*USER, {"role": "assistant", "content": "a "}]), "trailing whitespace"),
        (lambda client: ask(client, messages=[{"role": "user", "content": [IMAGE]}]), "media_type: Input should be"),
        (lambda client: ask(client, tool_choice={"type": "auto"}), "tool_choice:"),
        (lambda client: ask(client, extra_body={"temperature": 1.5}), "temperature: range"),
    ],
)
def test_bad_requests_name_the_parameter(client: Any, call: Callable[[Any], object], text: str) -> None:
    with pytest.raises(anthropic.BadRequestError, match=text) as caught:
        call(client)
    assert caught.value.body["error"]["type"] == "invalid_request_error"


def test_models_that_take_less(wire: AnthropicWire, client: Any) -> None:
    wire.quirks = Quirks(refused={"temperature": "`temperature` is deprecated for this model."}, prefill=False)
    with pytest.raises(anthropic.BadRequestError, match="deprecated"):
        ask(client, extra_body={"temperature": 1})
    with pytest.raises(anthropic.BadRequestError, match="prefill"):
        ask(client, messages=[*USER, {"role": "assistant", "content": "Fine"}])


def test_keys_and_the_version(wire: AnthropicWire) -> None:
    def get(**headers: str) -> Any:
        return httpx2.get(
            f"{wire.url}/v1/models", headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    assert get(x_api_key="sk-ant-bad", anthropic_version="2023-06-01").json()["error"]["message"] == "invalid x-api-key"
    assert get(anthropic_version="2023-06-01").status_code == 401
    assert get(x_api_key="sk-ant-good").json()["error"]["message"] == "anthropic-version: header is required"
    assert get(authorization="Bearer sk-ant-good", anthropic_version="2026-10-21").status_code == 200
    broken = httpx2.post(
        wire.url + CHAT, content=b"{", headers={"x-api-key": "sk-ant-good", "anthropic-version": "2023-06-01"}
    )
    assert json.decode(broken.content)["error"]["type"] == "invalid_request_error"
