"""Whatever a session was, its replay is the same, byte for byte; and where it is not, that is found."""

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import anyio
import pytest
from anyio import create_task_group
from chances import one_session
from conversations import Caller, Script, conversation
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from troupe.actors.contracts import TextDelta, ToolCall
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime import response_events as response
from troupe.actors.realtime import server_events as server
from troupe.actors.realtime.items import InputText, Message
from troupe.actors.realtime.response_events import RateLimit
from troupe.actors.realtime.responses import ResponseOptions
from troupe.actors.realtime.session_config import (
    Audio,
    AudioInput,
    RealtimeSession,
    Transcription,
    TranscriptionAudio,
    TranscriptionAudioInput,
    TranscriptionSession,
)
from troupe.actors.voice import tape
from troupe.actors.voice.interruption import Interruption
from troupe.actors.voice.replay import Replayed, replay
from troupe.runtime.testing import run

LISTENING = RealtimeSession(model="test", audio=Audio(input=AudioInput(transcription=Transcription())))

TRANSCRIBING = TranscriptionSession(
    audio=TranscriptionAudio(input=TranscriptionAudioInput(transcription=Transcription()))
)


def recorded(live: Callable[[Path], Awaitable[None]], backend: Any = "asyncio") -> tape.Tape:
    with tempfile.TemporaryDirectory() as folder:
        run(live, Path(folder), backend=backend)
        (file,) = Path(folder).iterdir()
        return tape.read_tape(file)


def uneven(dice: Random) -> Callable[[float], Awaitable[None]]:
    """Return a sleep that never ends at the same moment as another one: things outside don't happen in lockstep."""

    async def sleep(seconds: float) -> None:
        await anyio.sleep(seconds + dice.uniform(0.0005, 0.01))

    return sleep


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6))
def test_a_session_in_which_anything_happens_is_replayed_as_it_was(seed: int) -> None:
    async def live(folder: Path) -> None:
        await one_session(seed, record=folder)

    with pytest.MonkeyPatch.context() as patched:
        for module in ("chances", "conversations"):
            patched.setattr(f"{module}.sleep", uneven(Random(seed)))
        recording = recorded(live)
    found = run(replay, recording)
    assert found.differences == ()
    assert found.events == sum(isinstance(record, tape.Told) for record in recording.records)


async def answered(caller: Caller) -> None:
    async with create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        await caller.until(response.ResponseDone)


async def interrupted(caller: Caller) -> None:
    async with create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        await caller.until(response.ResponseOutputAudioDelta)
        await caller.wait(0.9)
        tasks.start_soon(caller.say_something)
        await caller.until(response.ResponseDone)
        await caller.until(response.ResponseDone)


async def written(caller: Caller) -> None:
    item = Message(id="mine", role="user", content=(InputText(text="hello"),))
    await caller.send(client.ConversationItemCreate(item=item))
    await caller.send(client.ResponseCreate(response=ResponseOptions(output_modalities=("text",))))
    await caller.until(response.ResponseDone)
    spoken = caller.all(response.ResponseOutputItemDone)[0].item.id
    await caller.send(client.ConversationItemDelete(item_id=spoken))
    await caller.until(server.ConversationItemDeleted)


async def noted(caller: Caller) -> None:
    async with create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        await caller.until(server.InputAudioTranscriptionCompleted)


KINDS: dict[str, tuple[Callable[[Caller], Awaitable[None]], Script, dict[str, Any]]] = {
    "an answer": (answered, Script(), {}),
    "one begun on a guess": (answered, Script(partials={0.4: "hello there"}), {"speculate": True}),
    "a wrong guess": (answered, Script(partials={0.4: "hello you"}, thinking=0.1), {"speculate": True}),
    "an interruption": (interrupted, Script(), {"session": LISTENING}),
    "one that has to last": (interrupted, Script(), {"interruption": Interruption(speech=0.3)}),
    "text and a deleted item": (written, Script(), {}),
    "a tool": (answered, Script(answer=["Moment. ", ToolCall("call_7", "clock", "{}")]), {}),
    "a transcription": (noted, Script(partials={0.2: "hel", 0.5: "hello"}), {"session": TRANSCRIBING}),
    "no transcript": (answered, Script(fail="stt"), {"session": LISTENING}),
    "no answer": (answered, Script(fail="llm"), {"spoken_fallback": "Sorry, again please."}),
    "no voice": (answered, Script(fail="tts"), {}),
    "an allowance": (
        answered,
        Script(),
        {"rate_limits": lambda: (RateLimit(name="requests", limit=9, remaining=3, reset_seconds=1.5),)},
    ),
}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_session_is_replayed_as_it_was(kind: str, backend: str) -> None:
    act, script, services = KINDS[kind]

    async def live(folder: Path) -> None:
        async with conversation(script, record=folder, **services) as caller:
            await act(caller)

    recording = recorded(live, backend)
    found = run(replay, recording)
    assert found == Replayed(found.events, found.requests, 0, (), found.drift)
    assert found.events == sum(isinstance(record, tape.Told) for record in recording.records)
    assert found.drift < 1e-9
    assert run(replay, recording) == found


def changed(recording: tape.Tape, index: int, record: tape.Record | None) -> tape.Tape:
    records = (*recording.records[:index], *([] if record is None else [record]), *recording.records[index + 1 :])
    return replace(recording, records=records)


@pytest.fixture(scope="module")
def recording() -> tape.Tape:
    async def live(folder: Path) -> None:
        async with conversation(Script(), record=folder) as caller:
            await answered(caller)

    return recorded(live)


def place(recording: tape.Tape, kind: type[tape.Record], number: int = 0) -> int:
    return [index for index, record in enumerate(recording.records) if isinstance(record, kind)][number]


def test_another_answer_is_a_difference_that_is_named_but_not_repeated(recording: tape.Tape) -> None:
    index = next(
        index
        for index, record in enumerate(recording.records)
        if isinstance(record, tape.Got) and b"One two three." in bytes(record.item)
    )
    record: Any = recording.records[index]
    found = run(replay, changed(recording, index, replace(record, item=tape.raw(TextDelta("Un deux trois.")))))
    assert not found.exact
    assert "what a provider is given differs in text" in {each.what for each in found.differences}
    assert "deux" not in str(found)


def test_an_event_that_is_missing_in_the_recording_is_found(recording: tape.Tape) -> None:
    index = place(recording, tape.Told, 4)
    found = run(replay, changed(recording, index, None))
    assert not found.exact
    assert found.differences[0].record == index + 2


def test_an_event_that_does_not_come_is_found_and_named(recording: tape.Tape) -> None:
    index = place(recording, tape.Told, 3)
    twice: Any = recording.records[index]
    records = (*recording.records[:index], twice, *recording.records[index:])
    found = run(replay, replace(recording, records=records))
    assert not found.exact
    assert all(each.record > index for each in found.differences)


def test_a_recording_without_its_end_is_replayed_up_to_there(recording: tape.Tape) -> None:
    for end in range(0, len(recording.records), 7):
        found = run(replay, replace(recording, records=recording.records[:end]))
        assert found.exact, end
