"""Chat with OpenAI, and what differs between the servers and models behind its API.

What all language models do is tested in `test_language_models`.
"""

from contextlib import AsyncExitStack

import pytest
from anyio import fail_after, sleep
from msgspec.structs import replace
from openai_provider import CHAT, HELLO, answered, chat, text_of
from troupe.actors.contracts import Ended
from troupe.actors.errors import InvalidRequest
from troupe.services.wire import Fault, Insert, Stall
from troupe.services.wire.openai import OpenAiWire, Reply
from troupe.services.wire.openai.chat import Quirks

pytestmark = pytest.mark.real_time


async def test_many_conversations_at_the_same_time(wire: OpenAiWire) -> None:
    for _ in range(30):
        wire.fail(CHAT, Stall(3))
    async with chat(wire) as ref, AsyncExitStack() as all_of_them:
        for _ in range(30):  # the first tokens of all, while none can go on
            events = await all_of_them.enter_async_context(ref.stream(HELLO))
            await events.receive()
        assert [exchange.outcome for exchange in wire.exchanges] == ["under way"] * 30
        assert text_of(await answered(ref)) == "You said: Hello you"


@pytest.mark.parametrize("fault", [Stall(6), Insert(6, b"data: {broken\n\n")], ids=["stall", "garbage"])
async def test_what_happens_after_the_last_token_costs_only_the_usage(wire: OpenAiWire, fault: Fault) -> None:
    wire.fail(CHAT, fault)  # after the chunk with the finish reason
    async with chat(wire, between=0.1) as ref:
        *tokens, ended = await answered(ref)
    assert text_of(tokens) == "You said: Hello you"
    assert ended == Ended("stop")


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


async def test_a_reader_that_waits_holds_the_model_back_and_is_not_late(wire: OpenAiWire) -> None:
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
