"""How long a provider may be silent follows from how long it usually is, and hardly ever takes it by mistake."""

import math
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from anyio import current_time, wait_all_tasks_blocked
from hypothesis import given
from hypothesis import strategies as st
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
    Word,
)
from troupe.actors.routing import (
    FallbackModel,
    FallbackRecogniser,
    FallbackSynthesizer,
    ListProviders,
    ModelPatience,
    Provider,
    RecogniserPatience,
    SynthesizerPatience,
)
from troupe.actors.routing.latency import MEMORY, Latency
from troupe.actors.routing.patience import KNOWN, LEAST, MARGIN, SLOWER, Patience
from troupe.actors.routing.record import OK
from troupe.runtime import Actor, Ref, child
from understudies import (
    NEVER_OPEN,
    ScriptedModel,
    ScriptedRecogniser,
    ScriptedSynthesizer,
    Stage,
    Stall,
    Steps,
    company,
    player,
)


def known(*times: float) -> Latency:
    latency = Latency()
    for seconds in times:
        latency.note(0.0, seconds)
    return latency


@pytest.mark.parametrize(
    ("times", "most", "silences", "limit"),
    [
        ([], 5.0, 0, 5.0),
        ([0.3] * (KNOWN - 1), 5.0, 0, 5.0),
        ([0.3] * KNOWN, 5.0, 0, 0.9),
        ([0.3] * KNOWN, 0.7, 0, 0.7),
        ([0.01] * KNOWN, 5.0, 0, LEAST),
        ([0.01] * KNOWN, 0.2, 0, 0.2),
        ([0.3] * 8 + [4.0] * 2, 5.0, 0, 0.9),
        ([0.3] * 7 + [4.0] * 3, 5.0, 0, 5.0),
        ([0.3] * KNOWN, 5.0, SLOWER - 1, 0.9),
        ([0.3] * KNOWN, 5.0, SLOWER, 1.8),
        ([0.3] * KNOWN, 5.0, 2 * SLOWER, 3.6),
        ([0.3] * KNOWN, 5.0, 9999, 5.0),
    ],
)
def test_the_limit_is_three_times_what_is_common(times: list[float], most: float, silences: int, limit: float) -> None:
    assert Patience().limit(most, known(*times), 1.0, silences) == pytest.approx(limit)
    assert Patience().limit(most, known(*times), MEMORY + 1.0, silences) == most
    assert Patience(adaptive=False).limit(most, known(*times), 1.0, silences) == most


@given(times=st.lists(st.floats(0, 100), max_size=80), most=st.floats(0.01, 30), silences=st.integers(0, 100))
def test_it_is_never_more_than_is_configured_nor_less_than_is_common(
    times: list[float], most: float, silences: int
) -> None:
    limit = Patience().limit(most, known(*times), 1.0, silences)
    assert limit <= most
    assert limit == most or (limit >= LEAST and limit >= MARGIN * min(times[-64:]))


@pytest.mark.parametrize(("sigma", "share"), [(0.3, 0.0005), (0.5, 0.004), (0.7, 0.015)])
def test_jitter_is_hardly_ever_taken_for_silence(sigma: float, share: float) -> None:
    """Of log-normal times with a median of 0.4 s, the first of a language model's answers, or so."""
    dice, latency, alarms, answers = Random(3), Latency(), 0, 20_000
    for number in range(answers):
        seconds = 0.4 * math.exp(dice.gauss(0, sigma))
        if seconds > Patience().limit(60.0, latency, float(number), 0):
            alarms += 1
        else:
            latency.note(float(number), seconds)
    assert alarms <= share * answers


async def model_answers(llm: Ref) -> float:
    start = current_time()
    async with llm.stream(Generate(turns=(Turn(role="user", parts=(TextPart("Hello."),)),))) as events:
        assert "".join([event.text async for event in events if isinstance(event, TextDelta)]) == "One two."
    return current_time() - start


async def recogniser_hears(stt: Ref) -> float:
    async with stt.open(Transcribe(rate=16_000)) as call:
        await call.send(bytes(640))
        call.finish()
        start = current_time()
        assert [transcript.final async for transcript in call] == [True]
    return current_time() - start


async def synthesizer_speaks(tts: Ref) -> float:
    start = current_time()
    async with tts.open(Synthesize()) as call:
        await call.send(Say("One two."))
        call.finish()
        speeches = [speech async for speech in call]
    assert sum(len(speech.pcm) for speech in speeches) == 2 * len(SOUND)
    return current_time() - start


SOUND = b"\1\0" * 4000  # a quarter of a second
Waits = list[float]


def model(waits: Waits) -> Callable[[Generate], Steps]:
    def script(request: Generate) -> Steps:
        yield waits[0]
        if len(request.turns) == 1:
            yield from (TextDelta("One"), waits[1])
        yield from (TextDelta(" two."), Ended("stop"))

    return script


def recogniser(waits: Waits) -> Callable[[bytes, bool], Steps]:
    return lambda _, ended: [waits[0], Transcript("One two.", final=True)] if ended else []


def synthesizer(waits: Waits) -> Callable[[int, str], Steps]:
    def script(number: int, text: str) -> Steps:
        for place, word in enumerate(text.split()):
            yield waits[place]
            yield Speech(number, SOUND, 16_000, (Word(word, place / 4, (place + 1) / 4),))
        yield Speech(number, b"", 16_000, last=True)

    return script


CASES: dict[str, tuple[type[Actor], Patience, type[Actor], Callable[[Waits], Callable[..., Steps]], Any]] = {
    "model": (FallbackModel, ModelPatience(), ScriptedModel, model, model_answers),
    "recogniser": (FallbackRecogniser, RecogniserPatience(), ScriptedRecogniser, recogniser, recogniser_hears),
    "synthesizer": (FallbackSynthesizer, SynthesizerPatience(), ScriptedSynthesizer, synthesizer, synthesizer_speaks),
}


@pytest.mark.virtual
@pytest.mark.parametrize(
    ("kind", "first", "between"),
    [
        *((kind, 9.0, 0.02) for kind in CASES),
        *((kind, 0.2, 9.0) for kind in CASES if kind != "recogniser"),  # it has one item that is waited for
    ],
)
async def test_who_falls_silent_is_replaced_after_three_times_what_is_common(
    kind: str, first: float, between: float
) -> None:
    router, patience, actor, script, use = CASES[kind]
    stage, waits = Stage(), [0.2, 0.02]
    actors = [player(actor, stage, "a", script(waits)), player(actor, stage, "b", script([0.1, 0.02]))]
    async with company(
        stage, *actors, child(router, [Provider("a"), Provider("b")], patience, NEVER_OPEN, name="router")
    ) as system:
        ref = system.ref("router")
        usual = await use(ref)
        for _ in range(KNOWN - 1):
            assert await use(ref) == pytest.approx(usual)
        waits[:] = [0.55, 0.35]  # nearly three times what is common, and nearly what everybody is granted
        await use(ref)
        assert {name for name, _ in stage.requests} == {"a"}
        waits[:] = [first, between]
        taken = await use(ref)
        assert {name for name, _ in stage.requests} == {"a", "b"}
        assert taken < (0.6 if first > 1 else 0.2 + LEAST) + 0.4
        stage.requests.clear()
        waits[:] = [0.2, 0.02]
        assert await use(ref) == pytest.approx(usual)
        assert {name for name, _ in stage.requests} == {"a"}


@pytest.mark.virtual
async def test_one_that_has_become_slower_is_not_taken_for_silent_for_ever() -> None:
    router, patience, actor, script, use = CASES["model"]
    stage, waits = Stage(), [0.2, 0.02]
    actors = [player(actor, stage, "a", script(waits)), player(actor, stage, "b", script([0.1, 0.02]))]
    async with company(
        stage, *actors, child(router, [Provider("a"), Provider("b")], patience, NEVER_OPEN, name="router")
    ) as system:
        for _ in range(KNOWN):
            await use(system.ref("router"))
        waits[0] = 1.0
        for _ in range(SLOWER + 1):
            await use(system.ref("router"))
        assert [name for name, _ in stage.requests].count("b") == SLOWER


@pytest.mark.virtual
async def test_a_caller_who_hangs_up_with_the_whole_answer_in_hand_has_been_answered() -> None:
    stage = Stage()
    actors = [
        player(
            ScriptedRecogniser,
            stage,
            "a",
            lambda _, ended: [Transcript("One two.", final=True), Stall()] if ended else [],
        )
    ]
    router = child(FallbackRecogniser, [Provider("a")], name="router")
    async with company(stage, *actors, router) as system:
        async with system.ref("router").open(Transcribe(rate=16_000)) as call:
            call.finish()
            assert (await call.receive()).final
        await wait_all_tasks_blocked()
        (status,) = await system.ref("router").ask(ListProviders())
        assert dict(status.record.outcomes) == {OK: 1}
