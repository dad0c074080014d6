"""In which order the providers of a chain are asked."""

from collections.abc import Callable

import pytest
from anyio import current_time, sleep
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from troupe.actors.contracts import (
    Ended,
    Generate,
    Say,
    Speech,
    Synthesize,
    TextDelta,
    TextPart,
    Transcribe,
    Transcript,
    Turn,
)
from troupe.actors.errors import RateLimited
from troupe.actors.routing import (
    FallbackModel,
    FallbackRecogniser,
    FallbackSynthesizer,
    ListProviders,
    ModelPatience,
    Provider,
)
from troupe.actors.routing.chain import soonest_first
from troupe.actors.routing.events import ProviderReplaced
from troupe.actors.routing.latency import MEMORY
from troupe.runtime import Ref, child
from understudies import (
    NEVER_OPEN,
    End,
    ScriptedModel,
    ScriptedRecogniser,
    ScriptedSynthesizer,
    Stage,
    Steps,
    company,
    player,
)

REQUEST = Generate(turns=(Turn(role="user", parts=(TextPart("Hello."),)),))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=8))
def test_only_the_flexible_ones_change_places(entries: list[tuple[bool, int]]) -> None:
    expected = {str(number): float(seconds) for number, (_, seconds) in enumerate(entries)}
    providers = [Provider(str(number), flexible=flexible) for number, (flexible, _) in enumerate(entries)]
    ordered = soonest_first(providers, lambda provider: expected[provider.path])
    assert sorted(each.path for each in ordered) == sorted(each.path for each in providers)
    assert all(ordered[place] is each for place, each in enumerate(providers) if not each.flexible)
    moved = [(expected[each.path], int(each.path)) for each in ordered if each.flexible]
    assert moved == sorted(moved)


async def answer(llm: Ref) -> float:
    """Have an answer; return the seconds until it began."""
    asked = current_time()
    async with llm.stream(REQUEST) as events:
        await events.receive()
        began = current_time()
        async for _ in events:
            pass
    return began - asked


@pytest.mark.virtual
async def test_whoever_has_been_fastest_is_asked_first() -> None:
    stage, seconds = Stage(), {"a": 0.5, "b": 0.2, "c": 0.3}

    def script(name: str) -> Callable[[Generate], Steps]:
        return lambda _: [seconds[name], TextDelta("Hi."), Ended("stop")]

    models = [player(ScriptedModel, stage, name, script(name)) for name in seconds]
    providers = [Provider(name, flexible=True) for name in seconds]
    async with company(stage, *models, child(FallbackModel, providers, name="llm")) as system:
        llm = system.ref("llm")
        waited = [await answer(llm) for _ in range(5)]
        assert waited == pytest.approx([0.5, 0.2, 0.3, 0.2, 0.2])  # each is tried once
        assert [status.median for status in await llm.ask(ListProviders())] == pytest.approx([0.5, 0.2, 0.3])
        seconds["b"] = 0.9
        waited = [await answer(llm) for _ in range(4)]
        assert waited == pytest.approx([0.9, 0.9, 0.9, 0.9])  # the median of b: 0.2, 0.2, 0.2, 0.9, …
        assert await answer(llm) == pytest.approx(0.3)
        await sleep(MEMORY)
        assert [await answer(llm) for _ in range(4)] == pytest.approx([0.5, 0.9, 0.3, 0.3])


@pytest.mark.virtual
async def test_what_is_expected_decides_at_first() -> None:
    stage, seconds = Stage(), {"a": 0.2, "b": 0.5}

    def script(name: str) -> Callable[[Generate], Steps]:
        return lambda _: [seconds[name], TextDelta("Hi."), Ended("stop")]

    models = [player(ScriptedModel, stage, name, script(name)) for name in seconds]
    providers = [Provider("a", flexible=True, expected=0.9), Provider("b", flexible=True, expected=0.1)]
    async with company(stage, *models, child(FallbackModel, providers, name="llm")) as system:
        llm = system.ref("llm")
        assert [await answer(llm) for _ in range(2)] == pytest.approx([0.5, 0.5])  # 0.1, 0.5: as fast as expected
        assert [status.record.first.count for status in await llm.ask(ListProviders())] == [0, 2]
        await sleep(MEMORY)
        assert await answer(llm) == pytest.approx(0.2)


@pytest.mark.virtual
async def test_one_that_has_only_failed_is_asked_last() -> None:
    stage = Stage()
    models = [
        player(ScriptedModel, stage, "broken", lambda _: [End()]),
        player(ScriptedModel, stage, "slow", lambda _: [1, TextDelta("Hi."), Ended("stop")]),
    ]
    providers = [Provider("broken", flexible=True), Provider("slow", flexible=True)]
    router = child(FallbackModel, providers, ModelPatience(), NEVER_OPEN, name="llm")
    async with company(stage, *models, router) as system:
        for _ in range(3):
            await answer(system.ref("llm"))
    assert [name for name, _ in stage.requests] == ["broken", "slow", "slow", "slow"]


@pytest.mark.virtual
async def test_a_second_model_is_asked_when_the_first_is_later_than_it_uses_to_be() -> None:
    stage, wait = Stage(), [0.2]
    models = [
        player(ScriptedModel, stage, "a", lambda _: [wait[0], TextDelta("Hi."), Ended("stop")]),
        player(ScriptedModel, stage, "b", lambda _: [0.1, TextDelta("Hi."), Ended("stop")]),
    ]
    patience = ModelPatience(first_token=30, alone=30, hedge_late=True)
    router = child(FallbackModel, [Provider("a"), Provider("b")], patience, name="llm")
    async with company(stage, *models, router) as system:
        llm = system.ref("llm")
        wait[0] = 5
        assert await answer(llm) == pytest.approx(5)  # nobody knows yet what is late
        wait[0] = 0.2
        for _ in range(21):
            assert await answer(llm) == pytest.approx(0.2)
        assert (await llm.ask(ListProviders()))[0].p95 == pytest.approx(0.2)
        wait[0] = 5
        assert await answer(llm) == pytest.approx(0.3)
        assert stage.cancelled == ["a"]
        assert await answer(llm) == pytest.approx(0.4)  # that it was later counts: p95 is 0.3 by now
        b = (await llm.ask(ListProviders()))[1]
        assert b.median == pytest.approx(0.1)


@pytest.mark.virtual
async def test_a_recogniser_is_timed_from_the_end_of_speech_and_a_synthesizer_from_its_first_text() -> None:
    stage = Stage()
    heard, said = Transcript("Hi.", final=True), Speech(0, b"\0\0", 8000, last=True)
    specs = [
        player(ScriptedRecogniser, stage, "ear", lambda _, ended: [0.4, heard] if ended else []),
        player(ScriptedSynthesizer, stage, "mouth", lambda number, _: [0.3, replace(said, piece=number)]),
        child(FallbackRecogniser, [Provider("ear")], name="stt"),
        child(FallbackSynthesizer, [Provider("mouth")], name="tts"),
    ]
    async with company(stage, *specs) as system:
        async with system.ref("stt").open(Transcribe()) as call:
            await call.send(bytes(320))
            await sleep(3)
            call.finish()
            assert [transcript.text async for transcript in call] == ["Hi."]
        async with system.ref("tts").open(Synthesize()) as voice:
            await sleep(3)
            await voice.send(Say("One."))
            assert (await voice.receive()).pcm
            await sleep(2)
            await voice.send(Say("Two."))
            voice.finish()
            assert len([speech async for speech in voice]) == 1
        for path, seconds in (("stt", 0.4), ("tts", 0.3)):
            (status,) = await system.ref(path).ask(ListProviders())
            assert status.median == pytest.approx(seconds)


@pytest.mark.virtual
async def test_calls_beyond_a_providers_pace_go_to_the_next_one() -> None:
    stage = Stage()
    models = [player(ScriptedModel, stage, name, lambda _: [TextDelta("Hi."), Ended("stop")]) for name in "ab"]
    providers = [Provider("a", per_minute=20), Provider("b", per_minute=10)]
    async with company(stage, *models, child(FallbackModel, providers, name="llm")) as system:
        llm = system.ref("llm")
        for _ in range(3):
            await answer(llm)
        assert [name for name, _ in stage.requests] == ["a", "a", "b"]
        with pytest.raises(RateLimited) as caught:
            await answer(llm)
        assert caught.value.retry_after == pytest.approx(3)
        assert stage.of(ProviderReplaced) == []
        await sleep(3)
        await answer(llm)
        assert stage.requests[-1][0] == "a"
