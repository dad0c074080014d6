"""One model at several providers: whoever answers, the vectors can be compared."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from troupe.actors.contracts import Embed, Embeddings
from troupe.actors.errors import (
    AuthenticationFailed,
    BrokenStream,
    InvalidRequest,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
)
from troupe.actors.routing import EmbedderPatience, FallbackEmbedder, ListProviders, Provider
from troupe.runtime import Actor, System, child
from understudies import Crash, Stage, Stall, company, perform, player

pytestmark = pytest.mark.virtual

WORDS = Embed(texts=("a", "b"))


def vectors(count: int, dimensions: int) -> Embeddings:
    return Embeddings(np.full((count, dimensions), 0.5, "<f4").tobytes(), dimensions)


class ScriptedEmbedder(Actor):
    """Answers with vectors of as many dimensions as its script says, or does what that says instead."""

    max_concurrency = 8
    fatal = (Crash,)

    def __init__(self, stage: Stage, name: str, script: Callable[[Embed], Any]) -> None:
        self.stage, self.name, self.script = stage, name, script

    async def embed(self, request: Embed) -> Embeddings:
        with self.stage.enter(self.name, request):
            step = self.script(request)
            if isinstance(step, int):
                return vectors(len(request.texts), step)
            await perform(step)
            return vectors(len(request.texts), 4)


def chain(stage: Stage, *scripts: Callable[[Embed], Any]) -> Any:
    names = [f"e{number}" for number in range(len(scripts))]
    players = [player(ScriptedEmbedder, stage, name, script) for name, script in zip(names, scripts, strict=True)]
    providers = [Provider(name, models={"*": f"model-of-{name}"}) for name in names]
    router = child(FallbackEmbedder, providers, EmbedderPatience(vectors=2, alone=5), name="router")
    return company(stage, *players, router)


async def embedded(system: System, request: Embed = WORDS) -> Embeddings:
    return await system.ref("router").ask(request, timeout=60)


@pytest.mark.parametrize(
    "failure",
    [ProviderUnavailable("e0"), AuthenticationFailed("e0"), BrokenStream("e0"), Stall(), Crash()],
    ids=lambda value: type(value).__name__,
)
async def test_the_next_one_answers(failure: object) -> None:
    stage = Stage()
    async with chain(stage, lambda _: failure, lambda _: 4) as system:
        assert await embedded(system) == vectors(2, 4)
        assert [(name, request.model) for name, request in stage.requests] == [
            ("e0", "model-of-e0"),
            ("e1", "model-of-e1"),
        ]
        (_, one) = await system.ref("router").ask(ListProviders())
        assert one.record.outcomes == {"ok": 1}
        assert one.record.first.count == 1
    assert stage.empty


async def test_vectors_that_can_not_be_compared_are_passed_over() -> None:
    stage, answers = Stage(), [4, ProviderUnavailable("e0")]
    async with chain(stage, lambda _: answers.pop(0), lambda _: 6, lambda _: 4) as system:
        assert (await embedded(system)).dimensions == 4
        assert (await embedded(system)).dimensions == 4  # e1's have six
    assert [name for name, _ in stage.requests] == ["e0", "e0", "e1", "e2"]


async def test_as_many_dimensions_as_were_asked_for() -> None:
    stage = Stage()
    async with chain(stage, lambda _: 4, lambda request: request.dimensions or 4) as system:
        assert (await embedded(system, Embed(texts=("a",), dimensions=3))).dimensions == 3
        assert (await embedded(system)).dimensions == 4  # the model's own
    with pytest.raises(BrokenStream, match="its vectors have 4 dimensions, not 3"):
        async with chain(stage, lambda _: 4) as system:
            await embedded(system, Embed(texts=("a",), dimensions=3))


@pytest.mark.parametrize(
    ("failure", "raised", "asked"),
    [(InvalidRequest("e0"), InvalidRequest, 1), (Stall(), ProviderTimeout, 2)],
    ids=["a request that is wrong", "silence"],
)
async def test_it_fails_when_nobody_can(failure: object, raised: type[ProviderError], asked: int) -> None:
    stage = Stage()
    async with chain(stage, lambda _: failure, lambda _: failure) as system:
        with pytest.raises(raised) as caught:
            await embedded(system)
    assert len(stage.requests) == len(caught.value.details["attempts"]) == asked
    assert stage.empty
