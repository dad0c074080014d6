"""Each event of the protocol as it comes about in a session, in the order that clients depend on.

`conversations.Grammar` checks in all tests of sessions what holds for every event; here are the sequences.
"""

import numpy as np
import pytest
from anyio import create_task_group, current_time, sleep
from conversations import RATE, SECONDS_PER_WORD, Caller, Script, conversation
from troupe.actors.contracts import ImagePart, TextPart, ToolCall
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime import response_events as response
from troupe.actors.realtime import server_events as server
from troupe.actors.realtime.items import (
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    ItemReference,
    Message,
    OutputAudio,
    OutputText,
)
from troupe.actors.realtime.responses import AudioOptions, OutputOptions, ResponseOptions
from troupe.actors.realtime.session_config import (
    Audio,
    AudioInput,
    AudioOutput,
    Pcmu,
    RealtimeSession,
    ServerVad,
    Transcription,
    TranscriptionAudio,
    TranscriptionAudioInput,
    TranscriptionSession,
)
from troupe.actors.voice.interruption import Interruption
from troupe.codecs.audio_format import G711_ULAW, PCM16

pytestmark = pytest.mark.virtual

MANUAL = RealtimeSession(model="test", audio=Audio(input=AudioInput(turn_detection=None)))
TEXT = RealtimeSession(model="test", output_modalities=("text",), audio=Audio(input=AudioInput(turn_detection=None)))
LOUD = np.full(RATE, 8000, np.int16)
QUIET = np.zeros(RATE, np.int16)


def user(text: str, item_id: str = "question") -> client.ConversationItemCreate:
    return client.ConversationItemCreate(item=Message(id=item_id, role="user", content=(InputText(text=text),)))


def told(script: Script, request: int = -1) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in script.requests[request].turns]


async def refusal(caller: Caller, event: client.ClientEvent) -> str | None:
    await caller.send(event)
    return (await caller.until(server.ErrorEvent)).error.code


# -- the session -------------------------------------------------------------------------------------------------------


async def test_every_update_is_answered_with_the_whole_session_and_a_wrong_one_changes_nothing() -> None:
    async with conversation() as caller:
        agents = {
            "type": "realtime",
            "model": "gpt-realtime",
            "audio": {
                "input": {
                    "transcription": {"model": "gpt-4o-mini-transcribe"},
                    "turn_detection": {"type": "semantic_vad", "interrupt_response": True},
                },
                "output": {"voice": "ash"},
            },
        }
        await caller.send(client.SessionUpdate(session=agents))
        session = (await caller.until(server.SessionUpdated)).session
        assert session.audio.input.turn_detection.interrupt_response
        assert session.audio.output.voice == "ash"
        assert session.model == "test"
        wrong = {"type": "realtime", "instructions": "Be brief.", "audio": {"output": {"speed": 9}}}
        assert await refusal(caller, client.SessionUpdate(session=wrong)) == "decimal_above_max_value"
        await caller.send(client.SessionUpdate(session={"type": "realtime", "tracing": "auto"}))
        session = (await caller.until(server.SessionUpdated)).session
        assert (session.instructions, session.tracing) == ("", "auto")


async def test_an_update_during_a_response_holds_from_the_next_one_on_but_for_the_voice() -> None:
    script = Script()
    async with conversation(script, MANUAL) as caller:
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseOutputAudioDelta)
        new_voice = client.SessionUpdate(session={"type": "realtime", "audio": {"output": {"voice": "echo"}}})
        assert await refusal(caller, new_voice) == "cannot_update_voice"
        update = {"type": "realtime", "instructions": "Be brief.", "audio": {"output": {"speed": 1.25}}}
        await caller.send(client.SessionUpdate(session=update))
        await caller.until(response.ResponseDone)
        await caller.send(user("go on"))
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseDone)
    assert [request.turns[0].text if request.turns else "" for request in script.requests] == ["", "Be brief."]
    assert [voice.speed for voice in script.voices] == [1.0, 1.25]


async def test_tools_of_servers_that_are_not_called_are_told_as_failed() -> None:
    async with conversation(session=TEXT) as caller:
        tool = {"type": "mcp", "server_label": "files", "server_url": "https://files.test"}
        for _ in range(2):  # once for each server
            await caller.send(client.SessionUpdate(session={"type": "realtime", "tools": [tool]}))
        for _ in range(2):
            await caller.until(server.SessionUpdated)
        names = caller.names(2)
        assert names == ["SessionUpdated", "McpListToolsInProgress", "McpListToolsFailed", "SessionUpdated"]
        failed = caller.all(response.McpListToolsFailed)[0]
        assert failed.item_id == caller.all(response.McpListToolsInProgress)[0].item_id


# -- transcription -----------------------------------------------------------------------------------------------------

PARTIALS = {
    0.3: "what",
    0.5: "what I",
    0.7: "what time is",
    0.9: "what time is",
    1.1: "what time is it",
    1.2: "what time is it",
}


def transcribing(kind: type = RealtimeSession) -> RealtimeSession | TranscriptionSession:
    if kind is TranscriptionSession:
        return TranscriptionSession(
            audio=TranscriptionAudio(input=TranscriptionAudioInput(transcription=Transcription()))
        )
    return RealtimeSession(model="test", audio=Audio(input=AudioInput(transcription=Transcription())))


@pytest.mark.parametrize("kind", [TranscriptionSession, RealtimeSession])
async def test_deltas_come_while_the_user_speaks_and_add_up_to_the_transcript(kind: type) -> None:
    """In a conversation not before the item is there: its clients look it up."""
    script = Script(transcript="what time is it now", partials=PARTIALS)
    async with conversation(script, transcribing(kind)) as caller, create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        completed = await caller.until(server.InputAudioTranscriptionCompleted)
        tasks.cancel_scope.cancel()
    deltas = caller.all(server.InputAudioTranscriptionDelta)
    assert len(deltas) > 1
    assert "".join(event.delta for event in deltas) == completed.transcript == "what time is it now"
    assert {event.item_id for event in deltas} == {completed.item_id}
    names = caller.names()
    early = names.index("InputAudioTranscriptionDelta") < names.index("InputAudioBufferCommitted")
    assert early is (kind is TranscriptionSession)
    assert completed.usage.seconds > 1


async def test_words_that_are_taken_back_too_late_are_put_right_by_the_end() -> None:
    script = Script(transcript="two bees", partials={0.3: "to be o", 0.4: "to be or", 0.5: "to be or not"})
    async with conversation(script, transcribing(TranscriptionSession)) as caller:
        async with create_task_group() as tasks:
            tasks.start_soon(caller.say_something)
            completed = await caller.until(server.InputAudioTranscriptionCompleted)
            tasks.cancel_scope.cancel()
    assert "".join(event.delta for event in caller.all(server.InputAudioTranscriptionDelta)) == "to be "
    assert completed.transcript == "two bees"


async def test_what_can_not_be_written_down_is_told_as_failed() -> None:
    async with conversation(Script(fail="stt"), transcribing()) as caller, create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        failed = await caller.until(server.InputAudioTranscriptionFailed)
        assert failed.item_id == caller.all(server.InputAudioBufferCommitted)[0].item_id
        assert (failed.error.type, failed.error.code) == ("server_error", "transcription_failed")
        done = await caller.until(response.ResponseDone)
        assert done.response.status_details.error.code == "transcription_failed"
        tasks.cancel_scope.cancel()


async def test_noise_is_a_turn_without_an_answer() -> None:
    script = Script(transcript="")
    async with conversation(script) as caller, create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        done = await caller.until(response.ResponseDone)
        tasks.cancel_scope.cancel()
    assert (done.response.status, done.response.output) == ("completed", ())
    assert not script.requests


# -- the input buffer --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sends", [True, False], ids=["silence", "nothing"])
async def test_silence_that_lasts_is_a_turn(sends: bool) -> None:
    detection = ServerVad(silence_duration_ms=300, idle_timeout_ms=5000)
    session = RealtimeSession(model="test", audio=Audio(input=AudioInput(turn_detection=detection)))
    script = Script(answer=["Are you there?"])
    async with conversation(script, session) as caller, create_task_group() as tasks:

        async def speak_and_wait() -> None:
            await caller.say_something()
            await caller.speak(20 if sends else 0, loud=False)

        tasks.start_soon(speak_and_wait)
        await caller.until(response.ResponseDone)
        done = current_time()
        since = len(caller.events)
        triggered = await caller.until(server.InputAudioBufferTimeoutTriggered)
        assert current_time() - done == pytest.approx(5.4, abs=0.3)  # some of the lead is played first
        await caller.until(response.ResponseDone)
        tasks.cancel_scope.cancel()
    names = [name for name in caller.names(since) if not name.endswith("Delta")]
    assert names[:5] == [
        "InputAudioBufferTimeoutTriggered",
        "InputAudioBufferCommitted",
        "ConversationItemAdded",
        "ConversationItemDone",
        "ResponseCreated",
    ]
    assert triggered.item_id == caller.all(server.InputAudioBufferCommitted)[-1].item_id
    assert triggered.audio_end_ms - triggered.audio_start_ms == pytest.approx(5000 if sends else 0, abs=200)


async def test_a_recording_sent_at_once_is_heard_at_its_own_pace() -> None:
    """Two questions and the silence after them in one event: two turns, each with all of its own audio."""
    heard: list[float] = []
    script = Script(answer=["Yes."])
    async with conversation(script, interruption=Interruption(speech=0), recordings=2**20) as caller:
        recording = np.concatenate((QUIET, LOUD, LOUD, QUIET, LOUD, LOUD, LOUD, QUIET))
        await caller.send(client.InputAudioBufferAppend(audio=recording.tobytes()))
        for _ in range(2):
            await caller.until(server.InputAudioBufferSpeechStopped)
            await caller.until(server.ConversationItemDone)
        for started in caller.all(server.InputAudioBufferSpeechStarted):
            await caller.send(client.ConversationItemRetrieve(item_id=started.item_id))
            item = (await caller.until(server.ConversationItemRetrieved)).item
            heard.append(len(item.content[0].audio) / 48_000)
    starts = [event.audio_start_ms for event in caller.all(server.InputAudioBufferSpeechStarted)]
    assert starts == pytest.approx([700, 3700], abs=40)
    assert heard == pytest.approx([0.3 + 2 + 0.2, 0.3 + 3 + 0.2], abs=0.05)


async def test_positions_go_on_counting_while_the_client_ends_turns_itself() -> None:
    async with conversation(session=MANUAL) as caller:
        await caller.speak(1.0, loud=False)
        await caller.send(client.InputAudioBufferClear())
        on = {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad"}}}}
        await caller.send(client.SessionUpdate(session=on))
        await caller.until(server.SessionUpdated)
        await caller.speak(1.0, loud=False)
        async with create_task_group() as tasks:
            tasks.start_soon(caller.say_something)
            started = await caller.until(server.InputAudioBufferSpeechStarted)
            stopped = await caller.until(server.InputAudioBufferSpeechStopped)
            tasks.cancel_scope.cancel()
    assert started.audio_start_ms == pytest.approx(1700, abs=40)
    assert stopped.audio_end_ms == pytest.approx(3200, abs=40)


async def test_a_commit_ends_the_turn_that_is_under_way_with_all_its_audio() -> None:
    script = Script()
    async with conversation(script) as caller:
        await caller.speak(0.7)
        await caller.send(client.InputAudioBufferCommit())
        committed = await caller.until(server.InputAudioBufferCommitted)
        assert committed.item_id == caller.all(server.InputAudioBufferSpeechStarted)[0].item_id
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseDone)
    assert script.seconds_heard == pytest.approx(0.7, abs=0.005)
    assert told(script) == [("user", "hello there")]


# -- items -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [PCM16, G711_ULAW], ids=["pcm", "ulaw"])
async def test_an_item_is_retrieved_with_its_audio(form: object) -> None:
    kind = {} if form is PCM16 else {"format": Pcmu()}
    session = RealtimeSession(
        model="test", audio=Audio(input=AudioInput(turn_detection=None, **kind), output=AudioOutput(**kind))
    )
    async with conversation(Script(answer=["One two."]), session) as caller:
        spoken = form.encode(np.full(form.rate // 2, 8000, np.int16))
        await caller.send(client.InputAudioBufferAppend(audio=spoken))
        await caller.send(client.InputAudioBufferCommit())
        await caller.send(client.ResponseCreate())
        done = await caller.until(response.ResponseDone)
        question = caller.all(server.InputAudioBufferCommitted)[0].item_id
        await caller.send(client.ConversationItemRetrieve(item_id=question))
        item = (await caller.until(server.ConversationItemRetrieved)).item
        assert item.content[0].transcript == "hello there"
        assert len(item.content[0].audio) == pytest.approx(len(spoken), rel=0.02)  # the resampler holds the last 2 ms
        assert np.median(form.decode(item.content[0].audio)) == pytest.approx(8000, rel=0.05)
        answer = done.response.output[0].id
        await caller.send(client.ConversationItemRetrieve(item_id=answer))
        item = (await caller.until(server.ConversationItemRetrieved)).item
        sent = b"".join(event.delta for event in caller.all(response.ResponseOutputAudioDelta))
        assert item.content[0].audio == sent
        await caller.send(client.ConversationItemTruncate(item_id=answer, content_index=0, audio_end_ms=250))
        await caller.until(server.ConversationItemTruncated)
        await caller.send(client.ConversationItemRetrieve(item_id=answer))
        item = (await caller.until(server.ConversationItemRetrieved)).item
        assert item.content[0].transcript == "One"
        assert len(item.content[0].audio) == len(sent) // 2


async def test_audio_is_kept_only_as_far_as_there_is_room() -> None:
    async with conversation(session=MANUAL, recordings=40_000) as caller:
        for _ in range(2):
            await caller.speak(1.0)
            await caller.send(client.InputAudioBufferCommit())
            await caller.until(server.ConversationItemDone)
        for committed, there in zip(caller.all(server.InputAudioBufferCommitted), (False, True), strict=True):
            await caller.send(client.ConversationItemRetrieve(item_id=committed.item_id))
            item = (await caller.until(server.ConversationItemRetrieved)).item
            assert isinstance(item.content[0].audio, bytes) is there


async def test_truncating_works_while_the_item_is_still_spoken() -> None:
    script = Script(answer=["One two three four five six."])
    async with conversation(script, MANUAL) as caller:
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseOutputAudioDelta)
        item = caller.all(response.ResponseOutputItemAdded)[0].item.id
        await sleep(0.6)
        await caller.send(client.ConversationItemTruncate(item_id=item, content_index=0, audio_end_ms=500))
        await caller.until(server.ConversationItemTruncated)
        done = await caller.until(response.ResponseDone)
        assert done.response.output[0].content[0].transcript == "One two three four five six."
        await caller.send(user("go on"))
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseDone)
    assert told(script) == [("assistant", "One two"), ("user", "go on")]


async def test_what_was_heard_long_ago_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("troupe.actors.voice.session.TRUNCATABLE", 1)
    script = Script(answer=["One two three."])
    async with conversation(script, MANUAL) as caller:
        for _ in range(3):
            await caller.send(client.ResponseCreate())
            await caller.until(response.ResponseDone)
        for event in caller.all(response.ResponseOutputItemAdded):
            cut = client.ConversationItemTruncate(item_id=event.item.id, content_index=0, audio_end_ms=250)
            await caller.send(cut)
            await caller.until(server.ConversationItemTruncated)
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseDone)
    assert [text for _, text in told(script)] == ["One two three.", "One two three.", "One"]


async def test_what_was_not_spoken_is_not_truncated() -> None:
    async with conversation(session=TEXT) as caller:
        await caller.send(user("hi"))
        await caller.send(client.ConversationItemTruncate(item_id="question", content_index=0, audio_end_ms=0))
        assert (await caller.until(server.ErrorEvent)).error.message.startswith("Only model output audio")
        gone = client.ConversationItemTruncate(item_id="nobody", content_index=0, audio_end_ms=0)
        assert await refusal(caller, gone) == "item_truncate_invalid_item_id"
        assert await refusal(caller, client.ConversationItemRetrieve(item_id="no")) == "item_retrieve_invalid_item_id"
        assert await refusal(caller, client.ConversationItemDelete(item_id="no")) == "item_delete_invalid_item_id"
        assert await refusal(caller, user("again")) == "item_create_duplicate_item_id"


async def test_speech_in_an_item_of_the_clients_is_written_down() -> None:
    script = Script(transcript="from a file")
    async with conversation(script, MANUAL, recordings=2**20) as caller:
        parts = (InputText(text="Listen:"), InputAudio(audio=LOUD.tobytes() * 3))
        await caller.send(client.ConversationItemCreate(item=Message(id="file", role="user", content=parts)))
        await caller.send(client.ResponseCreate())
        added = await caller.until(server.ConversationItemAdded)
        assert not isinstance(added.item.content[1].audio, bytes)
        await caller.until(response.ResponseDone)
        await caller.send(client.ConversationItemRetrieve(item_id="file"))
        item = (await caller.until(server.ConversationItemRetrieved)).item
        assert len(item.content[1].audio) == pytest.approx(3 * 48_000, abs=2)
    assert told(script) == [("user", "Listen:from a file")]
    assert script.seconds_heard == pytest.approx(3, abs=0.001)


async def test_an_id_goes_to_other_speech_before_the_first_is_written_down() -> None:
    script = Script(transcribing=0.5)
    async with conversation(script, MANUAL) as caller:
        for text in ("first", "second"):
            item = Message(id="same", role="user", content=(InputAudio(audio=LOUD.tobytes()),))
            await caller.send(client.ConversationItemCreate(item=item))
            await caller.until(server.ConversationItemDone)
            script.transcript = text  # of what is being heard
            await sleep(0.1)
            if text == "first":
                await caller.send(client.ConversationItemDelete(item_id="same"))
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseDone)
    assert told(script) == [("user", "second")]


async def test_pictures_are_shown_to_the_model() -> None:
    script = Script()
    picture = "data:image/png;base64,iVBORw0KGgo="
    async with conversation(script, TEXT) as caller:
        parts = (InputText(text="What is this?"), InputImage(image_url=picture, detail="low"))
        await caller.send(client.ConversationItemCreate(item=Message(role="user", content=parts)))
        done = await caller.until(server.ConversationItemDone)
        assert done.item.content[1].image_url == picture
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseDone)
    assert script.requests[0].turns[0].parts == (TextPart("What is this?"), ImagePart(picture, "low"))


async def test_a_long_conversation_is_told_from_where_it_fits() -> None:
    script = Script(answer=["Yes."])
    async with conversation(script, TEXT, context_tokens=60) as caller:
        for number in range(10):
            await caller.send(user(f"{number} " + "x" * 58, f"item_{number}"))
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseDone)
        assert [text[0] for _, text in told(script)] == ["7", "8", "9"]
        await caller.send(client.ConversationItemRetrieve(item_id="item_0"))  # it is only not told
        await caller.until(server.ConversationItemRetrieved)
        await caller.send(client.SessionUpdate(session={"type": "realtime", "truncation": "disabled"}))
        await caller.send(client.ResponseCreate())
        done = await caller.until(response.ResponseDone)
    assert done.response.status_details.error.code == "request_too_long"


async def test_items_are_forgotten_when_there_is_no_room_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("troupe.actors.voice.history.History.forget_oldest.__defaults__", (2000,))
    async with conversation(session=TEXT) as caller:
        for number in range(10):
            await caller.send(user("x" * 400, f"item_{number}"))
        assert (
            await refusal(caller, client.ConversationItemRetrieve(item_id="item_0")) == "item_retrieve_invalid_item_id"
        )
        await caller.send(client.ConversationItemRetrieve(item_id="item_9"))
        await caller.until(server.ConversationItemRetrieved)


# -- responses ---------------------------------------------------------------------------------------------------------


async def test_a_written_answer_in_its_order() -> None:
    async with conversation(Script(answer=["Good", " day."]), TEXT) as caller:
        await caller.send(user("hi"))
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseDone)
        names = caller.names(2)
    assert names == [
        "ConversationItemAdded",
        "ConversationItemDone",
        "ResponseCreated",
        "ResponseOutputItemAdded",
        "ConversationItemAdded",
        "ResponseContentPartAdded",
        "ResponseOutputTextDelta",
        "ResponseOutputTextDelta",
        "ResponseOutputTextDone",
        "ResponseContentPartDone",
        "ConversationItemDone",
        "ResponseOutputItemDone",
        "ResponseDone",
    ]
    assert caller.all(response.ResponseOutputTextDone)[0].text == "Good day."


async def test_calls_come_after_what_is_said_beside_them_each_in_its_own_bracket() -> None:
    script = Script(answer=["One moment.", ToolCall("call_1", "clock", '{"a":1}'), ToolCall("call_2", "map", "{}")])
    async with conversation(script, MANUAL) as caller:
        await caller.send(user("where and when?"))
        await caller.send(client.ResponseCreate())
        done = await caller.until(response.ResponseDone)
        message, first, second = done.response.output
        assert isinstance(message, Message)
        assert (first.name, second.name) == ("clock", "map")
        of_call = [
            type(event).__name__
            for event in caller.events
            if getattr(event, "item_id", None) == first.id
            or getattr(getattr(event, "item", None), "id", None) == first.id
        ]
        assert of_call == [
            "ResponseOutputItemAdded",
            "ConversationItemAdded",
            "ResponseFunctionCallArgumentsDelta",
            "ResponseFunctionCallArgumentsDone",
            "ConversationItemDone",
            "ResponseOutputItemDone",
        ]
        opened = caller.all(response.ResponseOutputItemAdded)[1].item
        assert (opened.status, opened.arguments) == ("in_progress", "")
        told_done = caller.all(response.ResponseFunctionCallArgumentsDone)[0]
        assert (told_done.name, told_done.arguments, told_done.call_id) == ("clock", '{"a":1}', "call_1")
        assert (first.status, first.arguments) == ("completed", '{"a":1}')
        unknown = client.ConversationItemCreate(item=FunctionCallOutput(call_id="call_9", output=""))
        assert await refusal(caller, unknown) == "invalid_tool_call_id"
        # the user speaks before one result has come, and the other comes late
        await caller.send(user("hurry", "hurry"))
        await caller.send(client.ConversationItemCreate(item=FunctionCallOutput(call_id="call_2", output="here")))
        script.answer = ["Here."]
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseDone)
    assert told(script) == [
        ("user", "where and when?"),
        ("assistant", "One moment."),
        ("assistant", ""),
        ("tool", "There is no result yet."),
        ("tool", "here"),
        ("user", "hurry"),
    ]


async def test_several_responses_out_of_band_run_beside_the_one_of_the_conversation() -> None:
    script = Script(answer=["word " * 20], thinking=0.1)
    async with conversation(script, MANUAL) as caller:
        await caller.send(user("in the conversation"))
        await caller.send(client.ResponseCreate())
        for number in range(3):
            item = Message(role="user", content=(InputText(text=f"aside {number}"),))
            await caller.send(
                client.ResponseCreate(
                    response=ResponseOptions(
                        conversation="none", input=(item, ItemReference(id="question")), metadata={"n": str(number)}
                    )
                )
            )
        for _ in range(4):
            await caller.until(response.ResponseCreated)
        await sleep(0.05)
        asides = [event.response for event in caller.all(response.ResponseCreated)[1:]]
        assert [(aside.conversation_id, aside.metadata) for aside in asides] == [
            (None, {"n": str(number)}) for number in range(3)
        ]
        await caller.send(client.ResponseCancel(response_id=asides[0].id))
        outcomes = {}
        for _ in range(4):
            done = (await caller.until(response.ResponseDone)).response
            outcomes[done.id] = done.status
        assert [outcomes[aside.id] for aside in asides] == ["cancelled", "completed", "completed"]
        own = {item.id for done in caller.all(response.ResponseDone) for item in done.response.output}
        in_conversation = {event.item.id for event in caller.all(server.ConversationItemAdded)}
        assert len(own & in_conversation) == 1
        assert await refusal(caller, client.ConversationItemRetrieve(item_id=min(own - in_conversation)))
    asked = sorted(told(script, request) for request in range(4))
    assert asked[:3] == [[("user", f"aside {number}"), ("user", "in the conversation")] for number in range(3)]
    assert asked[3] == [("user", "in the conversation")]


async def test_speech_in_the_input_of_a_response_is_written_down_and_leaves_no_trace() -> None:
    script = Script(transcript="whispered", answer=["Aside."])
    async with conversation(script, MANUAL) as caller:
        item = Message(role="user", content=(InputAudio(audio=LOUD.tobytes()),))
        await caller.send(
            client.ResponseCreate(
                response=ResponseOptions(conversation="none", input=(item,), output_modalities=("text",))
            )
        )
        done = await caller.until(response.ResponseDone)
    assert done.response.output[0].content == (OutputText(text="Aside."),)
    assert told(script) == [("user", "whispered")]
    assert not caller.all(server.ConversationItemAdded)


async def test_speech_does_not_stop_a_response_out_of_band() -> None:
    script = Script(answer=["word " * 20])
    async with conversation(script) as caller, create_task_group() as tasks:
        await caller.send(client.ResponseCreate(response=ResponseOptions(conversation="none", input=())))
        await caller.until(response.ResponseOutputAudioDelta)
        tasks.start_soon(caller.say_something)
        await caller.until(server.InputAudioBufferSpeechStarted)
        done = await caller.until(response.ResponseDone)
        assert (done.response.conversation_id, done.response.status) == (None, "completed")
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize(("reason", "told_reason"), [("length", "max_output_tokens"), ("content_filter",) * 2])
async def test_an_answer_that_the_model_cuts_short_is_incomplete(reason: str, told_reason: str) -> None:
    script = Script(answer=["One two"], reason=reason)
    async with conversation(script, MANUAL) as caller:
        await caller.send(client.ResponseCreate(response=ResponseOptions(max_output_tokens=7)))
        done = (await caller.until(response.ResponseDone)).response
    assert script.requests[0].max_tokens == 7
    assert (done.status, done.status_details.reason, done.max_output_tokens) == ("incomplete", told_reason, 7)
    assert (done.output[0].status, done.output[0].content[0].transcript) == ("incomplete", "One two")


async def test_a_response_has_its_own_voice_instructions_and_format() -> None:
    script = Script(answer=["One two."])
    session = RealtimeSession(model="test", instructions="Be long.", audio=MANUAL.audio)
    async with conversation(script, session) as caller:
        output = {"format": Pcmu(), "voice": "af_heart"}
        options = ResponseOptions(instructions="Be brief.", audio=AudioOptions(output=OutputOptions(**output)))
        await caller.send(client.ResponseCreate(response=options))
        done = (await caller.until(response.ResponseDone)).response
    assert told(script) == [("system", "Be brief.")]
    assert script.voices[0].voice == "af_heart"
    assert done.audio.output.voice == "af_heart"
    sent = sum(len(event.delta) for event in caller.all(response.ResponseOutputAudioDelta))
    assert sent / 8000 == pytest.approx(2 * SECONDS_PER_WORD, abs=0.01)


async def test_clearing_the_output_holds_back_what_is_not_sent() -> None:
    script = Script(answer=["One two three four five six."])
    async with conversation(script, MANUAL, lead=0.2) as caller:
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseOutputAudioDelta)
        await sleep(0.6)
        await caller.send(client.OutputAudioBufferClear())
        cleared = await caller.until(server.OutputAudioBufferCleared)
        since = len(caller.events)
        done = await caller.until(response.ResponseDone)
        assert cleared.response_id == done.response.id
        assert "ResponseOutputAudioDelta" not in caller.names(since)
        assert done.response.output[0].content == (OutputAudio(transcript="One two three four five six."),)
        await caller.send(user("go on"))
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseDone)
    assert told(script)[0] == ("assistant", "One two")


async def test_an_allowance_is_told_after_each_response() -> None:
    limits = (response.RateLimit(name="tokens", limit=1000, remaining=985, reset_seconds=30.0),)
    async with conversation(Script(answer=["Yes."]), TEXT, rate_limits=lambda: limits) as caller:
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseDone)
        updated = await caller.until(response.RateLimitsUpdated)
        assert updated.rate_limits == limits


async def test_an_answer_that_can_not_be_spoken_can_be_read() -> None:
    script = Script(answer=["👍", " 🎉"])
    async with conversation(script, MANUAL) as caller:
        await caller.send(client.ResponseCreate())
        done = (await caller.until(response.ResponseDone)).response
    assert (done.status, done.output[0].content) == ("completed", (OutputAudio(transcript="👍 🎉"),))
    assert not script.spoken


async def test_an_id_is_free_again_even_if_its_item_was_under_way() -> None:
    script = Script(answer=["One two three four."])
    async with conversation(script, MANUAL) as caller:
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseOutputAudioDelta)
        item = caller.all(response.ResponseOutputItemAdded)[0].item.id
        await caller.send(client.ConversationItemDelete(item_id=item))
        await caller.until(server.ConversationItemDeleted)
        edited = Message(id=item, role="assistant", content=(OutputText(text="Something else."),))
        await caller.send(client.ConversationItemCreate(item=edited))
        await caller.until(response.ResponseDone)
        await caller.send(client.ConversationItemRetrieve(item_id=item))
        assert (await caller.until(server.ConversationItemRetrieved)).item == edited


async def test_calls_and_results_can_be_told_by_the_client() -> None:
    """As LiveKit does when it comes back: it replays its context in a burst."""
    script = Script(answer=["Noon."])
    async with conversation(script, TEXT) as caller:
        await caller.send(user("time?"))
        call = FunctionCall(name="clock", call_id="c1", arguments="{}")
        await caller.send(client.ConversationItemCreate(item=call))
        await caller.send(client.ConversationItemCreate(item=FunctionCallOutput(call_id="c1", output="noon")))
        await caller.send(client.ResponseCreate())
        await caller.until(response.ResponseDone)
    assert [turn.role for turn in script.requests[0].turns] == ["user", "assistant", "tool"]
