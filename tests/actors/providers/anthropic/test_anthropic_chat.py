"""What only Anthropic has: its way of asking, thoughts, prompt caching, models that take less. The rest is in the suite
for all language models."""

from collections.abc import Iterator
from typing import Any

import pytest
from language_models import HELLO, answered, language_models, running, text_of
from msgspec import json
from msgspec.structs import replace
from troupe.actors.contracts import (
    Ended,
    Generate,
    GetModel,
    GetUsage,
    ImagePart,
    ListModels,
    TextPart,
    ToolCall,
    ToolSpec,
    Turn,
    Usage,
)
from troupe.actors.errors import InvalidRequest, ModelNotFound, ProviderUnavailable
from troupe.actors.http import HttpClient
from troupe.actors.providers.anthropic.chat import AnthropicChat
from troupe.actors.providers.anthropic.endpoint import endpoint
from troupe.actors.providers.anthropic.wire.answers import MessageDecoder
from troupe.actors.providers.anthropic.wire.options import MessagesOptions
from troupe.actors.providers.anthropic.wire.requests import OPENING, Habits, encode_messages
from troupe.runtime import child, open_system
from troupe.services.wire import Insert
from troupe.services.wire.anthropic import AnthropicWire
from troupe.services.wire.anthropic.messages import Quirks
from troupe.services.wire.replies import Reply, ToolUse
from wires import served

ANTHROPIC = next(model for model in language_models() if model.name == "anthropic")
CHAT = ANTHROPIC.path
TOOL = ToolSpec("weather", "Tells the weather.", {"properties": {}})


running_wire, wire = served(AnthropicWire)


def encoded(request: Generate, options: MessagesOptions | None = None, **rest: Any) -> dict[str, Any]:
    known = {"provider": "anthropic", "habits": Habits(), "thoughts": {}} | rest
    return json.decode(encode_messages(request, "claude-x", options or MessagesOptions(), **known))


def user(*texts: str) -> Turn:
    return Turn(role="user", parts=tuple(map(TextPart, texts)))


def assistant(text: str, *calls: ToolCall) -> Turn:
    return Turn(role="assistant", parts=(TextPart(text),) if text else (), tool_calls=calls)


def result(text: str, of: str) -> Turn:
    return Turn(role="tool", parts=(TextPart(text),), tool_call_id=of)


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


class TestRequests:
    def test_a_conversation(self) -> None:
        calls = (ToolCall("call.1", "weather", '{"city": "Köln"}'), ToolCall("call_2", "weather", "nonsense"))
        body = encoded(
            Generate(
                turns=(
                    Turn(role="system", parts=(TextPart("Be brief."),)),
                    user("Look at", " "),
                    Turn(
                        role="user",
                        parts=(ImagePart("data:image/PNG;base64,AA=="), ImagePart("https://example.org/a.png")),
                    ),
                    assistant("Let me see.", *calls),
                    user("Hurry!"),
                    result("sunny", "call.1"),
                    result("", "call_2"),
                ),
                tools=(TOOL,),
                tool_choice="weather",
                max_tokens=7,
            )
        )
        assert body == {
            "model": "claude-x",
            "max_tokens": 7,
            "system": "Be brief.",
            "messages": [
                {
                    "role": "user",
                    "content": [
                        text("Look at"),
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/png", "data": "AA=="},
                        },
                        {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
                    ],
                },
                {
                    "role": "assistant",
                    "content": [
                        text("Let me see."),
                        {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Köln"}},
                        {"type": "tool_use", "id": "call_2", "name": "weather", "input": {"arguments": "nonsense"}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "call_1", "content": [text("sunny")]},
                        {"type": "tool_result", "tool_use_id": "call_2", "content": []},
                        text("Hurry!"),
                    ],
                },
            ],
            "stream": True,
            "tools": [
                {
                    "name": "weather",
                    "description": "Tells the weather.",
                    "input_schema": {"type": "object", "properties": {}},
                }
            ],
            "tool_choice": {"type": "tool", "name": "weather"},
        }
        params = pytest.importorskip("anthropic.types.message_create_params")
        pydantic = pytest.importorskip("pydantic")
        known = pydantic.TypeAdapter(params.MessageCreateParamsStreaming).validate_python(body)
        assert set(known) == set(body)  # the official client could have sent it

    @pytest.mark.parametrize(
        ("turns", "messages"),
        [
            ((), [("user", OPENING)]),
            ((assistant("Hello!"), user("Hi.")), [("user", OPENING), ("assistant", "Hello!"), ("user", "Hi.")]),
            ((user("Hi."), assistant("Hel \n")), [("user", "Hi."), ("assistant", "Hel")]),
        ],
    )
    def test_the_user_begins_and_nothing_ends_with_a_space(self, turns: Any, messages: Any) -> None:
        got = encoded(Generate(turns=turns))["messages"]
        assert [(message["role"], message["content"][0]["text"]) for message in got] == messages

    @pytest.mark.parametrize(
        ("choice", "parallel", "expected"),
        [
            ("auto", True, {"type": "auto"}),
            ("none", False, {"type": "none"}),
            ("required", False, {"type": "any", "disable_parallel_tool_use": True}),
        ],
    )
    def test_tool_choices(self, choice: str, parallel: bool, expected: Any) -> None:
        request = Generate(turns=(user("Hi."),), tools=(TOOL,), tool_choice=choice)
        assert encoded(request, MessagesOptions(parallel_tool_calls=parallel))["tool_choice"] == expected

    def test_options(self) -> None:
        options = MessagesOptions(
            temperature=0.5, top_k=3, thinking=1024, effort="low", cache="1h", user_id="u", service_tier="auto"
        )
        request = Generate(turns=(user("Hi."),))
        rest = {
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "output_config": {"effort": "low"},
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
            "metadata": {"user_id": "u"},
            "service_tier": "auto",
        }
        always = {"model", "max_tokens", "messages", "stream"}
        body = encoded(request, options)
        assert {name: body[name] for name in body.keys() - always} == {"temperature": 0.5, "top_k": 3, **rest}
        body = encoded(request, options, habits=Habits(sampling=False))
        assert {name: body[name] for name in body.keys() - always} == rest
        assert encoded(request, MessagesOptions(thinking="adaptive"))["thinking"] == {"type": "adaptive"}

    @pytest.mark.parametrize(
        "wrong", [{"temperature": 1.5}, {"thinking": 100}, {"thinking": 4096}, {"cache": "2h"}, {"max_tokens": 0}]
    )
    def test_options_have_ranges(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=next(iter(wrong))):
            MessagesOptions(**wrong)

    @pytest.mark.parametrize("url", ["a.png", "data:text/plain;base64,AA==", "data:image/png,AA", "file:///etc/passwd"])
    def test_a_picture_that_is_none(self, url: str) -> None:
        with pytest.raises(InvalidRequest, match="a picture's url has to be like"):
            encoded(Generate(turns=(Turn(role="user", parts=(ImagePart(url),)),)))


class TestAnswers:
    @pytest.mark.parametrize(
        ("theirs", "ours"),
        [
            *(("end_turn", "stop"), ("stop_sequence", "stop"), ("pause_turn", "stop"), ("max_tokens", "length")),
            *(("model_context_window_exceeded", "length"), ("refusal", "content_filter"), ("tool_use", "tool_calls")),
        ],
    )
    def test_reasons(self, theirs: str, ours: str) -> None:
        decoder = MessageDecoder("anthropic")
        decoder.push(json.encode({"type": "message_delta", "delta": {"stop_reason": theirs}}))
        assert decoder.finish() == ([], Ended(ours))

    def test_a_call_that_the_limit_cut_is_no_call(self) -> None:
        decoder = MessageDecoder("anthropic")
        for index, arguments in enumerate(('{"a":1}', '{"a"', "")):
            block = {"type": "tool_use", "id": f"t{index}", "name": "f", "input": {}}
            decoder.push(json.encode({"type": "content_block_start", "index": index, "content_block": block}))
            delta = {"type": "input_json_delta", "partial_json": arguments}
            decoder.push(json.encode({"type": "content_block_delta", "index": index, "delta": delta}))
        decoder.push(json.encode({"type": "message_delta", "delta": {"stop_reason": "max_tokens"}}))
        assert decoder.finish()[0] == [ToolCall("t0", "f", '{"a":1}'), ToolCall("t2", "f", "{}")]

    def test_counts_replace_those_before_and_what_is_missing_stays(self) -> None:
        decoder = MessageDecoder("anthropic")
        start = {"input_tokens": 5, "output_tokens": 1, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 3}
        decoder.push(json.encode({"type": "message_start", "message": {"usage": start}}))
        decoder.push(json.encode({"type": "message_delta", "usage": {"output_tokens": 9, "input_tokens": None}}))
        assert decoder.used == Usage(input_tokens=28, output_tokens=9, cached_tokens=20, cache_write_tokens=3)

    def test_the_space_that_could_not_be_sent_is_not_said_twice(self) -> None:
        def said(begun: str) -> str:
            decoder = MessageDecoder("anthropic", begun)
            deltas = [{"type": "text_delta", "text": text} for text in (" ", " and", " so")]
            return "".join(
                decoder.push(json.encode({"type": "content_block_delta", "delta": delta})) for delta in deltas
            )

        assert said("One, two ") == "and so"
        assert said("One, two") == "  and so"


@pytest.mark.real_time
async def test_what_it_used_of_the_cache_and_before_it_failed(wire: AnthropicWire) -> None:
    wire.quirks = Quirks(delta_input_tokens=False)
    wire.reply(reply=Reply(text="Fine.", cached_tokens=1, cache_write_tokens=1))
    wire.fail(CHAT)
    wire.fail(CHAT, Insert(4, ANTHROPIC.error_item))
    async with running(ANTHROPIC, wire) as ref:
        assert (await answered(ref))[-1] == Ended(
            "stop", input_tokens=2, output_tokens=1, cached_tokens=1, cache_write_tokens=1
        )
        with pytest.raises(ProviderUnavailable, match="overloaded_error"):
            await answered(ref)
        assert await ref.ask(GetUsage()) == Usage(
            calls=2, failures=1, input_tokens=4, output_tokens=2, cached_tokens=1, cache_write_tokens=1
        )


@pytest.mark.real_time
async def test_what_it_thought_before_a_call_comes_back_with_the_result(wire: AnthropicWire) -> None:
    wire.reply(reply=Reply(text="One moment.", thinking="Hm.", tool_calls=(ToolUse("weather", "{}", "toolu_1"),)))
    options = MessagesOptions(thinking="adaptive")
    async with (
        HttpClient.open() as http,
        open_system(child(AnthropicChat, http, endpoint(base_url=wire.url), "m", options, name="llm")) as system,
    ):
        ref = system.ref("llm")
        request = replace(HELLO, tools=(TOOL,))
        events = await answered(ref, request)
        call = next(event for event in events if isinstance(event, ToolCall))
        history = (*HELLO.turns, assistant("One moment.", call), result("sunny", call.id))
        assert text_of(await answered(ref, replace(request, turns=history))) == "You said: Hello you"
        await answered(ref, replace(request, turns=history, model="n"))  # they are no other model's business
    blocks, others = (exchange.json()["messages"][1]["content"] for exchange in wire.exchanges[1:])
    assert [block["type"] for block in blocks] == ["thinking", "text", "tool_use"]
    assert blocks[0]["thinking"] == "Hm."  # and the server knows its signature
    assert [block["type"] for block in others] == ["text", "tool_use"]


@pytest.mark.real_time
async def test_what_a_model_does_not_take_it_is_asked_without(wire: AnthropicWire) -> None:
    wire.quirks = Quirks(refused={"temperature": "`temperature` is deprecated for this model."}, prefill=False)
    begun = replace(HELLO, turns=(*HELLO.turns, assistant("You said: ")), temperature=0.5)
    async with running(ANTHROPIC, wire) as ref:
        for _ in range(2):
            assert text_of(await answered(ref, begun)) == "You said: Hello you"
        assert len(wire.exchanges) == 4  # what was learnt stays
        assert [message["role"] for message in wire.last(CHAT).json()["messages"]] == ["user"]
        wire.quirks = Quirks(refused={"max_tokens": "max_tokens: 9 > 8, which is the maximum"})
        with pytest.raises(InvalidRequest, match="invalid_request_error at max_tokens"):
            await answered(ref)


@pytest.fixture(scope="module")
def large_wire() -> Iterator[AnthropicWire]:
    with AnthropicWire(models=[f"claude-{number}" for number in range(1001)]) as wire:
        yield wire


@pytest.mark.real_time
async def test_models_with_what_they_can_do(large_wire: AnthropicWire) -> None:
    large_wire.reset()
    async with running(ANTHROPIC, large_wire) as ref:
        models = await ref.ask(ListModels())
        assert [model.id for model in models] == [f"claude-{number}" for number in range(1001)]
        assert len(large_wire.exchanges) == 2
        assert models[7] == await ref.ask(GetModel("claude-7"))
        assert models[7].features == ("text", "tools", "images", "reasoning")
        assert (models[7].name, models[7].context, models[7].until) == ("Claude 7", 1_000_000, "2027-09-29")
        with pytest.raises(ModelNotFound):
            await ref.ask(GetModel("claude-9 9?"))
