"""Sessions whose clients do anything at any time."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from anyio import create_task_group, sleep
from conversations import Caller, Script, conversation
from msgspec.structs import replace
from troupe.actors.contracts import ToolCall
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime import response_events as response
from troupe.actors.realtime import server_events as server
from troupe.actors.realtime.items import FunctionCallOutput, InputAudio, InputText, ItemReference, Message
from troupe.actors.realtime.responses import ResponseOptions
from troupe.actors.realtime.session_config import Audio, AudioInput, RealtimeSession, ServerVad, Transcription
from troupe.actors.voice.interruption import Interruption
from troupe.actors.voice.patience import Patience

LOUD = np.full(4800, 8000, np.int16).tobytes()
TURNS = [
    None,
    {"type": "server_vad", "silence_duration_ms": 300},
    {"type": "server_vad", "interrupt_response": False, "idle_timeout_ms": 5000},
    {"type": "semantic_vad", "eagerness": "high"},
]
IDS = ["a", "b", "c"]
ANSWERS = [["One two three four five six."], ["Moment. ", ToolCall("call_1", "clock", "{}")], ["Yes."]]

Dice = random.Random


def sound(dice: Dice) -> client.ClientEvent:
    return client.InputAudioBufferAppend(audio=LOUD if dice.random() < 0.5 else bytes(len(LOUD)))


def turns(dice: Dice) -> client.ClientEvent:
    detection = dice.choice(TURNS)
    return client.SessionUpdate(session={"type": "realtime", "audio": {"input": {"turn_detection": detection}}})


def create(dice: Dice) -> client.ClientEvent:
    part = InputAudio(audio=LOUD) if dice.random() < 0.3 else InputText(text="hm")
    item = Message(id=dice.choice(IDS), role="user", content=(part,))
    return client.ConversationItemCreate(item=item, previous_item_id=dice.choice([None, "root", *IDS]))


def respond(dice: Dice) -> client.ClientEvent:
    aside = ResponseOptions(conversation="none", input=(ItemReference(id=dice.choice(IDS)),))
    written = ResponseOptions(output_modalities=("text",))
    return client.ResponseCreate(response=dice.choice([None, None, aside, written]))


def truncate(dice: Dice) -> client.ClientEvent:
    end = dice.choice([0, 100, 700, 10**6])
    return client.ConversationItemTruncate(item_id=dice.choice([*IDS, "last"]), content_index=0, audio_end_ms=end)


ACTIONS: list[tuple[int, Callable[[Dice], client.ClientEvent]]] = [
    (30, sound),
    (3, turns),
    (4, create),
    (6, respond),
    (3, truncate),
    (3, lambda dice: client.ConversationItemDelete(item_id=dice.choice([*IDS, "last"]))),
    (3, lambda dice: client.ConversationItemRetrieve(item_id=dice.choice([*IDS, "last"]))),
    (2, lambda _: client.ConversationItemCreate(item=FunctionCallOutput(call_id="call_1", output="x"))),
    (3, lambda _: client.ResponseCancel()),
    (3, lambda _: client.InputAudioBufferCommit()),
    (2, lambda _: client.InputAudioBufferClear()),
    (2, lambda _: client.OutputAudioBufferClear()),
]
ANSWERED = {
    client.SessionUpdate: server.SessionUpdated,
    client.ConversationItemCreate: server.ConversationItemAdded,
    client.ConversationItemDelete: server.ConversationItemDeleted,
    client.ConversationItemRetrieve: server.ConversationItemRetrieved,
    client.ConversationItemTruncate: server.ConversationItemTruncated,
    client.InputAudioBufferCommit: server.InputAudioBufferCommitted,
    client.InputAudioBufferClear: server.InputAudioBufferCleared,
    client.OutputAudioBufferClear: server.OutputAudioBufferCleared,
    client.ResponseCreate: response.ResponseCreated,
    client.ResponseCancel: response.ResponseDone,
}


def aimed(event: client.ClientEvent, caller: Caller, number: int) -> client.ClientEvent:
    """Give the event an id, and let it mean the last item of the assistant where it says so."""
    event = replace(event, event_id=str(number))
    if getattr(event, "item_id", None) == "last":
        spoken = [each.item.id for each in caller.all(response.ResponseOutputItemAdded)]
        event = replace(event, item_id=spoken[-1] if spoken else "a")
    return event


async def one_session(seed: int, **services: Any) -> None:
    """Live through one, and see that every event is answered, and every response ends once."""
    dice = random.Random(seed)
    script = Script(
        transcript=dice.choice(["hello there", "", "mhm"]),
        partials={0.2: "hello", 0.4: "hello there"},
        answer=dice.choice(
            [["One two three four five six."], ["Moment. ", ToolCall("call_1", "clock", "{}")], ["Yes."]]
        ),
        thinking=dice.choice([0, 0.2]),
        transcribing=dice.choice([0, 0.3]),
        fail=dice.choice(["", "", "", "stt", "llm", "tts"]),
    )
    session = RealtimeSession(
        model="test",
        audio=Audio(input=AudioInput(transcription=Transcription(), turn_detection=ServerVad(silence_duration_ms=300))),
    )
    patience = Patience(transcript=1, first_token=1, between_tokens=1, first_audio=1, between_audio=1)
    sent: list[client.ClientEvent] = []
    async with conversation(
        script,
        session,
        patience=patience,
        speculate=dice.random() < 0.5,
        interruption=Interruption(speech=dice.choice([0, 0.3])),
        spoken_fallback=dice.choice(["", "Sorry."]),
        **services,
    ) as caller:

        async def act() -> None:
            weights = [weight for weight, _ in ACTIONS]
            for number in range(60):
                event = aimed(dice.choices(ACTIONS, weights)[0][1](dice), caller, number)
                sent.append(event)
                await caller.send(event)
                await sleep(dice.choice([0, 0, 0.1, 0.1, 0.4]))
            await caller.send(
                client.SessionUpdate(session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
            )
            await sleep(30)  # whatever is under way ends
            await caller.send(client.ConversationItemRetrieve(item_id="nobody", event_id="the end"))

        async with create_task_group() as tasks:
            tasks.start_soon(act)
            while True:
                refusal = await caller.until(server.ErrorEvent, within=120)
                if refusal.error.event_id == "the end":
                    break
    refused = {event.error.event_id: event.error for event in caller.all(server.ErrorEvent)}
    assert all(error.type == "invalid_request_error" for error in refused.values())
    assert len(caller.all(response.ResponseCreated)) == len(caller.all(response.ResponseDone))
    for asked, answer in ANSWERED.items():
        wanted = sum(isinstance(event, asked) and event.event_id not in refused for event in sent)
        assert len(caller.all(answer)) >= wanted, asked
    written = caller.all((server.InputAudioTranscriptionCompleted, server.InputAudioTranscriptionFailed))
    times = Counter(event.item_id for event in written)
    silent = {event.item_id for event in caller.all(server.InputAudioBufferTimeoutTriggered)}
    spoken = {event.item_id for event in caller.all(server.InputAudioBufferCommitted)} - silent
    assert all(times[item_id] == 1 for item_id in spoken)
