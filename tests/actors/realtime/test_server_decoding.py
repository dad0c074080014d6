"""Events of other services, and of newer ones, are read as far as they are known."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.actors.realtime.encoding import encode
from troupe.actors.realtime.items import Message, OutputText
from troupe.actors.realtime.names import SERVER_EVENTS, name_of
from troupe.actors.realtime.response_events import ResponseDone, ResponseOutputAudioDelta
from troupe.actors.realtime.server_decoding import decode_server_event
from troupe.actors.realtime.server_events import ConversationItemDone, InputAudioTranscriptionCompleted, SessionCreated
from troupe.actors.realtime.session_config import ServerVad

Strategies = Callable[..., st.SearchStrategy[Any]]


@pytest.mark.parametrize("row", [row for row in SERVER_EVENTS if row.ga], ids=lambda row: name_of(row.event))
def test_what_we_send_is_read_as_what_it_was(row: Any, json_of: Strategies) -> None:
    @given(json_of(row.event))
    @settings(max_examples=10)
    def check(value: Any) -> None:
        event = msgspec.convert(value, row.event)
        for frame in encode(event):
            assert decode_server_event(frame) == event

    check()


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.integers() | st.none() | st.lists(st.none())))
def test_unknown_members_change_nothing(more: dict[str, Any]) -> None:
    item = {"id": "i", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}
    event = {"type": "conversation.item.done", "event_id": "e", "item": {**more, **item}}
    expected = Message(id="i", role="assistant", content=(OutputText(text="hi"),))
    known = {key for key in more if key in Message.__struct_fields__}
    if known <= {*item}:
        assert decode_server_event(json.dumps({**more, **event})) == ConversationItemDone(event_id="e", item=expected)


def read(event: dict[str, Any]) -> Any:
    return decode_server_event(json.dumps({"event_id": "e", **event}))


def test_a_session_of_another_service() -> None:
    created = read({"type": "session.created", "session": {"id": "sess_1", "turn": 1, "audio": {"input": None}}})
    assert isinstance(created, SessionCreated)
    assert isinstance(created.session.audio.input.turn_detection, ServerVad)


def test_parts_as_recordings_of_the_live_service_name_them() -> None:
    content = [{"type": "text", "text": "hi"}, {"type": "smell", "smell": "of roses"}]
    done = read(
        {"type": "conversation.item.done", "item": {"type": "message", "role": "assistant", "content": content}}
    )
    assert done.item.content == (OutputText(text="hi"),)


def test_limits_that_newer_models_have_raised() -> None:
    response = {"id": "resp_1", "status": "completed", "output": [], "max_output_tokens": 32_000}
    done = read({"type": "response.done", "response": response})
    assert isinstance(done, ResponseDone)
    assert (done.response.id, done.response.max_output_tokens) == ("resp_1", "inf")


def test_a_transcript_that_does_not_say_what_it_used() -> None:
    kind = "conversation.item.input_audio_transcription.completed"
    assert isinstance(read({"type": kind, "item_id": "i", "transcript": "hi"}), InputAudioTranscriptionCompleted)


def test_audio_is_bytes() -> None:
    delta = {"type": "response.output_audio.delta", "response_id": "r", "item_id": "i", "delta": "AAEC", "new": 1}
    assert read(delta) == ResponseOutputAudioDelta(event_id="e", response_id="r", item_id="i", delta=b"\0\1\2")


@pytest.mark.parametrize("event", [{"type": "news"}, {"type": "response.done"}, {"type": "error", "error": 7}])
def test_what_can_not_be_read_is_of_an_unknown_kind(event: dict[str, Any]) -> None:
    assert read(event) is None


@pytest.mark.parametrize("frame", ["", "{", "[]", "7", "{}", '{"type": 7}'])
def test_what_is_no_event(frame: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_server_event(frame)
