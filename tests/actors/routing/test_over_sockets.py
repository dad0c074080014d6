"""Connections that break at any byte, and answers that nobody notices it in. The sockets are real."""

# ruff: noqa: RUF001

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from time import perf_counter

import pytest
from openai_provider import CHAT, HELLO, outcome, text_of
from troupe.actors.contracts import Ended, Generate
from troupe.actors.http import Deadlines, HttpClient
from troupe.actors.providers.openai.chat import OpenAiChat
from troupe.actors.providers.openai.endpoint import endpoint
from troupe.actors.routing import FallbackModel, ModelPatience, Provider
from troupe.runtime import Ref, child, open_system
from troupe.services.wire import Cut, End, Fault, Reset, Stall
from troupe.services.wire.openai import OpenAiWire
from understudies import NEVER_OPEN

pytestmark = pytest.mark.real_time

ANSWER = "Well, the tower is 330 metres high – it was built in 1889, for a fair. “Isn't that amazing?” Ask me more!"
CUTS = 23
"""Places at which each kind of fault is tried; all of them take a minute and a half."""


@asynccontextmanager
async def chain(wire: OpenAiWire, patience: ModelPatience | None = None) -> AsyncGenerator[Ref]:
    at = endpoint("openai", base_url=wire.base_url, deadlines=Deadlines())
    async with HttpClient.open() as http:
        models = [child(OpenAiChat, http, at, name, name=name) for name in ("a", "b")]
        router = child(
            FallbackModel, [Provider("a"), Provider("b")], patience or ModelPatience(), NEVER_OPEN, name="llm"
        )
        async with open_system(*models, router) as system:
            yield system.ref("llm")


async def timed(llm: Ref, request: Generate = HELLO) -> tuple[str, float]:
    """Return the answer, and the longest that the caller waited for anything of it."""
    events, longest, before = [], 0.0, perf_counter()
    async with llm.stream(request) as replies:
        async for event in replies:
            now = perf_counter()
            longest, before = max(longest, now - before), now
            events.append(event)
    assert isinstance(events[-1], Ended)
    return text_of(events), longest


@pytest.mark.parametrize("kind", [Reset, Cut, End])
async def test_the_answer_is_whole_at_whatever_byte_the_connection_breaks(wire: OpenAiWire, kind: type[Fault]) -> None:
    async with chain(wire) as llm:
        wire.reply(ANSWER)
        await timed(llm)
        size = wire.last(CHAT).sent
        waits = []
        for number in range(CUTS):
            wire.reset()
            wire.fail(CHAT, kind(size * number // CUTS))
            wire.reply(ANSWER)
            wire.reply(ANSWER)
            text, wait = await timed(llm)
            assert text == ANSWER, (number, size)
            waits.append(wait)
        assert sorted(waits)[CUTS // 2] < 0.3


async def test_a_silent_provider_is_left_and_its_connection_is_closed(wire: OpenAiWire) -> None:
    patience = ModelPatience(first_token=0.2, between_tokens=0.2)
    async with chain(wire, patience) as llm:
        for after in (0, 6):
            wire.reset()
            wire.fail(CHAT, Stall(after))
            wire.reply(ANSWER)
            wire.reply(ANSWER)
            text, wait = await timed(llm)
            assert text == ANSWER
            assert 0.19 < wait < 0.5
            assert await outcome(wire.exchanges[0]) == "left"
