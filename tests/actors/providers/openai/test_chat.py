"""Chat over real sockets: what comes, what goes wrong, and what the server sees of it."""

from time import perf_counter

import pytest
from anyio import create_task_group, fail_after, sleep
from msgspec.structs import replace
from openai_provider import CHAT, HELLO, KEY, answered, chat, outcome, text_of
from troupe.actors.contracts import Ended, GetUsage, ListModels, TextDelta, ToolCall, ToolSpec, Usage
from troupe.actors.errors import (
    AuthenticationFailed,
    BrokenStream,
    InvalidRequest,
    ModelNotFound,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    RequestTooLong,
)
from troupe.services.wire import Cut, Drip, End, Fault, Insert, Late, Refuse, Replace, Reset, Stall
from troupe.services.wire.openai import OpenAiWire, Reply, ToolUse
from troupe.services.wire.openai.chat import Quirks

pytestmark = pytest.mark.real_time

SAID = "Grüße, 世界! 🎭 Fine."
UNKNOWN = b'data: {"object":"chat.completion.ping","new":{"x":1}}\n\n: comment\n\nevent: y\ndata: {}\n\n'
ERROR = b'data: {"error":{"message":"private","type":"server_error","param":null,"code":null}}\n\n'


async def test_an_answer_comes_token_by_token(wire: OpenAiWire) -> None:
    async with chat(wire) as ref:
        assert await answered(ref) == [
            *(TextDelta("You"), TextDelta(" said:"), TextDelta(" Hello"), TextDelta(" you")),
            Ended("stop", input_tokens=2, output_tokens=4),
        ]
    request = wire.last(CHAT)
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.json()["model"] == "gpt-x"


async def test_tool_calls_come_whole(wire: OpenAiWire) -> None:
    wire.reply(reply=Reply(text="One moment.", tool_calls=(ToolUse("weather", '{"city": "Köln"}', "call_7"),)))
    async with chat(wire) as ref:
        events = await answered(ref, replace(HELLO, tools=(ToolSpec("weather"),), model="gpt-y"))
    assert text_of(events) == "One moment."
    assert events[-2] == ToolCall("call_7", "weather", '{"city": "Köln"}')
    assert isinstance(events[-1], Ended)
    assert events[-1].reason == "tool_calls"
    assert wire.last(CHAT).json()["model"] == "gpt-y"


@pytest.mark.parametrize("faults", [(Drip(1),), (Drip(3),), (Insert(1, UNKNOWN), Insert(4, UNKNOWN), Drip(7))])
async def test_text_is_exact_however_it_comes(wire: OpenAiWire, faults: tuple[Fault, ...]) -> None:
    wire.reply(SAID)
    wire.fail(CHAT, *faults)
    async with chat(wire) as ref:
        assert text_of(await answered(ref)) == SAID


async def test_one_connection_serves_one_turn_after_the_other(wire: OpenAiWire) -> None:
    async with chat(wire) as ref:
        for _ in range(3):
            await answered(ref)
    assert len({exchange.connection for exchange in wire.exchanges}) == 1


async def test_many_conversations_at_the_same_time(wire: OpenAiWire) -> None:
    texts: list[str] = []

    async def converse() -> None:
        texts.append(text_of(await answered(ref)))

    async with chat(wire) as ref, create_task_group() as tasks:
        for _ in range(30):
            wire.fail(CHAT, Stall(1, 0.1))
            tasks.start_soon(converse)
        started = perf_counter()
    assert texts == ["You said: Hello you"] * 30
    assert perf_counter() - started < 2  # and not 30 x 0.1 s


class TestFailures:
    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Refuse(400), InvalidRequest),
            (Refuse(401), AuthenticationFailed),
            (Refuse(403), AuthenticationFailed),
            (Refuse(404, code="model_not_found"), ModelNotFound),
            (Refuse(413), RequestTooLong),
            (Refuse(429, retry_after=99), RateLimited),
            (Refuse(429, code="insufficient_quota"), QuotaExceeded),
            (Replace(), BrokenStream),
            (Replace(b"<html>", "text/html"), BrokenStream),
            (Replace(b"data: [DONE]\n\n"), BrokenStream),
            (
                Replace(b'{"error":{"message":"private","type":"server_error"}}', "application/json"),
                ProviderUnavailable,
            ),
            (Replace(b'{"choices":[]}', "application/json"), BrokenStream),
        ],
    )
    async def test_nothing_is_answered(self, wire: OpenAiWire, fault: Fault, error: type[ProviderError]) -> None:
        wire.fail(CHAT, fault)
        async with chat(wire) as ref:
            with pytest.raises(ProviderError) as caught:
                await answered(ref)
            assert text_of(await answered(ref)) == "You said: Hello you"  # the actor lives on
            assert (await ref.ask(GetUsage())).failures == 1
        assert type(caught.value) is error
        assert caught.value.provider == "openai"
        assert "private" not in f"{caught.value} {caught.value.details}"
        assert len(wire.exchanges) == 2

    @pytest.mark.parametrize(
        ("faults", "error"),
        [
            ((Insert(3, ERROR),), ProviderUnavailable),
            ((Insert(3, b"data: {broken\n\n"),), BrokenStream),
            ((Insert(3, b"\xff\xfe\n\ndata: 7\n\n"),), BrokenStream),
            ((Reset(900),), BrokenStream),
            ((Cut(900),), BrokenStream),
            ((End(900),), BrokenStream),
            ((Stall(3),), ProviderTimeout),
            ((Drip(100, 0.03),), ProviderTimeout),
        ],
        ids=lambda value: type(value[0]).__name__ if isinstance(value, tuple) else value.__name__,
    )
    async def test_an_answer_breaks_off_after_some_text(
        self, wire: OpenAiWire, faults: tuple[Fault, ...], error: type[ProviderError]
    ) -> None:
        wire.fail(CHAT, *faults)
        got = ""
        async with chat(wire, first=0.4, between=0.15, total=0.4) as ref:
            async with ref.stream(HELLO) as events:
                with pytest.raises(error):
                    async for event in events:
                        assert isinstance(event, TextDelta)
                        got += event.text
        assert got
        assert "You said: Hello you".startswith(got)
        assert len(wire.exchanges) == 1  # a begun answer is never asked for again

    async def test_a_reset_anywhere_loses_nothing_that_came_and_repeats_nothing(self, wire: OpenAiWire) -> None:
        async with chat(wire) as ref:
            await answered(ref)
            whole = wire.last(CHAT).sent
            for at in range(0, whole, 157):
                wire.fail(CHAT, Reset(at))
                got = ""
                async with ref.stream(HELLO) as events:
                    try:
                        async for event in events:
                            got += event.text if isinstance(event, TextDelta) else ""
                    except BrokenStream:
                        assert "You said: Hello you".startswith(got)
                    else:
                        assert got == "You said: Hello you"

    @pytest.mark.parametrize("fault", [Stall(6), Insert(6, b"data: {broken\n\n")], ids=["stall", "garbage"])
    async def test_what_happens_after_the_last_token_costs_only_the_usage(self, wire: OpenAiWire, fault: Fault) -> None:
        wire.fail(CHAT, fault)  # after the chunk with the finish reason
        async with chat(wire, between=0.1) as ref:
            *tokens, ended = await answered(ref)
        assert text_of(tokens) == "You said: Hello you"
        assert ended == Ended("stop")

    async def test_an_error_says_which_request_it_was(self, wire: OpenAiWire) -> None:
        wire.fail(CHAT, End(900))
        async with chat(wire) as ref:
            with pytest.raises(BrokenStream) as caught:
                await answered(ref)
        assert caught.value.details["request_id"].startswith("req_")

    async def test_a_first_token_that_does_not_come(self, wire: OpenAiWire) -> None:
        wire.fail(CHAT, Late())
        async with chat(wire, first=0.25) as ref:
            started = perf_counter()
            with pytest.raises(ProviderTimeout):
                await answered(ref)
            assert 0.24 < perf_counter() - started < 0.5
        assert await outcome(wire.last(CHAT)) == "left"

    async def test_a_server_that_recovers_is_asked_again(self, wire: OpenAiWire) -> None:
        wire.fail(CHAT, Refuse(503))
        wire.fail(CHAT, Refuse(502, html=True))
        async with chat(wire) as ref:
            assert text_of(await answered(ref)) == "You said: Hello you"
        assert len(wire.exchanges) == 3


class TestAdapting:
    async def test_a_model_that_takes_no_temperature_is_asked_without(self, wire: OpenAiWire) -> None:
        wire.quirks = Quirks(
            refused={"temperature": "unsupported_value", "max_completion_tokens": "unsupported_parameter"}
        )
        request = replace(HELLO, temperature=0.8, max_tokens=2)
        async with chat(wire) as ref:
            assert text_of(await answered(ref, request)) == "You said:"
            assert len(wire.exchanges) == 3
            assert text_of(await answered(ref, request)) == "You said:"  # what was learnt stays
            assert len(wire.exchanges) == 4
        assert "temperature" not in wire.last(CHAT).json()
        assert wire.last(CHAT).json()["max_tokens"] == 2

    async def test_what_is_learnt_of_one_model_is_not_held_against_another(self, wire: OpenAiWire) -> None:
        wire.quirks = Quirks(refused={"temperature": "unsupported_value"})
        async with chat(wire) as ref:
            await answered(ref, replace(HELLO, temperature=0.8))
            wire.quirks = Quirks()
            await answered(ref, replace(HELLO, temperature=0.8, model="gpt-y"))
        assert wire.last(CHAT).json()["temperature"] == 0.8

    async def test_a_limit_that_no_name_will_do_for_is_an_error(self, wire: OpenAiWire) -> None:
        wire.quirks = Quirks(
            refused={"max_tokens": "unsupported_parameter", "max_completion_tokens": "unsupported_parameter"}
        )
        async with chat(wire, provider="ollama") as ref:
            with pytest.raises(InvalidRequest, match="max_completion_tokens"):
                await answered(ref, replace(HELLO, max_tokens=2))
        assert [("max_tokens" in exchange.json()) for exchange in wire.exchanges] == [True, False]


class TestLeaving:
    async def test_leaving_closes_the_request(self, wire: OpenAiWire) -> None:
        wire.fail(CHAT, Stall(3))
        async with chat(wire) as ref:
            async with ref.stream(HELLO) as events:
                await events.receive()
            assert await outcome(wire.last(CHAT)) == "left"
            assert await ref.ask(GetUsage()) == Usage(calls=1)  # nobody failed

    async def test_leaving_before_there_is_an_answer_closes_it_too(self, wire: OpenAiWire) -> None:
        wire.fail(CHAT, Late())
        async with chat(wire) as ref:
            async with ref.stream(HELLO):
                with fail_after(2):
                    while not wire.exchanges:
                        await sleep(0.002)
            assert await outcome(wire.last(CHAT)) == "left"

    async def test_a_reader_that_waits_holds_the_model_back_and_is_not_late(self, wire: OpenAiWire) -> None:
        words = 10_000
        wire.reply(reply=Reply(tokens=tuple(f" {number}" for number in range(words))))
        async with chat(wire, between=0.1, total=5) as ref:
            async with ref.stream(HELLO, buffer=4) as events:
                first = await events.receive()
                with fail_after(3):
                    before = -1
                    while wire.last(CHAT).sent != before:
                        before = wire.last(CHAT).sent
                        await sleep(0.03)
                assert wire.last(CHAT).outcome == "under way"
                assert before < words * 150  # of some 230 bytes per token
                await sleep(0.15)
                text = text_of([first, *[event async for event in events]])
        assert text == "".join(f" {number}" for number in range(words))


async def test_models_and_usage(wire: OpenAiWire) -> None:
    async with chat(wire) as ref:
        models = await ref.ask(ListModels())
        assert "gpt-4o-mini" in [model.id for model in models]
        await answered(ref)
        assert await ref.ask(GetUsage()) == Usage(calls=1, input_tokens=2, output_tokens=4)
        wire.fail("/v1/models", Refuse(401))
        with pytest.raises(AuthenticationFailed):
            await ref.ask(ListModels())
