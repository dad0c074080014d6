"""Functions write, hear, speak and embed, sync or async, at once or piece by piece."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import own_functions
import pytest
from troupe.actors.contracts import (
    Embed,
    Ended,
    Generate,
    GenerationEvent,
    Say,
    Speech,
    Synthesize,
    TextDelta,
    TextPart,
    Transcribe,
    Transcript,
    Turn,
)
from troupe.actors.errors import BrokenStream, ProviderFailed
from troupe.actors.inference.errors import NotInstalled
from troupe.actors.providers.function.embedder import FunctionEmbedder
from troupe.actors.providers.function.model import FunctionModel
from troupe.actors.providers.function.recogniser import FunctionRecogniser
from troupe.actors.providers.function.synthesizer import FunctionSynthesizer
from troupe.runtime import Actor, Ref, child, open_system
from troupe.runtime.errors import StartFailed
from troupe.runtime.exits import Crashed

pytestmark = pytest.mark.real_time

TALK = Generate(
    turns=(
        Turn(role="user", parts=(TextPart("First."),)),
        Turn(role="assistant", parts=(TextPart("Yes?"),)),
        Turn(role="user", parts=(TextPart("Hi You"),)),
    )
)


@asynccontextmanager
async def running(actor: type[Actor], function: str, *more: Any) -> AsyncGenerator[Ref]:
    async with open_system(child(actor, "mine", f"own_functions:{function}", *more, name="x")) as system:
        yield system.ref("x")


@pytest.mark.parametrize(
    ("function", "pieces"),
    [
        ("shout", ["HI YOU"]),
        ("whisper", ["hi you"]),
        ("spell", list("Hi You")),
        ("spell_slowly", [*"Hi You", " (3 turns)"]),
        ("caller", ["called with Hi You"]),
    ],
)
async def test_it_writes(function: str, pieces: list[str]) -> None:
    async with running(FunctionModel, function) as ref, ref.stream(TALK) as events:
        assert [event async for event in events] == [*map(TextDelta, pieces), Ended("stop")]


@pytest.mark.parametrize("function", ["spell", "spell_slowly"])
async def test_a_generator_is_closed_when_nobody_listens(function: str) -> None:
    own_functions.closed.clear()
    long = Generate(turns=(Turn(role="user", parts=(TextPart("a" * 10_000),)),))
    async with running(FunctionModel, function) as ref:
        async with ref.stream(long, buffer=1) as events:
            assert await events.receive() == TextDelta("a")
    assert own_functions.closed == [function]


async def test_it_hears() -> None:
    half_a_second = np.full(4000, 16_384, "<i2").tobytes()
    async with running(FunctionRecogniser, "loudness", 16_000) as ref, ref.open(Transcribe(rate=8000)) as call:
        await call.send(half_a_second)
        call.finish()
        *_, last = [transcript async for transcript in call]
    assert last.final
    samples, _, _, _, peak = last.text.split()
    assert abs(int(samples) - 8000) <= 1
    assert float(peak) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(("function", "sizes"), [("beep", [100, 100, 0, 0, 100, 0]), ("beep_bytes", [7, 0, 0, 4, 0])])
async def test_it_speaks(function: str, sizes: list[int]) -> None:
    async with running(FunctionSynthesizer, function, 8000) as ref, ref.open(Synthesize()) as call:
        for text in ("one two", "…", "more"):
            await call.send(Say(text))
        call.finish()
        speeches = [speech async for speech in call]
    assert [len(speech.pcm) // 2 for speech in speeches] == sizes
    assert [speech.piece for speech in speeches if speech.last] == [0, 1, 2]
    assert {speech.rate for speech in speeches} == {8000}
    if function == "beep":
        assert set(np.frombuffer(speeches[0].pcm, "<i2")) == {16_384}


async def test_it_embeds() -> None:
    async with running(FunctionEmbedder, "lengths") as ref:
        found = await ref.ask(Embed(texts=("one two", "three")))
        assert np.frombuffer(found.vectors, "<f4").reshape(-1, found.dimensions).tolist() == [[7, 1], [5, 0]]
    async with running(FunctionEmbedder, "shout") as ref:
        with pytest.raises(AttributeError):
            await ref.ask(Embed(texts=("one",)))


async def _use(ref: Ref, actor: type[Actor]) -> list[GenerationEvent] | list[Speech] | list[Transcript] | Any:
    if actor is FunctionModel:
        async with ref.stream(TALK) as events:
            return [event async for event in events]
    if actor is FunctionEmbedder:
        return await ref.ask(Embed(texts=("one",)))
    request: Any = Synthesize() if actor is FunctionSynthesizer else Transcribe()
    async with ref.open(request) as call:
        await call.send(Say("one") if actor is FunctionSynthesizer else bytes(320))
        call.finish()
        return [item async for item in call]


@pytest.mark.parametrize(
    ("actor", "more"),
    [(FunctionModel, ()), (FunctionRecogniser, (16_000,)), (FunctionSynthesizer, (8000,)), (FunctionEmbedder, ())],
)
async def test_what_does_not_fit_is_told_and_the_actor_lives_on(actor: type[Actor], more: tuple[Any, ...]) -> None:
    async with running(actor, "wrong", *more) as ref:
        for _ in range(2):
            with pytest.raises(ProviderFailed, match="own_functions:wrong gives int; it has to give "):
                await _use(ref, actor)
    async with running(actor, "fails", *more) as ref:
        with pytest.raises(ValueError, match="what somebody said"):
            await _use(ref, actor)


async def test_a_vector_is_missing() -> None:
    async with running(FunctionEmbedder, "caller") as ref:
        with pytest.raises((ProviderFailed, BrokenStream)):
            await ref.ask(Embed(texts=("one", "two")))


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("own_functions:nowhere", "has no attribute 'nowhere'; is its package installed, or on PYTHONPATH"),
        ("no_such_module:f", "No module named 'no_such_module'"),
        ("own_functions:NOTHING", "own_functions:NOTHING can't be called"),
    ],
)
async def test_what_can_not_be_imported_does_not_start(function: str, told: str) -> None:
    with pytest.raises(StartFailed) as caught:
        async with open_system(child(FunctionModel, "mine", function, name="x")):
            pass
    exit = caught.value.exit
    assert isinstance(exit, Crashed)
    assert isinstance(exit.error, NotInstalled)
    assert told in str(exit.error)
