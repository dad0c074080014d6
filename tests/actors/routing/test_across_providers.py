"""An answer that one provider begins and another one ends, in other words on the wire. The sockets are real."""

# ruff: noqa: RUF001

from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, pairwise

import pytest
from language_models import LanguageModel, answered, language_models, text_of
from troupe.actors.contracts import Ended
from troupe.actors.http import Deadlines, HttpClient
from troupe.actors.routing import FallbackModel, ModelPatience, Provider
from troupe.runtime import child, open_system
from troupe.services.wire import Cut, End, Insert, Reset
from troupe.services.wire.anthropic.messages import Quirks
from troupe.services.wire.anthropic.server import AnthropicWire
from troupe.services.wire.replies import ModelWire
from understudies import NEVER_OPEN

pytestmark = pytest.mark.real_time

ANSWER = "Well, the tower is 330 metres high – it was built in 1889, for a fair. “Isn't that amazing?” Ask me more!"
MODELS = list(language_models())
Served = tuple[LanguageModel, ModelWire]


@pytest.fixture(scope="module", params=pairwise([*MODELS, MODELS[0]]), ids=lambda pair: f"{pair[0]} then {pair[1]}")
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Served, Served]]:
    first, second = request.param
    with first.wire() as one, second.wire() as other:
        yield (first, one), (second, other)


async def test_nothing_is_lost_or_said_twice(pair: tuple[Served, Served]) -> None:
    (first, one), (second, other) = pair
    router = child(FallbackModel, [Provider("a"), Provider("b")], ModelPatience(), NEVER_OPEN, name="llm")
    async with HttpClient.open() as http:
        actors = [
            replace(model.spec(http, wire, Deadlines()), name=name)
            for (model, wire), name in zip(pair, ("a", "b"), strict=True)
        ]
        async with open_system(*actors, router) as system:
            one.reset()
            one.reply(ANSWER)
            await answered(system.ref("llm"))
            size = one.last(first.path).sent
            faults = [broken(size * at // 9) for at, broken in zip(range(1, 9), cycle((Reset, Cut, End)), strict=False)]
            for fault in (*faults, Insert(7, first.error_item)):
                one.reset()
                other.reset()
                if isinstance(other, AnthropicWire):
                    other.quirks = Quirks(prefill=isinstance(fault, Cut))  # either way
                one.fail(first.path, fault)
                one.reply(ANSWER)
                other.reply(ANSWER)
                events = await answered(system.ref("llm"))
                assert text_of(events) == ANSWER, fault
                assert isinstance(events[-1], Ended)
                if other.exchanges:  # its request is one that the provider takes
                    assert other.last(second.path).outcome == "served"
