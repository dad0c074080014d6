"""What a client of a voice session lives through, in virtual time."""

import pytest
from anyio import create_task_group, current_time, sleep
from conversations import SECONDS_PER_WORD, Script, conversation
from troupe.actors.contracts import ToolCall
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime import response_events as response
from troupe.actors.realtime import server_events as server
from troupe.actors.realtime.items import FunctionCallOutput, InputText, Message, OutputAudio
from troupe.actors.realtime.responses import ResponseOptions
from troupe.actors.realtime.session_config import (
    Audio,
    AudioInput,
    AudioOutput,
    Pcmu,
    RealtimeSession,
    Transcription,
    TranscriptionSession,
)
from troupe.actors.voice.patience import Patience

pytestmark = pytest.mark.virtual

MANUAL = RealtimeSession(model="test", audio=Audio(input=AudioInput(turn_detection=None)))


async def test_a_turn_brings_its_events_in_the_order_that_clients_depend_on() -> None:
    async with conversation() as caller, create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        await caller.until(response.ResponseDone)
        names = caller.names(1)
    without_audio = [n for n in names if not n.endswith(("AudioDelta", "TranscriptDelta"))]
    assert without_audio == [
        "ConversationCreated",
        "InputAudioBufferSpeechStarted",
        "InputAudioBufferSpeechStopped",
        "InputAudioBufferCommitted",
        "ConversationItemAdded",
        "ConversationItemDone",
        "ResponseCreated",
        "ResponseOutputItemAdded",
        "ConversationItemAdded",
        "ResponseContentPartAdded",
        "ResponseOutputAudioDone",
        "ResponseOutputAudioTranscriptDone",
        "ResponseContentPartDone",
        "ConversationItemDone",
        "ResponseOutputItemDone",
        "ResponseDone",
    ]
    done = caller.events[-1]
    assert done.response.status == "completed"
    usage = done.response.usage
    assert (usage.input_token_details.text_tokens, usage.output_token_details.text_tokens) == (10, 5)
    assert (usage.input_token_details.audio_tokens, usage.output_token_details.audio_tokens) == (12, 30)  # 1.2 s, 1.5 s
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (22, 35, 57)
    assert done.response.output[0].content == (OutputAudio(transcript="One two three. Four five six."),)


async def test_a_turn_ends_too_when_the_client_stops_sending() -> None:
    async with conversation() as caller, create_task_group() as tasks:
        tasks.start_soon(caller.speak, 1.0)  # and then nothing, not even silence
        stopped = await caller.until(server.InputAudioBufferSpeechStopped)
        assert stopped.audio_end_ms == pytest.approx(1000, abs=40)
        await caller.until(response.ResponseDone)


async def test_the_model_hears_what_was_said_and_the_recogniser_all_of_it() -> None:
    script = Script(transcript="what time is it")
    session = RealtimeSession(model="test", instructions="Be brief.")
    async with conversation(script, session) as caller, create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        await caller.until(response.ResponseDone)
    turns = script.requests[0].turns
    assert [(turn.role, turn.text) for turn in turns] == [("system", "Be brief."), ("user", "what time is it")]
    assert script.seconds_heard == pytest.approx(1.2, abs=0.1)  # speech and the silence that ended it: no syllable lost


async def test_audio_is_sent_ahead_of_its_playback_but_not_further_than_the_lead() -> None:
    async with conversation(Script(answer=["word " * 40]), lead=0.5) as caller, create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        await caller.until(response.ResponseOutputAudioDelta)
        start, sent = current_time(), len(caller.events[-1].delta)
        while not caller.all(response.ResponseOutputAudioDone):
            await caller.until((response.ResponseOutputAudioDelta, response.ResponseOutputAudioDone))
            if isinstance(caller.events[-1], response.ResponseOutputAudioDelta):
                sent += len(caller.events[-1].delta)
                ahead = sent / 48_000 - (current_time() - start)
                assert ahead <= 0.5 + SECONDS_PER_WORD + 0.01
    assert sent / 48_000 == pytest.approx(40 * SECONDS_PER_WORD, abs=0.01)


async def test_speech_interrupts_the_answer_and_history_keeps_what_was_heard() -> None:
    script = Script(answer=["One two three four five six seven eight nine ten."])
    async with conversation(script, lead=0.2) as caller, create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        await caller.until(response.ResponseOutputAudioDelta)
        await sleep(1.0)  # the fifth word is being heard when the interruption is noticed

        tasks.start_soon(caller.say_something)
        started = await caller.until(server.InputAudioBufferSpeechStarted)
        done = await caller.until(response.ResponseDone)
        assert done.response.status == "cancelled"
        assert done.response.status_details.reason == "turn_detected"
        assert done.response.output[0].status == "incomplete"
        after = caller.names()[caller.events.index(started) :]
        assert "ResponseOutputAudioDelta" not in after

        await caller.until(response.ResponseCreated)
        script.answer = ["Yes."]
        await caller.until(response.ResponseDone)
    heard = [turn.text for turn in script.requests[1].turns if turn.role == "assistant"]
    assert heard == ["One two three four"]


async def test_truncating_cuts_the_conversation_to_what_the_client_played() -> None:
    script = Script(answer=["One two three four."])
    async with conversation(script) as caller, create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        done = await caller.until(response.ResponseDone)
        item = done.response.output[0].id
        await caller.send(client.ConversationItemTruncate(item_id=item, content_index=0, audio_end_ms=600))
        truncated = await caller.until(server.ConversationItemTruncated)
        assert truncated.audio_end_ms == 600
        await caller.send(client.ConversationItemTruncate(item_id=item, content_index=0, audio_end_ms=999_999))
        refused = await caller.until(server.ErrorEvent)
        assert refused.error.type == "invalid_request_error"
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseDone)
    assert [turn.text for turn in script.requests[1].turns if turn.role == "assistant"] == ["One two"]


async def test_a_client_may_end_turns_itself() -> None:
    script = Script()
    async with conversation(script, MANUAL) as caller:
        await caller.send(client.InputAudioBufferCommit(event_id="mine"))
        refused = await caller.until(server.ErrorEvent)
        assert (refused.error.code, refused.error.event_id) == ("input_audio_buffer_commit_empty", "mine")
        await caller.speak(0.5)
        await caller.send(client.InputAudioBufferCommit())
        await caller.until(server.ConversationItemDone)
        assert "ResponseCreated" not in caller.names()
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseDone)
    assert script.requests[0].turns[-1].text == "hello there"
    assert script.seconds_heard == pytest.approx(0.5, abs=0.01)


async def test_clearing_throws_away_what_was_said() -> None:
    async with conversation(session=MANUAL) as caller:
        await caller.speak(0.5)
        await caller.send(client.InputAudioBufferClear())
        await caller.until(server.InputAudioBufferCleared)
        await caller.send(client.InputAudioBufferCommit())
        await caller.until(server.ErrorEvent)


async def test_text_in_text_out() -> None:
    script = Script(answer=["Good", " day."])
    session = RealtimeSession(model="test", output_modalities=("text",))
    async with conversation(script, session) as caller:
        item = Message(role="user", content=(InputText(text="hi"),))
        await caller.send(client.ConversationItemCreate(item=item))
        added = await caller.until(server.ConversationItemAdded)
        assert added.item.id == item.id
        await caller.send(client.ResponseCreate())
        done = await caller.until(response.ResponseDone)
        assert [event.delta for event in caller.all(response.ResponseOutputTextDelta)] == ["Good", " day."]
        assert done.response.output[0].content[0].text == "Good day."
        assert not caller.all(response.ResponseOutputAudioDelta)


async def test_a_tool_is_called_and_its_result_goes_to_the_model() -> None:
    script = Script(answer=[ToolCall("call_1", "clock", '{"zone":"UTC"}')])
    async with conversation(script, MANUAL) as caller:
        await caller.send(client.ConversationItemCreate(item=Message(role="user", content=(InputText(text="time?"),))))
        await caller.send(client.ResponseCreate())
        done = await caller.until(response.ResponseDone)
        call = done.response.output[0]
        assert (call.name, call.arguments, call.call_id) == ("clock", '{"zone":"UTC"}', "call_1")
        assert caller.all(response.ResponseFunctionCallArgumentsDone)[0].name == "clock"
        await caller.send(client.ConversationItemCreate(item=FunctionCallOutput(call_id="call_1", output="noon")))
        script.answer = ["It is noon."]
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseDone)
    assert [turn.role for turn in script.requests[1].turns] == ["user", "assistant", "tool"]
    assert script.requests[1].turns[1].tool_calls[0].name == "clock"
    assert script.requests[1].turns[2].text == "noon"


async def test_a_response_out_of_band_leaves_the_conversation_alone() -> None:
    script = Script(answer=["Aside."])
    async with conversation(script, MANUAL) as caller:
        options = ResponseOptions(
            conversation="none",
            output_modalities=("text",),
            input=(),
            instructions="Classify.",
            metadata={"topic": "x"},
        )
        await caller.send(client.ResponseCreate(response=options))
        done = await caller.until(response.ResponseDone)
        assert done.response.conversation_id is None
        assert done.response.metadata == {"topic": "x"}
        assert "ConversationItemAdded" not in caller.names()
    assert [turn.text for turn in script.requests[0].turns] == ["Classify."]


async def test_one_response_at_a_time_and_cancelling_ends_it() -> None:
    script = Script(answer=["word " * 100])
    async with conversation(script, MANUAL) as caller:
        await caller.send(client.ResponseCancel())
        nothing = await caller.until(server.ErrorEvent)
        assert nothing.error.code == "response_cancel_not_active"
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseOutputAudioDelta)
        await caller.send(client.ResponseCreate())
        active = await caller.until(server.ErrorEvent)
        assert active.error.code == "conversation_already_has_active_response"
        await caller.send(client.ResponseCancel())
        done = await caller.until(response.ResponseDone)
        assert done.response.status_details.reason == "client_cancelled"


async def test_another_response_may_be_asked_for_in_one_breath_with_cancelling_the_first() -> None:
    script = Script(answer=["word " * 100])
    async with conversation(script, MANUAL) as caller:
        await caller.send(client.ResponseCreate())
        first = await caller.until(response.ResponseOutputAudioDelta)
        await caller.send(client.ResponseCancel())
        script.answer = ["Yes."]
        await caller.send(client.ResponseCreate())
        done = await caller.until(response.ResponseDone)
        assert (done.response.id, done.response.status) == (first.response_id, "cancelled")
        created = await caller.until(response.ResponseCreated)
        assert created.response.id != first.response_id
        done = await caller.until(response.ResponseDone)
        assert done.response.status == "completed"
        assert "ErrorEvent" not in caller.names()


async def test_transcripts_are_told_if_the_client_wants_them() -> None:
    session = RealtimeSession(model="test", audio=Audio(input=AudioInput(transcription=Transcription())))
    async with conversation(session=session) as caller, create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        completed = await caller.until(server.InputAudioTranscriptionCompleted)
        assert completed.transcript == "hello there"
        assert completed.usage.seconds == pytest.approx(1.2, abs=0.1)
        committed = caller.all(server.InputAudioBufferCommitted)[0]
        assert completed.item_id == committed.item_id
        await caller.until(response.ResponseDone)


async def test_a_transcription_session_gives_no_answers() -> None:
    async with conversation(session=TranscriptionSession()) as caller, create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        await caller.until(server.ConversationItemDone)
        await caller.send(client.ResponseCreate())
        await caller.until(server.ErrorEvent)
    assert not caller.script.requests


async def test_telephone_audio_goes_both_ways() -> None:
    session = RealtimeSession(
        model="test",
        audio=Audio(input=AudioInput(format=Pcmu(), turn_detection=None), output=AudioOutput(format=Pcmu())),
    )
    async with conversation(Script(answer=["One two."]), session) as caller:
        for _ in range(25):
            await caller.send(client.InputAudioBufferAppend(audio=b"\x10" * 160))
        await caller.send(client.InputAudioBufferCommit())
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseDone)
    assert caller.script.seconds_heard == pytest.approx(0.5, abs=0.01)
    sent = sum(len(event.delta) for event in caller.all(response.ResponseOutputAudioDelta))
    assert sent / 8000 == pytest.approx(2 * SECONDS_PER_WORD, abs=0.01)


@pytest.mark.parametrize("who", ["stt", "llm", "tts"])
@pytest.mark.parametrize("how", ["fail", "stall"])
async def test_a_turn_that_can_not_be_answered_says_so_and_the_session_lives_on(who: str, how: str) -> None:
    script = Script(**{how: who})
    patience = Patience(transcript=2, first_token=2, first_audio=2)
    async with conversation(script, MANUAL, patience=patience) as caller:
        await caller.speak(0.5)
        await caller.send(client.InputAudioBufferCommit())
        await caller.send(client.ResponseCreate())
        done = await caller.until(response.ResponseDone)
        assert done.response.status == "failed"
        assert "broke" not in done.response.status_details.error.message
        await sleep(0.1)
        if how == "stall":
            assert who in script.cancelled  # the provider's work was cancelled, too
        script.fail = script.stall = ""
        await caller.send(client.ConversationItemCreate(item=Message(role="user", content=(InputText(text="again"),))))
        await caller.send(client.ResponseCreate())
        done = await caller.until(response.ResponseDone)
        assert done.response.status == "completed"


async def test_items_are_created_retrieved_and_deleted() -> None:
    async with conversation(session=MANUAL) as caller:
        first = Message(id="first", role="user", content=(InputText(text="a"),))
        await caller.send(client.ConversationItemCreate(item=first))
        await caller.send(client.ConversationItemCreate(item=first))
        refused = await caller.until(server.ErrorEvent)
        assert refused.error.code == "item_create_invalid_item_id" or refused.error.code
        root = Message(id="root_item", role="user", content=(InputText(text="b"),))
        await caller.send(client.ConversationItemCreate(item=root, previous_item_id="root"))
        added = await caller.until(server.ConversationItemAdded)
        assert added.previous_item_id is None
        await caller.send(client.ConversationItemRetrieve(item_id="first"))
        assert (await caller.until(server.ConversationItemRetrieved)).item == first
        await caller.send(client.ConversationItemDelete(item_id="first"))
        await caller.until(server.ConversationItemDeleted)
        await caller.send(client.ConversationItemDelete(item_id="first"))
        await caller.until(server.ErrorEvent)
        await caller.send(client.ConversationItemCreate(item=first))  # its id is free again
        await caller.until(server.ConversationItemDone)
