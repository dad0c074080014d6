"""A provider dies in the middle of a turn, and the client hears and reads one whole answer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from anyio import create_task_group, current_time
from conversations import RATE, SECONDS_PER_WORD, TTS_RATE, Caller, conversation
from troupe.actors.contracts import Ended, Generate, Speech, TextDelta, Transcript, Word
from troupe.actors.errors import RateLimited
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime import response_events as response
from troupe.actors.realtime import server_events as server
from troupe.actors.realtime.items import OutputAudio
from troupe.actors.realtime.session_config import Audio, AudioInput, RealtimeSession, Transcription
from troupe.actors.routing import FallbackModel, FallbackRecogniser, FallbackSynthesizer, Provider
from troupe.runtime import child
from troupe.runtime.specs import ActorSpec
from understudies import (
    Crash,
    ScriptedModel,
    ScriptedRecogniser,
    ScriptedSynthesizer,
    Stage,
    Stall,
    Steps,
    player,
)

pytestmark = pytest.mark.virtual

QUESTION = "how high is the tower"
ANSWER = "The tower is 330 metres high, with its antennas. It was built in 1889 for a world's fair. Ask me more!"
WORDS = ANSWER.split()
SESSION = RealtimeSession(model="test", audio=Audio(input=AudioInput(transcription=Transcription())))


def hears(pcm: bytes, ended: bool) -> Steps:
    if ended:
        yield Transcript(QUESTION, final=True)
    elif len(pcm) > 30_000:
        yield Transcript(QUESTION)
    elif len(pcm) > 20_000:
        yield Transcript("how high")


def answers(request: Generate) -> Steps:
    for start in range(0, len(ANSWER), 4):
        yield TextDelta(ANSWER[start : start + 4])
        yield 0.005
    yield Ended("stop", 10, 25)


def continues(request: Generate) -> Steps:
    said = request.turns[-1].text if request.turns[-1].role == "assistant" else ""
    yield TextDelta(ANSWER[len(said) :])
    yield Ended("stop", 10, 25)


def speaks(number: int, text: str) -> Steps:
    for place, word in enumerate(text.split()):
        pcm = np.full(int(TTS_RATE * SECONDS_PER_WORD), 100 * (1 + WORDS.index(word)), np.int16)
        start = place * SECONDS_PER_WORD
        yield Speech(number, pcm.tobytes(), TTS_RATE, (Word(word, start, start + SECONDS_PER_WORD),))
    yield Speech(number, b"", TTS_RATE, last=True)


def dies(script: Callable[..., Steps], steps: int, how: Any) -> Callable[..., Steps]:
    """Do so many steps, and fail."""
    left = steps

    def dying(*arguments: Any) -> Steps:
        nonlocal left
        for step in script(*arguments):
            if left == 0:
                yield how
            left -= 1
            yield step

    return dying


def troupe(stage: Stage, stt: list[Any], llm: list[Any], tts: list[Any]) -> tuple[ActorSpec, ...]:
    specs: list[ActorSpec] = []
    for name, kind, router, scripts in (
        ("stt", ScriptedRecogniser, FallbackRecogniser, stt),
        ("llm", ScriptedModel, FallbackModel, llm),
        ("tts", ScriptedSynthesizer, FallbackSynthesizer, tts),
    ):
        paths = [f"{name}-{number}" for number in range(len(scripts))]
        specs += [player(kind, stage, path, script) for path, script in zip(paths, scripts, strict=True)]
        specs.append(child(router, [Provider(path) for path in paths], name=name))
    return tuple(specs)


def spoken_words(caller: Caller) -> list[str]:
    audio = b"".join(event.delta for event in caller.all(response.ResponseOutputAudioDelta))
    words = np.frombuffer(audio, np.int16)[RATE // 8 :: RATE // 4]  # the middle of each
    return [WORDS[round(level / 100) - 1] for level in words.tolist()]


async def one_turn(providers: tuple[ActorSpec, ...], *, speculate: bool) -> Caller:
    async with (
        conversation(session=SESSION, providers=providers, speculate=speculate) as caller,
        create_task_group() as tasks,
    ):
        tasks.start_soon(caller.say_something)
        await caller.until(response.ResponseDone)
    return caller


FAULTS = {"crash": lambda: Crash(), "stall": lambda: Stall()}


STEPS = {
    "stt": range(0, 20, 3),  # partial transcripts, and the final one
    "llm": range(0, 54, 5),  # tokens, and the time between them
    "tts": range(0, 24, 3),  # words, and the ends of pieces
    "all": range(0, 24, 4),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("who", STEPS)
async def test_a_response_survives_the_death_of_its_providers_wherever_that_is(who: str, fault: str) -> None:
    """Nothing is lost and nothing said twice, also where the answer is begun before the turn has ended."""
    for number, steps in enumerate(STEPS[who]):
        how, stage = FAULTS[fault](), Stage()
        stt, llm, tts = [hears], [answers], [speaks]
        if who in ("stt", "all"):
            stt = [dies(hears, steps, how), hears]
        if who in ("llm", "all"):
            llm = [dies(answers, steps, how), answers if number % 2 else continues]
        if who in ("tts", "all"):
            tts = [dies(speaks, steps, how), speaks]
        speculate = bool(number % 2) and who in ("llm", "tts")
        caller = await one_turn(troupe(stage, stt, llm, tts), speculate=speculate)

        done = caller.events[-1].response
        assert done.status == "completed", steps
        assert done.output[0].content == (OutputAudio(transcript=ANSWER),), steps
        assert "".join(event.delta for event in caller.all(response.ResponseOutputAudioTranscriptDelta)) == ANSWER
        assert spoken_words(caller) == WORDS, steps
        assert [event.transcript for event in caller.all(server.InputAudioTranscriptionCompleted)] == [QUESTION]
        for path, scripts in (("stt", stt), ("llm", llm), ("tts", tts)):
            asked = [name for name, _ in stage.requests if name.startswith(path)]
            assert asked == [f"{path}-{n}" for n in range(len(scripts))], steps
        assert caller.tally.speculations_used == speculate
        assert stage.empty


@pytest.mark.parametrize(("who", "most"), [("llm", 1.5), ("tts", 2.0)])
async def test_the_client_hears_on_after_the_deadline_of_a_silent_provider(who: str, most: float) -> None:
    """Before the first token or audio; up to the lead the client still has something to play meanwhile."""

    async def first_audio(llm: list[Any], tts: list[Any]) -> float:
        providers = troupe(Stage(), [hears], llm, tts)
        async with (
            conversation(session=SESSION, providers=providers) as caller,
            create_task_group() as tasks,
        ):
            tasks.start_soon(caller.say_something)
            await caller.until(server.InputAudioBufferSpeechStopped)
            start = current_time()
            await caller.until(response.ResponseOutputAudioDelta)
            tasks.cancel_scope.cancel()
            return current_time() - start

    well = await first_audio([answers], [speaks])
    silent: Callable[..., Steps] = lambda *_: [Stall()]  # noqa: E731
    ill = await first_audio(
        [silent, answers] if who == "llm" else [answers], [silent, speaks] if who == "tts" else [speaks]
    )
    assert ill - well == pytest.approx(most, abs=0.02)


async def test_if_no_provider_is_left_the_client_is_told_why_and_keeps_what_it_got() -> None:
    stage = Stage()
    broken = [dies(answers, 30, how) for how in (Crash(), RateLimited("x", "what the user said"))]
    async with conversation(
        session=SESSION, providers=troupe(stage, [hears], broken, [speaks]), speculate=False
    ) as caller:
        async with create_task_group() as tasks:
            tasks.start_soon(caller.say_something)
            done = await caller.until(response.ResponseDone)
        assert done.response.status == "failed"
        error = done.response.status_details.error
        assert error.code == "rate_limited"
        assert error.message == RateLimited.public
        await caller.send(client.ResponseCancel())  # the session lives
        await caller.until(server.ErrorEvent)
