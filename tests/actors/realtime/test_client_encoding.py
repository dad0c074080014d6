"""What a client says is read by a server as what it was."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.actors.realtime.client_encoding import encode_client_event
from troupe.actors.realtime.client_events import (
    ClientEvent,
    ConversationItemCreate,
    InputAudioBufferAppend,
    ResponseCreate,
    SessionUpdate,
)
from troupe.actors.realtime.items import InputAudio, Message
from troupe.actors.realtime.responses import ResponseOptions
from troupe.actors.realtime.tools import FunctionTool


def test_every_event_is_read_as_what_it_was(json_of: Callable[..., st.SearchStrategy[Any]]) -> None:
    @given(json_of(ClientEvent))
    @settings(max_examples=40)
    def check(value: Any) -> None:
        event = msgspec.convert(value, ClientEvent)
        frame = encode_client_event(event)
        read = msgspec.json.decode(frame, type=ClientEvent)
        assert type(read) is type(event)
        assert encode_client_event(read) == frame  # what was null may be absent

    check()


def written(event: ClientEvent) -> Any:
    return json.loads(encode_client_event(event))


def test_nobody_is_sent_nulls_that_say_nothing() -> None:
    assert written(ResponseCreate()) == {"type": "response.create"}
    options = ResponseOptions(instructions="Be brief.")
    assert written(ResponseCreate(response=options))["response"] == {"instructions": "Be brief."}
    item = written(ConversationItemCreate(item=Message(id="i", role="user", content=(InputAudio(audio=b"\0"),))))[
        "item"
    ]
    assert item["content"] == [{"type": "input_audio", "audio": "AA=="}]


def test_nulls_of_the_client_s_own_stay() -> None:
    assert written(SessionUpdate(session={"tracing": None}))["session"] == {"tracing": None}
    tool = FunctionTool(name="f", parameters={"default": None})
    event = ResponseCreate(response=ResponseOptions(tools=(tool,)))
    assert written(event)["response"]["tools"][0]["parameters"] == {"default": None}


def test_audio() -> None:
    assert written(InputAudioBufferAppend(audio=b"\0\1\2")) == {"type": "input_audio_buffer.append", "audio": "AAEC"}
    assert written(InputAudioBufferAppend(audio=b"", event_id='"'))["event_id"] == '"'
