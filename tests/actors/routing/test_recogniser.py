"""A recogniser dies at any chunk of an utterance, and another one hears all of it."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from anyio import create_task_group, current_time, move_on_after, sleep, wait_all_tasks_blocked
from troupe.actors.contracts import Transcribe, Transcript
from troupe.actors.errors import BrokenStream, CannotContinue, InvalidRequest, ProviderTimeout
from troupe.actors.routing import BreakerPolicy, FallbackRecogniser, Provider, RecogniserPatience
from troupe.runtime import Ref, child
from troupe.runtime.errors import ChannelBroken
from understudies import NEVER_OPEN, Crash, End, ScriptedRecogniser, Stage, Stall, Steps, company, player

pytestmark = pytest.mark.virtual

WORDS = ["could", "you", "tell", "me", "how", "high", "the", "tower", "is", "and", "when", "it", "was", "built"]
REQUEST = Transcribe(rate=16_000)
CHUNK = 640  # bytes: 20 ms


def audio(word: str) -> bytes:
    """What sounds like a word to the recognisers here."""
    return word.encode().ljust(CHUNK, b"\0")


def heard_in(pcm: bytes) -> str:
    return " ".join(pcm[start : start + CHUNK].rstrip(b"\0").decode() for start in range(0, len(pcm), CHUNK))


def hears(pcm: bytes, ended: bool) -> Steps:
    yield Transcript(heard_in(pcm), final=ended)


def dies(chunks: int, how: Any) -> Callable[[bytes, bool], Steps]:
    """Hear so many chunks, and fail at the next one, or at the end."""

    def script(pcm: bytes, ended: bool) -> Steps:
        yield how if ended or len(pcm) > chunks * CHUNK else Transcript(heard_in(pcm))

    return script


@asynccontextmanager
async def chain(
    stage: Stage,
    *scripts: Callable[[bytes, bool], Steps],
    patience: RecogniserPatience | None = None,
    policy: BreakerPolicy = NEVER_OPEN,
) -> AsyncGenerator[Ref]:
    names = "abcdefgh"[: len(scripts)]
    recognisers = [player(ScriptedRecogniser, stage, name, script) for name, script in zip(names, scripts, strict=True)]
    providers = [Provider(name) for name in names]
    router = child(FallbackRecogniser, providers, patience or RecogniserPatience(), policy, name="stt")
    async with company(stage, *recognisers, router) as system:
        yield system.ref("stt")


async def listen(stt: Ref, words: list[str] = WORDS, pace: float = 0.02) -> list[Transcript]:
    """Say the words at the pace of speech; return what was understood."""

    async def speak() -> None:
        with suppress(ChannelBroken):  # the error comes with the transcripts
            for word in words:
                await sleep(pace)
                await call.send(audio(word))
            call.finish()

    transcripts: list[Transcript] = []
    failure: Exception | None = None
    async with stt.open(REQUEST, timeout=1000, buffer=256) as call, create_task_group() as tasks:
        tasks.start_soon(speak)
        try:
            transcripts += [transcript async for transcript in call]
        except Exception as error:
            failure = error
    if failure is not None:
        raise failure
    return transcripts


FAULTS: dict[str, Callable[[], Any]] = {
    "reset": lambda: ConnectionResetError("what the user said"),
    "bug": lambda: ValueError("what the user said"),
    "crash": lambda: Crash(),
    "end": lambda: End(),
    "stall": lambda: Stall(),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_no_word_is_lost_or_repeated_wherever_it_dies(fault: Callable[[], Any]) -> None:
    stage, cut = Stage(), 0

    def first(pcm: bytes, ended: bool) -> Steps:
        return dies(cut, fault())(pcm, ended)

    async with chain(stage, first, hears) as stt:
        for cut in range(len(WORDS) + 1):
            transcripts = await listen(stt)
            assert transcripts[-1] == Transcript(" ".join(WORDS), final=True), cut
            assert [transcript.final for transcript in transcripts].count(True) == 1
            lengths = [len(transcript.text) for transcript in transcripts]
            assert lengths == sorted(lengths), cut  # nothing that was understood is taken back for the change of hands
        await wait_all_tasks_blocked()
        assert stage.empty


async def test_an_utterance_may_change_hands_often() -> None:
    stage = Stage()
    scripts = [dies(chunks, ConnectionResetError()) for chunks in (1, 1, 4, 2, 9)]
    async with chain(stage, *scripts, hears) as stt:
        assert (await listen(stt))[-1].text == " ".join(WORDS)
    assert [name for name, _ in stage.requests] == list("abcdef")


async def test_the_next_one_hears_it_faster_than_it_was_said() -> None:
    words = [f"word{number}" for number in range(500)]  # ten seconds
    async with chain(Stage(), dies(490, ConnectionResetError()), hears) as stt:
        start = current_time()
        transcripts = await listen(stt, words)
        assert transcripts[-1].text == " ".join(words)
        assert current_time() - start == pytest.approx(10)


@pytest.mark.parametrize(
    ("script", "delay"),
    [
        (dies(len(WORDS), ConnectionResetError()), 0),
        (dies(len(WORDS), Stall()), RecogniserPatience().final),  # it hears all, and then says nothing
        (dies(3, Stall()), RecogniserPatience().final),  # it hears nothing any more, and that is noticed at the end
    ],
)
async def test_how_long_the_caller_waits_for_the_final_transcript(script: Any, delay: float) -> None:
    async with chain(Stage(), script, hears) as stt:
        start = current_time()
        await listen(stt)
        assert current_time() - start == pytest.approx(len(WORDS) * 0.02 + delay)


async def test_one_that_takes_no_more_audio_is_replaced_while_the_user_still_speaks() -> None:
    stage, words = Stage(), [f"word{number}" for number in range(400)]
    async with chain(stage, dies(10, Stall()), hears) as stt:
        start = current_time()
        transcripts = await listen(stt, words)
        assert transcripts[-1].text == " ".join(words)
        assert current_time() - start == pytest.approx(8)  # the eight seconds that the words take, and no more


async def test_silence_is_no_fault() -> None:
    stage = Stage()

    def hears_at_the_end(pcm: bytes, ended: bool) -> Steps:
        return hears(pcm, True) if ended else ()

    async with chain(stage, hears_at_the_end, hears) as stt:
        assert (await listen(stt, pace=20))[-1].text == " ".join(WORDS)
    assert [name for name, _ in stage.requests] == ["a"]


async def test_a_caller_that_takes_its_time_is_no_fault_of_the_recogniser() -> None:
    stage = Stage()
    async with chain(stage, hears, hears) as stt, stt.open(REQUEST, buffer=1) as call, create_task_group() as tasks:

        async def speak() -> None:
            for word in WORDS:
                await call.send(audio(word))
            call.finish()

        tasks.start_soon(speak)
        text = ""
        async for transcript in call:
            text = transcript.text
            await sleep(100)
    assert text == " ".join(WORDS)
    assert [name for name, _ in stage.requests] == ["a"]


async def test_the_last_one_that_is_left_gets_more_time() -> None:
    def slow(pcm: bytes, ended: bool) -> Steps:
        return [9, Transcript(heard_in(pcm), final=True)] if ended else ()

    async with chain(Stage(), dies(3, End()), slow) as stt:
        assert (await listen(stt))[-1].text == " ".join(WORDS)
    async with chain(Stage(), dies(3, Stall())) as stt:
        with pytest.raises(ProviderTimeout):
            await listen(stt)


async def test_an_utterance_that_is_too_long_to_be_kept_fails_with_its_recogniser() -> None:
    patience = RecogniserPatience(keep=0.1)  # five chunks
    async with chain(Stage(), dies(5, End()), hears, patience=patience) as stt:
        assert (await listen(stt, WORDS[:5]))[-1].text == " ".join(WORDS[:5])
        with pytest.raises(CannotContinue) as caught:
            await listen(stt)
    assert [each["code"] for each in caught.value.details["attempts"]] == ["broken_stream", "cannot_continue"]
    async with chain(Stage(), hears, hears, patience=patience) as stt:
        assert (await listen(stt))[-1].text == " ".join(WORDS)


async def test_a_transcript_is_final_once() -> None:
    def insists(pcm: bytes, ended: bool) -> Steps:
        return [Transcript("yes", final=True), Transcript("yes, indeed", final=True), ValueError()] if ended else ()

    stage = Stage()
    async with chain(stage, insists, hears) as stt:
        assert await listen(stt) == [Transcript("yes", final=True)]
    assert [name for name, _ in stage.requests] == ["a"]


async def test_a_recogniser_may_be_final_before_the_end() -> None:
    def hasty(pcm: bytes, ended: bool) -> Steps:
        return [Transcript(heard_in(pcm), final=True)] if len(pcm) == 3 * CHUNK else ()

    stage = Stage()
    async with chain(stage, hasty) as stt, stt.open(REQUEST) as call:
        for word in WORDS[:3]:
            await call.send(audio(word))
        assert [transcript async for transcript in call] == [Transcript("could you tell", final=True)]
        await wait_all_tasks_blocked()
        assert stage.empty


async def test_partial_transcripts_may_take_words_back_within_one_recogniser() -> None:
    partials = ["I", "I scream", "ice", "ice cream"]

    def wavers(pcm: bytes, ended: bool) -> Steps:
        yield Transcript(partials[len(pcm) // CHUNK - 1], final=ended)

    async with chain(Stage(), wavers) as stt:
        assert [transcript.text for transcript in await listen(stt, WORDS[:4])] == [*partials, "ice cream"]


async def test_empty_chunks_are_kept_in_their_place() -> None:
    async with chain(Stage(), dies(2, End()), hears) as stt, stt.open(REQUEST) as call:
        for word in WORDS[:4]:
            await call.send(audio(word))
            await call.send(b"")
        call.finish()
        assert [transcript async for transcript in call][-1].text == " ".join(WORDS[:4])


async def test_a_mistake_in_the_request_is_the_callers() -> None:
    stage = Stage()
    async with chain(stage, dies(0, InvalidRequest("a")), hears) as stt:
        with pytest.raises(InvalidRequest):
            await listen(stt)
    assert [name for name, _ in stage.requests] == ["a"]


async def test_an_utterance_without_a_transcript_is_a_failure() -> None:
    async with chain(Stage(), lambda _pcm, _ended: ()) as stt:
        with pytest.raises(BrokenStream):
            await listen(stt)


async def test_names_of_models_are_each_providers_own() -> None:
    stage = Stage()
    providers = [Provider("a", models={"best": "nova-3"}), Provider("b", models={"*": "base.en"})]
    async with company(
        stage,
        player(ScriptedRecogniser, stage, "a", dies(0, End())),
        player(ScriptedRecogniser, stage, "b", hears),
        child(FallbackRecogniser, providers, name="stt"),
    ) as system:
        async with system.ref("stt").open(Transcribe(model="best", language="en")) as call:
            await call.send(audio("hello"))
            call.finish()
            assert [transcript.text async for transcript in call][-1] == "hello"
    assert [(request.model, request.language) for _, request in stage.requests] == [("nova-3", "en"), ("base.en", "en")]


async def test_when_the_caller_leaves_every_handler_is_gone() -> None:
    stage = Stage()
    scripts = dies(5, ConnectionResetError()), dies(len(WORDS), Stall()), hears
    async with chain(stage, *scripts, patience=RecogniserPatience(final=0.1)) as stt:
        finals = 0
        for step in range(50):
            with move_on_after(step * 0.01):
                finals += (await listen(stt))[-1].final
            await sleep(0.001)
            assert stage.empty, step
            assert not stt.statistics().in_flight, step
        assert 0 < finals < 50
