"""OpenAI's own client takes the wire server's realtime API for OpenAI's: every event, strictly."""

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from sdk import official, unknown_members
from troupe.services.wire import Close, Insert, Refuse
from troupe.services.wire.openai import OpenAiWire, Reply, ToolUse
from wires import served

openai = official("openai")

from openai.types.realtime import (  # noqa: E402
    ClientSecretCreateResponse,
    RealtimeErrorEvent,
    RealtimeServerEvent,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:connect.. must be used as a context manager:DeprecationWarning"  # OpenAI's
)

KEY = "sk-good-key-0123"
EVENTS: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
PATH = "/v1/realtime"
RATE = 24_000
SPEECH = np.concatenate((np.full(RATE, 8000, np.int16), np.zeros(RATE // 2, np.int16))).tobytes()
"""A second of speech, and half a second of silence."""


running_wire, wire = served(lambda: OpenAiWire(keys=[KEY], models=["gpt-realtime"]))


@pytest.fixture
def client(wire: OpenAiWire) -> Iterator[Any]:
    with openai.OpenAI(base_url=wire.base_url, api_key=KEY, max_retries=0) as client:
        yield client


UNTYPED = {".session.expires_at", ".session.id", ".session.object"}
"""Members that the live service sends, and the client's types leave out."""


def strictly(event: Any) -> Any:
    """An event that the client's types know in full."""
    raw = event.to_dict(mode="json")
    EVENTS.validate_python(raw)
    assert set(unknown_members(event)) <= UNTYPED
    return event


def until(connection: Any, kind: str) -> list[Any]:
    events: list[Any] = []
    while not events or events[-1].type != kind:
        events.append(strictly(connection.recv()))
    return events


def kinds(events: list[Any]) -> list[str]:
    return list(dict.fromkeys(event.type for event in events))


def spoken(events: list[Any]) -> bytes:
    return b"".join(base64.b64decode(event.delta) for event in events if event.type == "response.output_audio.delta")


def ask(connection: Any, text: str) -> None:
    connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    )
    connection.response.create()


def append(connection: Any, pcm: bytes) -> None:
    for start in range(0, len(pcm), 9600):
        connection.input_audio_buffer.append(audio=base64.b64encode(pcm[start : start + 9600]).decode())


def test_a_question_in_text_is_answered_in_sound(wire: OpenAiWire, client: Any) -> None:
    wire.reply("Fine, thank you.")
    with client.realtime.connect(model="gpt-realtime") as connection:
        created = strictly(connection.recv())
        assert created.type == "session.created"
        assert created.session.model == "gpt-realtime"
        ask(connection, "How are you?")
        events = until(connection, "rate_limits.updated")
    assert kinds(events) == [
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    done = next(event for event in events if event.type == "response.done").response
    assert done.output[0].content[0].transcript == "Fine, thank you."
    assert done.usage.total_tokens == done.usage.input_tokens + done.usage.output_tokens > 0
    assert len(spoken(events)) == pytest.approx(2 * RATE * 0.06 * len("Fine, thank you."), abs=100)


def test_a_turn_is_heard_by_its_loudness(wire: OpenAiWire, client: Any) -> None:
    wire.hear("how late is it")
    with client.realtime.connect(model="gpt-realtime") as connection:
        heard = {"transcription": {"model": "whisper-1"}}
        connection.session.update(
            session={"type": "realtime", "output_modalities": ["text"], "audio": {"input": heard}}
        )
        append(connection, SPEECH)
        events = until(connection, "response.done")
    assert kinds(events)[2:7] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    completed = next(each for each in events if each.type.endswith("transcription.completed"))
    assert completed.transcript == "how late is it"
    assert events[-1].response.output[0].content[0].text == "You said: how late is it"


def test_turns_by_hand(client: Any) -> None:
    with client.realtime.connect(model="gpt-realtime") as connection:
        connection.session.update(session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
        append(connection, SPEECH)
        connection.input_audio_buffer.commit()
        connection.response.create()
        events = until(connection, "response.done")
        connection.input_audio_buffer.commit()
        refused = strictly(connection.recv())
        while refused.type != "error":
            refused = strictly(connection.recv())
    assert "input_audio_buffer.speech_started" not in kinds(events)
    assert refused.error.code == "input_audio_buffer_commit_empty"


def test_calls_of_tools_and_their_results(wire: OpenAiWire, client: Any) -> None:
    wire.reply(reply=Reply(tool_calls=(ToolUse("weather", '{"city": "Köln"}', "call_a"),)))
    with client.realtime.connect(model="gpt-realtime") as connection:
        ask(connection, "Is it raining?")
        call = until(connection, "response.done")[-1].response.output[0]
        assert (call.name, call.arguments) == ("weather", '{"city": "Köln"}')
        output = {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}
        connection.conversation.item.create(item=output)
        assert "conversation.item.done" in kinds(until(connection, "conversation.item.done"))
        connection.conversation.item.create(item={**output, "call_id": "call_b"})
        assert until(connection, "error")[-1].error.code == "invalid_tool_call_id"


def test_cancelling_and_truncating(wire: OpenAiWire, client: Any) -> None:
    wire.reply("a long answer " * 50)
    with client.realtime.connect(model="gpt-realtime") as connection:
        ask(connection, "Go on.")
        begun = until(connection, "response.output_audio.delta")
        connection.response.cancel()
        done = until(connection, "response.done")[-1].response
        assert (done.status, done.status_details.reason) == ("cancelled", "client_cancelled")
        assert done.output[0].status == "incomplete"
        connection.conversation.item.truncate(item_id=begun[-1].item_id, content_index=0, audio_end_ms=50)
        assert until(connection, "conversation.item.truncated")[-1].audio_end_ms == 50
        connection.conversation.item.truncate(item_id=begun[-1].item_id, content_index=0, audio_end_ms=10**6)
        assert until(connection, "error")[-1].error.code == "invalid_value"


def test_speech_interrupts(wire: OpenAiWire, client: Any) -> None:
    wire.reply("a long answer " * 500)
    with client.realtime.connect(model="gpt-realtime") as connection:
        ask(connection, "Go on.")
        until(connection, "response.output_audio.delta")
        append(connection, SPEECH[:9600])
        events = until(connection, "response.done")
    assert "input_audio_buffer.speech_started" in kinds(events)
    assert events[-1].response.status_details.reason == "turn_detected"


@pytest.mark.parametrize(
    ("key", "model", "code", "closed"),
    [("sk-bad", "gpt-realtime", "invalid_api_key", 3000), (KEY, "gpt-none", "invalid_model", 4000)],
)
def test_who_is_turned_away_is_told_after_the_upgrade(
    wire: OpenAiWire, key: str, model: str, code: str, closed: int
) -> None:
    from websockets.exceptions import ConnectionClosed

    client = openai.OpenAI(base_url=wire.base_url, api_key=key)
    with client, client.realtime.connect(model=model) as connection:
        refused = strictly(connection.recv())
        assert isinstance(refused, RealtimeErrorEvent)
        assert refused.error.code == code
        with pytest.raises(ConnectionClosed) as caught:
            connection.recv()
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == closed


def test_faults(wire: OpenAiWire, client: Any) -> None:
    from websockets.exceptions import ConnectionClosed, InvalidStatus

    wire.fail(PATH, Refuse(401))
    with pytest.raises(InvalidStatus):
        client.realtime.connect(model="gpt-realtime").enter()
    wire.fail(PATH, Insert(after=1, data=b'{"type":"news","event_id":"event_1"}'), Close(after=1, code=1011))
    with client.realtime.connect(model="gpt-realtime") as connection:
        assert connection.recv().type == "session.created"
        ask(connection, "Hello?")
        assert connection.recv().type == "news"
        with pytest.raises(ConnectionClosed):
            connection.recv()


def test_keys_for_browsers(wire: OpenAiWire, client: Any) -> None:
    raw = client.realtime.client_secrets.with_raw_response.create(
        expires_after={"anchor": "created_at", "seconds": 60}, session={"type": "realtime", "instructions": "Be brief."}
    )
    minted = raw.parse()
    assert isinstance(minted, ClientSecretCreateResponse)
    assert not set(unknown_members(minted))
    with openai.OpenAI(base_url=wire.base_url, api_key=minted.value) as browser:
        with browser.realtime.connect(model="gpt-realtime") as connection:
            assert connection.recv().type == "session.created"
    with pytest.raises(openai.BadRequestError):
        client.realtime.client_secrets.create(expires_after={"anchor": "created_at", "seconds": 1})
