"""Answers that are begun before the turn has ended: heard sooner where the guess was right, and no trace of others."""

from dataclasses import replace

import pytest
from anyio import create_task_group, current_time, sleep
from conversations import Caller, Script, conversation
from troupe.actors.contracts import ToolCall
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime import response_events as response
from troupe.actors.realtime import server_events as server
from troupe.actors.realtime.items import InputText, Message
from troupe.actors.realtime.session_config import Audio, AudioInput, RealtimeSession, ServerVad

pytestmark = pytest.mark.virtual

SILENCE = 0.5
SESSION = RealtimeSession(
    model="test", audio=Audio(input=AudioInput(turn_detection=ServerVad(silence_duration_ms=int(SILENCE * 1000))))
)
SCRIPT = Script(
    transcript="Hello, there!", partials={0.3: "hello", 0.6: "hello there"}, thinking=0.3, transcribing=0.05
)


def script(**changes: object) -> Script:
    return replace(SCRIPT, requests=[], cancelled=[], spoken=[], **changes)


async def pause_and_go_on(caller: Caller) -> None:
    await caller.speak(1.0)
    await caller.speak(0.3, loud=False)  # long enough to begin an answer, too short to end the turn
    await caller.speak(0.5)
    await caller.speak(0.8, loud=False)


async def time_to_answer(used: Script, *, speculate: bool) -> float:
    async with conversation(used, SESSION, speculate=speculate) as caller, create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        await caller.until(server.InputAudioBufferSpeechStopped)
        ended = current_time()
        await caller.until(response.ResponseOutputAudioDelta)
        taken = current_time() - ended
        done = await caller.until(response.ResponseDone)
        assert done.response.output[0].content[0].transcript == "One two three. Four five six."
        assert caller.tally.speculations_used == speculate
        tasks.cancel_scope.cancel()
    return taken


async def test_the_answer_is_heard_sooner() -> None:
    """As much sooner as the model thinks, as long as that is not more than the silence that ends a turn."""
    with_it, without = script(), script()
    late = await time_to_answer(without, speculate=False)
    soon = await time_to_answer(with_it, speculate=True)
    assert late == pytest.approx(0.05 + 0.3, abs=0.02)
    assert soon == pytest.approx(0.05, abs=0.02)
    assert len(with_it.requests) == len(without.requests) == 1
    assert with_it.spoken == without.spoken


async def test_when_the_user_goes_on_nothing_is_left_of_the_guess() -> None:
    used = script(answer=["I know."])
    async with conversation(used, SESSION, speculate=True) as caller, create_task_group() as tasks:
        tasks.start_soon(pause_and_go_on, caller)
        await caller.until(response.ResponseDone)
        tasks.cancel_scope.cancel()
    assert len(caller.all(response.ResponseCreated)) == len(caller.all(response.ResponseDone)) == 1
    assert caller.tally.speculations_discarded == 1
    assert caller.tally.speculations_used == 1
    assert [request.turns[-1].text for request in used.requests] == ["hello there", "hello there"]
    assert used.spoken == ["I know."]  # the first one was cancelled while the model was still thinking
    assert "llm" in used.cancelled


async def test_when_something_else_was_said_the_answer_is_made_afresh() -> None:
    used = script(transcript="hello bear", answer=["Said."])
    async with conversation(used, SESSION, speculate=True) as caller, create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        done = await caller.until(response.ResponseDone)
        tasks.cancel_scope.cancel()
    assert [request.turns[-1].text for request in used.requests] == ["hello there", "hello bear"]
    assert "".join(event.delta for event in caller.all(response.ResponseOutputAudioTranscriptDelta)) == "Said."
    assert done.response.output[0].content[0].transcript == "Said."
    assert (caller.tally.speculations_used, caller.tally.speculations_discarded) == (0, 1)
    heard = sum(len(event.delta) for event in caller.all(response.ResponseOutputAudioDelta))
    assert heard == 48_000 // 4  # one word, once


async def test_no_tool_is_called_on_a_guess() -> None:
    used = script(answer=[ToolCall("call_1", "pay", "{}")], thinking=0.0)
    async with conversation(used, SESSION, speculate=True) as caller, create_task_group() as tasks:
        tasks.start_soon(pause_and_go_on, caller)
        done = await caller.until(response.ResponseDone)
        tasks.cancel_scope.cancel()
    assert len(used.requests) == 2
    assert len(caller.all(response.ResponseFunctionCallArgumentsDone)) == 1
    assert [(item.name, item.call_id) for item in done.response.output] == [("pay", "call_1")]


@pytest.mark.parametrize("who", ["llm", "tts"])
async def test_a_guess_that_fails_is_no_failure(who: str) -> None:
    used = script(fail=who, thinking=0.0)
    async with conversation(used, SESSION, speculate=True) as caller, create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        await caller.until(server.InputAudioBufferSpeechStarted)
        await sleep(1.2)  # into the pause at the end
        used.fail = ""
        done = await caller.until(response.ResponseDone)
        tasks.cancel_scope.cancel()
    assert done.response.status == "completed"
    assert len(used.requests) == 2


async def test_what_the_client_changes_meanwhile_is_heeded() -> None:
    used = script()
    async with conversation(used, SESSION, speculate=True) as caller, create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        await caller.until(server.InputAudioBufferSpeechStarted)
        await sleep(1.2)  # into the pause at the end
        assert len(used.requests) == 1
        await caller.send(
            client.ConversationItemCreate(item=Message(role="system", content=(InputText(text="News."),)))
        )
        await caller.until(response.ResponseDone)
        tasks.cancel_scope.cancel()
    assert [turn.text for turn in used.requests[-1].turns] == ["News.", "Hello, there!"]
    assert caller.tally.speculations_discarded == 1


async def test_somebody_who_pauses_at_every_word_does_not_cost_a_request_each_time() -> None:
    used = script(thinking=5.0)

    async def stammer(caller: Caller) -> None:
        for _ in range(6):
            await caller.speak(0.3)
            await caller.speak(0.3, loud=False)
        await caller.speak(0.5, loud=False)

    used.partials = {0.2 + number * 0.6: "a" * (number + 1) for number in range(6)}
    async with conversation(used, SESSION, speculate=True) as caller, create_task_group() as tasks:
        tasks.start_soon(stammer, caller)
        await caller.until(response.ResponseDone)
        tasks.cancel_scope.cancel()
    assert len(used.requests) == 3 + 1


async def test_without_partial_transcripts_there_is_nothing_to_guess_from() -> None:
    used = script(partials={})
    async with conversation(used, SESSION, speculate=True) as caller, create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        await caller.until(response.ResponseDone)
        tasks.cancel_scope.cancel()
    assert len(used.requests) == 1
    assert caller.tally.speculations_used == caller.tally.speculations_discarded == 0
