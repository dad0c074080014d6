"""Every step of a turn has a deadline; a turn that can't be answered says so, and the session lives on."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from anyio import current_time, fail_after
from conversations import SECONDS_PER_WORD, TTS_RATE, Caller, conversation
from troupe.actors.contracts import Ended, Generate, Speech, TextDelta, Transcript
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime import response_events as response
from troupe.actors.realtime import server_events as server
from troupe.actors.realtime.session_config import Audio, AudioInput, RealtimeSession, Transcription
from troupe.actors.voice.patience import Patience
from understudies import End, ScriptedModel, ScriptedRecogniser, ScriptedSynthesizer, Stage, Stall, Steps, player

pytestmark = pytest.mark.virtual

ANSWER = "One two three four. Five six seven eight."
PATIENCE = Patience(transcript=3, first_token=4, between_tokens=2, answer=6, first_audio=5, between_audio=2.5, speech=7)
SESSION = RealtimeSession(
    model="test", audio=Audio(input=AudioInput(turn_detection=None, transcription=Transcription()))
)


def hears(pcm: bytes, ended: bool) -> Steps:
    if ended:
        yield Transcript("hello", final=True)


def answers(request: Generate) -> Steps:
    for word in ANSWER.split(" "):
        yield TextDelta(word + " ")
    yield Ended("stop", 10, 5)


def speaks(number: int, text: str) -> Steps:
    for _ in text.split():
        yield Speech(number, np.full(int(TTS_RATE * SECONDS_PER_WORD), 1000, np.int16).tobytes(), TTS_RATE)
    yield Speech(number, b"", TTS_RATE, last=True)


def after(steps: int, *what: Any) -> Callable[[Callable[..., Steps]], Callable[..., Steps]]:
    """Put something in after so many steps."""

    def change(script: Callable[..., Steps]) -> Callable[..., Steps]:
        def changed(*arguments: Any) -> Steps:
            for number, step in enumerate(script(*arguments)):
                if number == steps:
                    yield from what
                yield step

        return changed

    return change


def dripping(seconds: float) -> Callable[[Callable[..., Steps]], Callable[..., Steps]]:
    """Take so long for each step: never too long for one, too long for all."""

    def change(script: Callable[..., Steps]) -> Callable[..., Steps]:
        def changed(*arguments: Any) -> Steps:
            while True:
                for step in script(*arguments):
                    if not isinstance(step, Ended) and not (isinstance(step, Speech) and step.last):
                        yield seconds
                        yield step

        return changed

    return change


@asynccontextmanager
async def talking(**changes: Any) -> AsyncGenerator[tuple[Caller, Stage]]:
    """Open a session whose recogniser, model and synthesizer behave, but for the changes."""
    stage = Stage()
    scripts = {"stt": hears, "llm": answers, "tts": speaks}
    kinds = {"stt": ScriptedRecogniser, "llm": ScriptedModel, "tts": ScriptedSynthesizer}
    more = {name: value for name, value in changes.items() if name not in scripts}
    providers = tuple(
        player(kinds[name], stage, name, changes[name](script) if name in changes else script)
        for name, script in scripts.items()
    )
    async with conversation(session=SESSION, providers=providers, patience=PATIENCE, **more) as caller:
        yield caller, stage


async def ask(caller: Caller) -> Any:
    await caller.speak(0.5)
    await caller.send(client.InputAudioBufferCommit())
    await caller.send(client.ResponseCreate())
    created = await caller.until(response.ResponseCreated)
    start = current_time()
    done = await caller.until(response.ResponseDone, within=200)
    assert done.response.id == created.response.id
    return done.response, current_time() - start


LATE = {
    "transcript": ({"stt": after(0, Stall())}, 3, "transcription_failed"),
    "first token": ({"llm": after(0, Stall())}, 4, "provider_timeout"),
    "next token": ({"llm": after(2, Stall())}, 2, "provider_timeout"),
    "end of the answer": ({"llm": after(8, Stall())}, 2, "provider_timeout"),
    "first audio": ({"tts": after(0, Stall())}, 5, "provider_timeout"),
    "next audio": ({"tts": after(2, Stall())}, 2.5, "provider_timeout"),
    "a token at a time": ({"llm": dripping(1.5)}, 7.5, "provider_timeout"),
}


@pytest.mark.parametrize("case", LATE)
async def test_what_does_not_come_in_time_fails_the_turn_and_nothing_else(case: str) -> None:
    changes, seconds, code = LATE[case]
    async with talking(**changes) as (caller, stage):
        told, taken = await ask(caller)
        assert (told.status, told.status_details.error.code) == ("failed", code)
        assert seconds - 0.05 < taken < seconds + 8 * SECONDS_PER_WORD  # what came before that is spoken to its end
        await caller.send(client.ResponseCancel())  # the session lives
        await caller.until(server.ErrorEvent)
        assert stage.empty  # and the provider's work has ended, too
        assert caller.tally.failed == 1


async def test_a_recogniser_that_stops_listening_has_failed() -> None:
    """What it has heard so far is not what the user has said."""

    def leaves(pcm: bytes, ended: bool) -> Steps:
        yield Transcript("the beginning")
        yield End()

    async with talking(stt=lambda _: leaves) as (caller, _):
        await caller.speak(0.5)
        await caller.wait(0.1)
        await caller.send(client.InputAudioBufferCommit())
        failed = await caller.until(server.InputAudioTranscriptionFailed)
        assert failed.error.code == "transcription_failed"


async def test_speech_that_comes_slower_than_it_is_heard_ends() -> None:
    async with talking(tts=dripping(1.0)) as (caller, _):
        told, taken = await ask(caller)
        assert told.status_details.error.code == "provider_timeout"
        assert taken < 25
        text = "".join(event.delta for event in caller.all(response.ResponseOutputAudioTranscriptDelta))
        assert told.output[0].content[0].transcript == text


async def test_a_long_answer_that_waits_for_its_listener_is_not_late() -> None:
    """The model is far ahead of the voice, and has to wait longer than it would be waited for."""

    def long(_: Callable[..., Steps]) -> Callable[..., Steps]:
        def changed(request: Generate) -> Steps:
            for number in range(100):
                yield TextDelta(f"This is sentence number {number}. ")
            yield Ended("stop", 10, 5)

        return changed

    async with talking(llm=long) as (caller, _):
        told, taken = await ask(caller)
    assert told.status == "completed"
    assert taken > 100 > PATIENCE.answer + PATIENCE.speech


SORRY = "Sorry, please say that again."
BROKEN = {
    "before a word": ({"llm": after(0, ValueError("broke"))}, 1, ""),
    "not understood": ({"stt": after(0, ValueError("broke"))}, 1, ""),
    "in the middle": ({"llm": after(6, ValueError("broke"))}, 2, "One two three four. Five six"),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_the_assistant_says_that_it_can_not_answer(case: str) -> None:
    changes, messages, said = BROKEN[case]
    async with talking(**changes, spoken_fallback=SORRY) as (caller, _):
        told, _ = await ask(caller)
    assert told.status == "failed"
    assert "broke" not in told.status_details.error.message
    assert len(told.output) == messages
    sorry = told.output[-1]
    assert (sorry.status, sorry.content[0].transcript) == ("completed", SORRY)
    if said:
        assert told.output[0].content[0].transcript.strip() == said
        assert told.output[0].status == "incomplete"
    audio = sum(len(e.delta) for e in caller.all(response.ResponseOutputAudioDelta) if e.item_id == sorry.id)
    assert audio / 48_000 == pytest.approx(len(SORRY.split()) * SECONDS_PER_WORD)


async def test_if_it_is_the_voice_that_fails_nothing_is_said_and_it_is_told_once() -> None:
    async with talking(tts=after(0, ValueError("broke")), spoken_fallback=SORRY) as (caller, _):
        told, _ = await ask(caller)
        assert (told.status, told.output) == ("failed", ())
        assert len(caller.all(response.ResponseDone)) == 1
        await caller.send(client.ResponseCancel())
        await caller.until(server.ErrorEvent)


async def test_the_user_may_interrupt_the_apology() -> None:
    async with talking(llm=after(0, ValueError("broke")), spoken_fallback="word " * 40) as (caller, stage):
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseOutputAudioDelta)
        await caller.send(client.ResponseCancel())
        done = await caller.until(response.ResponseDone, within=1)
        assert len(caller.all(response.ResponseDone)) == 1
        assert done.response.status == "failed"
    assert stage.empty


async def test_a_client_that_does_not_read_ends_its_session() -> None:
    """The gateway's deadline for a frame comes first; here is what holds without a gateway."""

    def endless(_: Callable[..., Steps]) -> Callable[..., Steps]:
        def changed(request: Generate) -> Steps:
            while True:
                yield TextDelta("This is a sentence. ")

        return changed

    async with talking(llm=endless, lead=1000.0) as (caller, stage):
        await caller.send(client.ResponseCreate())
        with fail_after(300):
            while "llm" not in stage.cancelled:
                await caller.wait(1)
    assert stage.empty
