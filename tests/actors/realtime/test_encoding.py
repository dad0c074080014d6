"""Frames of the server: as recorded of the live service, in both dialects, none too large."""

import base64
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.actors.realtime import response_events, server_events
from troupe.actors.realtime.encoding import encode
from troupe.actors.realtime.errors import nothing_to_cancel
from troupe.actors.realtime.items import (
    FunctionCall,
    InputAudio,
    InputImage,
    InputText,
    Message,
    OutputAudio,
    OutputText,
)
from troupe.actors.realtime.limits import MAX_AUDIO_OUT, MAX_FRAME_OUT
from troupe.actors.realtime.names import SERVER_EVENTS, Dialect
from troupe.actors.realtime.responses import (
    InputTokens,
    OutputTokens,
    Response,
    ResponseAudio,
    ResponseOutput,
    usage_of,
)
from troupe.actors.realtime.session_config import (
    BETA_TEMPERATURE,
    Pcm,
    Pcmu,
    RealtimeSession,
    TranscriptionSession,
)

Strategies = Callable[..., st.SearchStrategy[Any]]
GA, BETA = Dialect.GA, Dialect.BETA
AUDIO = ResponseAudio(output=ResponseOutput(format=Pcm(), voice="alloy"))


def told(event: server_events.ServerEvent, dialect: Dialect = GA) -> dict[str, Any]:
    (frame,) = encode(event, dialect)
    decoded = msgspec.json.decode(frame)
    assert decoded["event_id"].startswith("event_")
    del decoded["event_id"]
    return decoded


# Frames as recorded.

SERVER_VAD = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 200,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
PCM = {"type": "audio/pcm", "rate": 24000}


def test_session_created_has_the_defaults_of_the_live_service() -> None:
    session = RealtimeSession(id="sess_1", model="gpt-realtime", expires_at=1767233035)
    assert list(told(server_events.SessionCreated(session=session)).items()) == [
        ("type", "session.created"),
        (
            "session",
            {
                "type": "realtime",
                "object": "realtime.session",
                "id": "sess_1",
                "model": "gpt-realtime",
                "output_modalities": ["audio"],
                "instructions": "",
                "tools": [],
                "tool_choice": "auto",
                "max_output_tokens": "inf",
                "tracing": None,
                "truncation": "auto",
                "prompt": None,
                "expires_at": 1767233035,
                "audio": {
                    "input": {
                        "format": PCM,
                        "transcription": None,
                        "noise_reduction": None,
                        "turn_detection": SERVER_VAD,
                    },
                    "output": {"format": PCM, "voice": "alloy", "speed": 1.0},
                },
                "include": None,
            },
        ),
    ]


def test_transcription_session_created() -> None:
    session = TranscriptionSession(id="sess_1", expires_at=1789728574)
    assert told(server_events.SessionCreated(session=session))["session"] == {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "id": "sess_1",
        "expires_at": 1789728574,
        "audio": {
            "input": {
                "format": PCM,
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 200,
                },
            }
        },
        "include": None,
    }


def test_session_created_in_the_beta() -> None:
    session = RealtimeSession(id="sess_1", model="gpt-realtime", expires_at=1765126464, temperature=BETA_TEMPERATURE)
    assert told(server_events.SessionCreated(session=session), BETA) == {
        "type": "session.created",
        "session": {
            "object": "realtime.session",
            "id": "sess_1",
            "model": "gpt-realtime",
            "modalities": ["audio", "text"],
            "instructions": "",
            "voice": "alloy",
            "output_audio_format": "pcm16",
            "tools": [],
            "tool_choice": "auto",
            "temperature": 0.8,
            "max_response_output_tokens": "inf",
            "turn_detection": SERVER_VAD,
            "speed": 1.0,
            "tracing": None,
            "truncation": "auto",
            "prompt": None,
            "expires_at": 1765126464,
            "input_audio_noise_reduction": None,
            "input_audio_format": "pcm16",
            "input_audio_transcription": None,
            "client_secret": None,
            "include": None,
        },
    }


def test_committed_and_its_item() -> None:
    committed = server_events.InputAudioBufferCommitted(item_id="item_1")
    assert told(committed) == {"type": "input_audio_buffer.committed", "previous_item_id": None, "item_id": "item_1"}
    item = Message(id="item_1", role="user", content=(InputAudio(),))
    assert told(server_events.ConversationItemAdded(item=item)) == {
        "type": "conversation.item.added",
        "previous_item_id": None,
        "item": {
            "id": "item_1",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        },
    }


def test_response_created() -> None:
    response = Response(id="resp_1", conversation_id="conv_1", output_modalities=("text",), audio=AUDIO)
    assert list(told(response_events.ResponseCreated(response=response))["response"].items()) == [
        ("object", "realtime.response"),
        ("id", "resp_1"),
        ("status", "in_progress"),
        ("status_details", None),
        ("output", []),
        ("conversation_id", "conv_1"),
        ("output_modalities", ["text"]),
        ("max_output_tokens", "inf"),
        ("audio", {"output": {"format": PCM, "voice": "alloy"}}),
        ("usage", None),
        ("metadata", None),
    ]


def test_usage_adds_up() -> None:
    usage = usage_of(InputTokens(text_tokens=120, cached_tokens=64), OutputTokens(text_tokens=7))
    assert msgspec.to_builtins(usage) == {
        "total_tokens": 127,
        "input_tokens": 120,
        "output_tokens": 7,
        "input_token_details": {
            "text_tokens": 120,
            "audio_tokens": 0,
            "image_tokens": 0,
            "cached_tokens": 64,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": 7, "audio_tokens": 0},
    }


def test_text_delta_and_parts() -> None:
    place: dict[str, Any] = {"response_id": "resp_1", "item_id": "item_1"}
    part = {**place, "output_index": 0, "content_index": 0}
    added = response_events.ResponseContentPartAdded(**place, part=response_events.TextPart())
    assert told(added) == {"type": "response.content_part.added", **part, "part": {"type": "text", "text": ""}}
    spoken = response_events.ResponseContentPartAdded(**place, part=response_events.AudioPart())
    assert told(spoken)["part"] == {"type": "audio", "transcript": ""}
    delta = response_events.ResponseOutputTextDelta(**place, delta="Hi")
    assert told(delta) == {"type": "response.output_text.delta", **part, "delta": "Hi"}
    assert told(delta, BETA) == {"type": "response.text.delta", **part, "delta": "Hi"}


def test_an_error_writes_its_nulls() -> None:
    assert told(server_events.error_event(nothing_to_cancel(), "mine")) == {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "code": "response_cancel_not_active",
            "message": "Cancellation failed: no active response found",
            "param": None,
            "event_id": "mine",
        },
    }


def test_transcription_completed() -> None:
    tokens = server_events.TranscriptionTokens(audio_tokens=16)
    usage = server_events.TokenUsage(total_tokens=24, input_tokens=16, input_token_details=tokens, output_tokens=8)
    event = server_events.InputAudioTranscriptionCompleted(item_id="item_1", transcript="Hello.", usage=usage)
    assert told(event) == {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": "item_1",
        "content_index": 0,
        "transcript": "Hello.",
        "usage": {
            "type": "tokens",
            "total_tokens": 24,
            "input_tokens": 16,
            "input_token_details": {"text_tokens": 0, "audio_tokens": 16},
            "output_tokens": 8,
        },
    }


# Laws of both dialects.


@given(data=st.data())
def test_every_event_round_trips(data: st.DataObject, json_of: Strategies) -> None:
    row = data.draw(st.sampled_from([row for row in SERVER_EVENTS if row.ga]))
    event = msgspec.convert(data.draw(json_of(row.event)), row.event)
    (frame,) = encode(event)
    assert frame.startswith(b'{"type":"%s"' % str(row.ga).encode())
    assert msgspec.json.decode(frame, type=row.event) == event


@pytest.mark.parametrize("row", SERVER_EVENTS, ids=lambda row: row.event.__name__)
@settings(max_examples=10)
@given(data=st.data())
def test_every_event_has_its_name_in_each_dialect(row: Any, data: st.DataObject, json_of: Strategies) -> None:
    event = msgspec.convert(data.draw(json_of(row.event)), row.event)
    session = getattr(event, "session", None)
    for dialect, name in ((GA, row.ga), (BETA, row.beta)):
        if dialect is BETA and isinstance(session, TranscriptionSession):
            name = f"transcription_{name}"
        names = [msgspec.json.decode(frame)["type"] for frame in encode(event, dialect)]
        assert names == ([] if name is None else [name])


# The beta.


def test_beta_items_have_their_older_names() -> None:
    parts = (OutputText(text="a"), OutputAudio(transcript="b"))
    item = Message(id="item_1", role="assistant", content=parts)
    beta = {
        "id": "item_1",
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "text", "text": "a"}, {"type": "audio", "transcript": "b"}],
    }
    added = told(server_events.ConversationItemAdded(item=item, previous_item_id="item_0"), BETA)
    assert added == {"type": "conversation.item.created", "previous_item_id": "item_0", "item": beta}
    assert encode(server_events.ConversationItemDone(item=item), BETA) == []
    response = Response(output=(item,), audio=AUDIO, usage=usage_of(InputTokens(), OutputTokens()))
    done = told(response_events.ResponseDone(response=response), BETA)["response"]
    assert done["output"] == [beta]
    assert done["modalities"] == ["audio", "text"]
    assert done["usage"]["input_token_details"] == {"text_tokens": 0, "audio_tokens": 0, "cached_tokens": 0}


def test_beta_items_keep_what_the_user_said() -> None:
    item = Message(role="user", content=(InputText(text="a"),))
    event = server_events.ConversationItemRetrieved(item=item)
    assert told(event, BETA)["item"]["content"] == [{"type": "input_text", "text": "a"}]


def test_beta_response_is_flat() -> None:
    audio = ResponseAudio(output=ResponseOutput(format=Pcmu(), voice="voice_1"))
    response = Response(id="resp_1", audio=audio, temperature=0.8, metadata={"k": "v"})
    assert told(response_events.ResponseCreated(response=response), BETA)["response"] == {
        "object": "realtime.response",
        "id": "resp_1",
        "status": "in_progress",
        "status_details": None,
        "output": [],
        "conversation_id": None,
        "modalities": ["audio", "text"],
        "voice": "voice_1",
        "output_audio_format": "g711_ulaw",
        "temperature": 0.8,
        "max_output_tokens": "inf",
        "usage": None,
        "metadata": {"k": "v"},
    }


def test_beta_function_calls_end_without_the_name() -> None:
    done = response_events.ResponseFunctionCallArgumentsDone(
        response_id="resp_1", item_id="item_1", call_id="call_1", name="f", arguments="{}"
    )
    assert told(done)["name"] == "f"
    assert "name" not in told(done, BETA)


def test_conversation_created_is_beta_only() -> None:
    event = server_events.ConversationCreated(conversation=server_events.Conversation(id="conv_1"))
    assert encode(event, GA) == []
    assert told(event, BETA)["conversation"] == {"id": "conv_1", "object": "realtime.conversation"}


# Sizes.


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("size", [0, MAX_AUDIO_OUT, MAX_AUDIO_OUT + 1, 3 * MAX_AUDIO_OUT])
def test_long_audio_comes_in_frames_below_the_limit(size: int, dialect: Dialect) -> None:
    audio = bytes(range(256)) * (size // 256 + 1)
    event = response_events.ResponseOutputAudioDelta(response_id="resp_1", item_id="item_1", delta=audio[:size])
    frames = encode(event, dialect)
    assert len(frames) == max(1, -(-size // MAX_AUDIO_OUT))
    assert max(map(len, frames)) <= MAX_FRAME_OUT
    deltas = [msgspec.json.decode(frame) for frame in frames]
    assert b"".join(base64.b64decode(delta["delta"]) for delta in deltas) == audio[:size]
    assert all(len(base64.b64decode(delta["delta"])) % 2 == 0 for delta in deltas[:-1])  # no sample is cut
    assert len({delta["event_id"] for delta in deltas}) == len(deltas)


@pytest.mark.parametrize("dialect", Dialect)
def test_an_item_with_media_that_does_not_fit_goes_without(dialect: Dialect) -> None:
    parts = (InputText(text="a"), InputAudio(audio=bytes(2**20)), InputImage(image_url="data:" + "A" * 2**20))
    item = Message(role="user", content=parts)
    for event in (
        server_events.ConversationItemRetrieved(item=item),
        server_events.ConversationItemAdded(item=item),
        response_events.ResponseOutputItemDone(response_id="resp_1", item=item),
    ):
        assert told(event, dialect)["item"]["content"] == [
            {"type": "input_text", "text": "a"},
            {"type": "input_audio", "transcript": None},
            {"type": "input_image", "image_url": "", "detail": "auto"},
        ]


def test_an_item_with_audio_that_fits_keeps_it() -> None:
    item = Message(role="user", content=(InputAudio(audio=b"\0\1\2"),))
    event = server_events.ConversationItemRetrieved(item=item)
    assert told(event)["item"]["content"] == [{"type": "input_audio", "audio": "AAEC", "transcript": None}]
    assert told(event, BETA)["item"]["content"] == [{"type": "input_audio", "audio": "AAEC", "transcript": None}]


def test_items_leave_out_what_they_do_not_have() -> None:
    item = FunctionCall(id="item_1", name="f", call_id="call_1", arguments="", status="in_progress")
    event = response_events.ResponseOutputItemAdded(response_id="resp_1", item=item)
    assert told(event)["item"] == {
        "type": "function_call",
        "id": "item_1",
        "status": "in_progress",
        "name": "f",
        "call_id": "call_1",
        "arguments": "",
    }
