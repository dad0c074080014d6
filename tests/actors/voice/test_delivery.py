"""How what a synthesizer says goes out: together what is there together, at once what comes alone, nothing lost."""

from typing import Any

import numpy as np
import pytest
from conversations import Caller, conversation
from troupe.actors.contracts import Ended, Generate, Speech, TextDelta
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime import response_events as response
from troupe.actors.realtime.session_config import RealtimeSession
from understudies import ScriptedModel, ScriptedRecogniser, ScriptedSynthesizer, Stage, Steps, player

pytestmark = pytest.mark.virtual

RATE = 24_000
CHUNK = RATE // 50
"""Samples of 20 ms."""


def says(*texts: str) -> Any:
    def answers(request: Generate) -> Steps:
        yield from map(TextDelta, texts)
        yield Ended("stop", 10, 5)

    return answers


def numbered(chunks: int, *, pause: float = 0.0) -> Any:
    """Speak each piece in so many chunks of 20 ms, each of another sample."""

    def speaks(number: int, text: str) -> Steps:
        for index in range(chunks):
            samples = np.full(CHUNK, 1000 * number + index + 1, np.int16)
            yield Speech(number, samples.tobytes(), RATE, last=index == chunks - 1)
            if pause:
                yield pause

    return speaks


async def answer(caller: Caller) -> list[Any]:
    await caller.send(client.ResponseCreate())
    await caller.until(response.ResponseDone)
    wanted = (response.ResponseOutputAudioDelta, response.ResponseOutputAudioTranscriptDelta)
    return [event for event in caller.events if isinstance(event, wanted)]


def talking(model: Any, synthesizer: Any) -> Any:
    stage = Stage()
    providers = (
        player(ScriptedRecogniser, stage, "stt", lambda *_: ()),
        player(ScriptedModel, stage, "llm", model),
        player(ScriptedSynthesizer, stage, "tts", synthesizer),
    )
    return conversation(session=RealtimeSession(model="test"), providers=providers)


def audio(events: list[Any]) -> list[np.ndarray]:
    deltas = [event.delta for event in events if isinstance(event, response.ResponseOutputAudioDelta)]
    return [np.frombuffer(delta, np.int16) for delta in deltas]


async def test_chunks_that_are_there_together_go_out_in_events_of_a_tenth_of_a_second() -> None:
    async with talking(says("One sentence."), numbered(23)) as caller:
        deltas = audio(await answer(caller))
    assert [len(delta) // CHUNK for delta in deltas] == [5, 5, 5, 5, 3]
    assert np.concatenate(deltas)[::CHUNK].tolist() == list(range(1, 24))


async def test_a_chunk_after_which_nothing_has_come_yet_goes_out_at_once() -> None:
    async with talking(says("One sentence."), numbered(7, pause=0.03)) as caller:
        deltas = audio(await answer(caller))
    assert [len(delta) // CHUNK for delta in deltas] == [1] * 7


async def test_an_event_holds_audio_of_one_piece_and_follows_its_text() -> None:
    async with talking(says("One sentence. ", "And another one."), numbered(3)) as caller:
        events = await answer(caller)
    told = [each.delta if isinstance(each.delta, str) else len(each.delta) // 2 // CHUNK for each in events]
    assert told == ["One sentence. ", 3, "And another one.", 3]
