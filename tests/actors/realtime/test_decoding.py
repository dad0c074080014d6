"""Frames of clients: what is taken, what is refused, and in which words."""

import base64
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime.decoding import decode_client_event
from troupe.actors.realtime.errors import ClientMistake
from troupe.actors.realtime.items import FunctionCallOutput, InputAudio, InputText, Message, OutputText
from troupe.actors.realtime.limits import MAX_AUDIO_IN, MAX_FRAME_IN
from troupe.actors.realtime.names import CLIENT_EVENTS, Dialect
from troupe.actors.realtime.session_config import RealtimeSession
from troupe.actors.realtime.session_update import updated

Strategies = Callable[..., st.SearchStrategy[Any]]
GA, BETA = Dialect.GA, Dialect.BETA


def mistake(frame: Any, dialect: Dialect = GA) -> ClientMistake:
    with pytest.raises(ClientMistake) as caught:
        decode_client_event(frame if isinstance(frame, str | bytes) else msgspec.json.encode(frame), dialect)
    return caught.value


def user_says(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


# What is taken.


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(
    "frame",
    ['{"type":"input_audio_buffer.append","audio":"AAEC"}', b'{"audio":"AAEC","type":"input_audio_buffer.append"}'],
)
def test_append_holds_the_audio_itself(frame: str | bytes, dialect: Dialect) -> None:
    assert decode_client_event(frame, dialect) == client.InputAudioBufferAppend(audio=b"\0\1\2")


def test_an_item_keeps_the_clients_id_and_gets_one_where_it_has_none() -> None:
    event = decode_client_event(
        msgspec.json.encode({"type": "conversation.item.create", "item": {**user_says("hi"), "id": "mine"}})
    )
    assert isinstance(event, client.ConversationItemCreate)
    assert event.item == Message(id="mine", role="user", content=(InputText(text="hi"),))
    event = decode_client_event(msgspec.json.encode({"type": "conversation.item.create", "item": user_says("hi")}))
    assert isinstance(event, client.ConversationItemCreate)
    assert event.item.id.startswith("item_")


def test_audio_of_an_item_is_decoded() -> None:
    item = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_audio", "audio": "AAEC", "transcript": "hm"}],
    }
    event = decode_client_event(
        msgspec.json.encode({"type": "conversation.item.create", "item": item, "previous_item_id": "root"})
    )
    assert isinstance(event, client.ConversationItemCreate)
    assert event.previous_item_id == "root"
    assert isinstance(event.item, Message)
    assert event.item.content == (InputAudio(audio=b"\0\1\2", transcript="hm"),)


def test_an_unknown_member_of_the_event_itself_is_ignored() -> None:
    assert decode_client_event('{"type":"input_audio_buffer.clear","extra":1}') == client.InputAudioBufferClear()


def test_fifteen_mebibytes_of_audio_in_one_append() -> None:
    audio = bytes(MAX_AUDIO_IN)
    event = decode_client_event(b'{"type":"input_audio_buffer.append","audio":"%s"}' % base64.b64encode(audio))
    assert event == client.InputAudioBufferAppend(audio=audio)


def test_an_empty_append_is_taken() -> None:
    assert decode_client_event('{"type":"input_audio_buffer.append","audio":""}') == client.InputAudioBufferAppend(
        audio=b""
    )


def test_nulls_in_what_is_asked_of_a_response_are_as_good_as_absent() -> None:
    event = decode_client_event('{"type":"response.create","response":{"input":null,"tools":null,"metadata":null}}')
    assert event == client.ResponseCreate(response=client.ResponseOptions())


# The beta.


def test_beta_response_has_the_ga_shape_inside() -> None:
    flat = {
        "modalities": ["text", "audio"],
        "voice": "ash",
        "output_audio_format": "g711_ulaw",
        "temperature": 0.7,
        "max_response_output_tokens": 100,
        "input": [{"type": "message", "role": "assistant", "content": [{"type": "text", "text": "hi"}]}],
    }
    event = decode_client_event(msgspec.json.encode({"type": "response.create", "response": flat}), BETA)
    assert isinstance(event, client.ResponseCreate)
    assert event.response is not None
    assert msgspec.to_builtins(event.response)["audio"] == {
        "output": {"format": {"type": "audio/pcmu"}, "voice": "ash"}
    }
    assert event.response.output_modalities == ("audio",)
    assert event.response.max_output_tokens == 100
    assert event.response.temperature == 0.7
    (item,) = event.response.input or ()
    assert isinstance(item, Message)
    assert item.content == (OutputText(text="hi"),)


def test_beta_names_of_content_types_are_understood() -> None:
    item = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "hi"}]}
    event = decode_client_event(msgspec.json.encode({"type": "conversation.item.create", "item": item}), BETA)
    assert isinstance(event, client.ConversationItemCreate)
    assert isinstance(event.item, Message)
    assert event.item.content == (OutputText(text="hi"),)


@pytest.mark.parametrize(
    ("name", "kind"), [("session.update", "realtime"), ("transcription_session.update", "transcription")]
)
def test_beta_updates_say_which_session_they_are_for(name: str, kind: str) -> None:
    event = decode_client_event(msgspec.json.encode({"type": name, "session": {"turn_detection": None}}), BETA)
    assert event == client.SessionUpdate(session={"turn_detection": None, "type": kind})


# What is refused. The texts marked R are of recordings or reports of the live service.

SUPPORTED = (
    "'session.update', 'input_audio_buffer.append', 'input_audio_buffer.commit', 'input_audio_buffer.clear', "
    "'output_audio_buffer.clear', 'conversation.item.create', 'conversation.item.truncate', "
    "'conversation.item.delete', 'conversation.item.retrieve', 'response.create', and 'response.cancel'"
)
REFUSED: list[tuple[Any, str | None, str | None, str]] = [
    ("not json", "invalid_json", None, "Invalid event: failed to parse JSON value. "),  # R
    ("", "invalid_json", None, "Invalid event: failed to parse JSON value. "),
    ('{"type":"input_audio_buffer.clear"} {}', "invalid_json", None, "Invalid event: failed to parse JSON value. "),
    (b'{"type":"input_audio_buffer.clear","event_id":"\xff"}', "invalid_json", None, "Invalid event: failed to"),
    ("[" * 100_000, "invalid_json", None, "Invalid event: failed to parse JSON value. "),
    ("[]", "invalid_event", None, "Invalid event: expected an object."),
    ("null", "invalid_event", None, "Invalid event: expected an object."),
    ({}, "missing_required_parameter", "type", "Missing required parameter: 'type'."),
    ({"type": 5}, "invalid_type", "type", "Invalid type for 'type': expected a string, but got an integer instead."),
    ({"type": "nope"}, "invalid_value", "type", f"Invalid value: 'nope'. Supported values are: {SUPPORTED}."),  # R
    (
        {"type": "input_audio_buffer.append"},
        "missing_required_parameter",
        "audio",
        "Missing required parameter: 'audio'.",
    ),
    (
        {"type": "input_audio_buffer.append", "audio": "AAE"},
        "invalid_value",
        "audio",
        "Invalid 'audio'. Expected base64-encoded audio bytes but got an invalid value.",  # R, with the format's name
    ),
    (
        {"type": "input_audio_buffer.append", "audio": [0, 1]},
        "invalid_type",
        "audio",
        "Invalid type for 'audio': expected a string, but got an array instead.",
    ),
    (
        {"type": "conversation.item.truncate", "item_id": "x", "content_index": 0, "audio_end_ms": 1.5},
        "invalid_type",
        "audio_end_ms",
        "Invalid type for 'audio_end_ms': expected an integer, but got a decimal number instead.",  # R
    ),
    (
        {"type": "conversation.item.truncate", "item_id": "x", "content_index": 0, "audio_end_ms": -11},
        "integer_below_min_value",
        "audio_end_ms",
        "Invalid 'audio_end_ms': integer below minimum value. Expected a value >= 0, but got -11 instead.",  # R
    ),
    (
        {"type": "conversation.item.create", "item": {"role": "user", "content": []}},
        "missing_required_parameter",
        "item.type",
        "Missing required parameter: 'item.type'.",  # R
    ),
    (
        {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": "hi"}},
        "invalid_type",
        "item.content",
        "Invalid type for 'item.content': expected an array of objects, but got a string instead.",  # R
    ),
    (
        {"type": "conversation.item.create", "item": {**user_says("hi"), "name": "x"}},
        "unknown_parameter",
        "item.name",
        "Unknown parameter: 'item.name'.",  # R
    ),
    (
        {"type": "conversation.item.create", "item": {**user_says("hi"), "role": "assistant"}},
        "invalid_value",
        "item.content[0].type",
        "Invalid value: 'input_text'. Supported values are: 'output_text' and 'output_audio'.",
    ),
    (
        {
            "type": "conversation.item.create",
            "item": {**user_says("hi"), "role": "system", "content": [{"type": "text"}]},
        },
        "invalid_value",
        "item.content[0].type",
        "Invalid value: 'text'. Supported values are: 'input_text', 'input_audio', 'input_image', 'output_text', ",
    ),
    (
        {"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "a b", "output": ""}},
        "invalid_value",
        "item.call_id",
        "Invalid 'item.call_id': string does not match pattern. Expected a string that matches the pattern ",
    ),
    (
        {"type": "conversation.item.create", "item": {**user_says("hi"), "id": "x" * 513}},
        "string_above_max_length",
        "item.id",
        "Invalid 'item.id': string too long. Expected a string with maximum length 512, but got a string with ",  # R
    ),
    (
        {"type": "conversation.item.create", "item": {**user_says("hi"), "id": ""}},
        "empty_string",
        "item.id",
        "Invalid 'item.id': empty string. Expected a string with minimum length 1, but got an empty string instead.",
    ),
    (
        {"type": "conversation.item.create", "item": user_says("x" * 2**20)},
        "string_above_max_length",
        "item",
        "Invalid 'item': text too long.",
    ),
    (
        {"type": "response.create", "response": {"modalities": ["text"]}},
        "unknown_parameter",
        "response.modalities",
        "Unknown parameter: 'response.modalities'.",  # R
    ),
    (
        {"type": "response.create", "response": {"temperature": 0.8}},
        "unknown_parameter",
        "response.temperature",
        "Unknown parameter: 'response.temperature'.",
    ),
    (
        {"type": "response.create", "response": {"output_modalities": ["audio", "text"]}},
        "invalid_value",
        "response.output_modalities",
        "Invalid modalities: ['audio', 'text']. Supported combinations are: ['text'] and ['audio'].",  # R
    ),
    (
        {"type": "response.create", "response": {"output_modalities": ["video"]}},
        "invalid_value",
        "response.output_modalities[0]",
        "Invalid value: 'video'. Supported values are: 'audio' and 'text'.",
    ),
    (
        {"type": "response.create", "response": {"max_output_tokens": 5000}},
        "integer_above_max_value",
        "response.max_output_tokens",
        "Invalid 'response.max_output_tokens': integer above maximum value. Expected a value <= 4096, but got 5000 ",
    ),
    (
        {"type": "response.create", "response": {"max_output_tokens": 1.5}},
        "invalid_type",
        "response.max_output_tokens",
        "Invalid type for 'response.max_output_tokens': expected one of an integer or string, but got ",
    ),
    (
        {"type": "response.create", "response": {"metadata": {str(number): "" for number in range(17)}}},
        "object_above_max_properties",
        "response.metadata",
        "Invalid 'response.metadata': too many properties. Expected an object with at most 16 properties, but got ",
    ),
    (
        {"type": "response.create", "response": {"metadata": {"k": "x" * 513}}},
        "string_above_max_length",
        "response.metadata.k",
        "Invalid 'response.metadata.k': string too long. Expected a string with maximum length 512",
    ),
    (
        {"type": "response.create", "response": {"input": [{**user_says("x"), "role": "assistant"}]}},
        "invalid_value",
        "response.input[0].content[0].type",
        "Invalid value: 'input_text'. Supported values are: 'output_text' and 'output_audio'.",
    ),
    (
        {
            "type": "response.create",
            "response": {"tools": [{"type": "function", "name": "f", "description": "x" * 2473}]},
        },
        "string_above_max_length",
        "response.tools[0].description",
        "Invalid 'response.tools[0].description': string too long. Expected a string with maximum length 1024, ",  # R
    ),
]


@pytest.mark.parametrize(("frame", "code", "param", "message"), REFUSED)
def test_refused(frame: Any, code: str | None, param: str | None, message: str) -> None:
    found = mistake(frame)
    assert (found.code, found.param) == (code, param)
    assert found.message.startswith(message)


BETA_REFUSED: list[tuple[Any, str, str, str]] = [
    (
        {"type": "response.create", "response": {"max_response_output_tokens": 0}},
        "integer_below_min_value",
        "response.max_response_output_tokens",
        "Invalid 'response.max_response_output_tokens': integer below minimum value. Expected a value >= 1, but got 0 ",
    ),
    (
        {"type": "response.create", "response": {"output_audio_format": "mp3"}},
        "invalid_value",
        "response.output_audio_format",
        "Invalid value: 'mp3'. Supported values are: 'pcm16', 'g711_ulaw', and 'g711_alaw'.",
    ),
    (
        {"type": "response.create", "response": {"output_modalities": ["text"]}},
        "unknown_parameter",
        "response.output_modalities",
        "Unknown parameter: 'response.output_modalities'.",
    ),
    (
        {"type": "response.create", "response": {"modalities": ["audio"]}},
        "invalid_value",
        "response.modalities",
        "Invalid modalities: ['audio']. Supported combinations are: ['text'] and ['audio', 'text'].",  # R
    ),
    (
        {"type": "response.create", "response": {"temperature": 2}},
        "decimal_above_max_value",
        "response.temperature",
        "Invalid 'response.temperature': decimal above maximum value. Expected a value <= 1.2, but got 2 instead.",
    ),
]


@pytest.mark.parametrize(("frame", "code", "param", "message"), BETA_REFUSED)
def test_refused_in_the_words_of_the_beta(frame: Any, code: str, param: str, message: str) -> None:
    found = mistake(frame, BETA)
    assert (found.code, found.param) == (code, param)
    assert found.message.startswith(message)


@pytest.mark.parametrize("dialect", Dialect)
def test_a_frame_too_large_is_refused_unread(dialect: Dialect) -> None:
    assert mistake("[" * (MAX_FRAME_IN + 1), dialect).code == "invalid_event"


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(
    "event", [{"type": "nope"}, {"type": "response.create", "response": {"output_modalities": [], "modalities": []}}]
)
def test_a_mistake_names_the_event(event: dict[str, Any], dialect: Dialect) -> None:
    found = mistake({**event, "event_id": "mine"}, dialect)
    assert found.event_id == "mine"
    assert found.details().event_id == "mine"


@pytest.mark.parametrize("event_id", ["x" * 513, 7, ["x"]])
def test_an_unusable_event_id_is_refused_and_not_repeated(event_id: Any) -> None:
    found = mistake({"type": "input_audio_buffer.clear", "event_id": event_id})
    assert found.param == "event_id"
    assert found.event_id is None


def test_a_mistake_quotes_no_more_than_a_start() -> None:
    assert len(mistake({"type": "x" * 10**6}).message) < 1000
    assert len(mistake({"type": "response.create", "response": {"x" * 10**6: 1}}).message) < 1000


# Whatever comes, it is an event or a mistake.


def survives(frame: str | bytes, dialect: Dialect) -> None:
    try:
        event = decode_client_event(frame, dialect)
        if isinstance(event, client.SessionUpdate):
            updated(RealtimeSession(model="m"), event.session, dialect)
    except ClientMistake as refused:
        found = refused
    else:
        return
    assert found.message != "Invalid event: it does not have the expected form."
    assert len(msgspec.json.encode(found.details())) < 4096


DIALECTS = st.sampled_from(Dialect)


@given(frame=st.text() | st.binary(), dialect=DIALECTS)
def test_any_text_is_survived(frame: str | bytes, dialect: Dialect) -> None:
    survives(frame, dialect)


@given(data=st.data(), dialect=DIALECTS)
def test_any_json_is_survived(data: st.DataObject, dialect: Dialect, plain: st.SearchStrategy[Any]) -> None:
    survives(msgspec.json.encode(data.draw(plain)), dialect)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything inside."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [found for key, each in inside for found in places(each, (*path, key))]


@settings(max_examples=400)
@given(data=st.data(), dialect=DIALECTS)
def test_any_event_with_something_else_in_it_is_survived(
    data: st.DataObject, dialect: Dialect, plain: st.SearchStrategy[Any], json_of: Strategies
) -> None:
    event = data.draw(st.one_of([json_of(row.event) for row in CLIENT_EVENTS]))
    if event["type"] == "session.update":
        event["session"] = data.draw(json_of(RealtimeSession))
    event = msgspec.json.decode(msgspec.json.encode(event))  # what is drawn must not be changed
    for _ in range(data.draw(st.integers(1, 2))):
        *way, last = data.draw(st.sampled_from(places(event)))
        inside = event
        for step in way:
            inside = inside[step]
        match data.draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                inside[last] = data.draw(plain)
            case "remove":
                del inside[last]
            case _ if isinstance(inside, dict):
                inside[data.draw(st.text(max_size=5))] = data.draw(plain)
        if not event:
            break
    survives(msgspec.json.encode(event), dialect)


@given(data=st.data())
def test_what_fits_the_types_is_taken_and_round_trips(data: st.DataObject, json_of: Strategies) -> None:
    row = data.draw(st.sampled_from(CLIENT_EVENTS))
    sent = data.draw(json_of(row.event, leave_out=frozenset({"temperature"})))
    event = decode_client_event(msgspec.json.encode(sent))
    assert type(event) is row.event
    assert decode_client_event(msgspec.json.encode(event)) == event


def test_outputs_of_functions_may_hold_any_text() -> None:
    event = decode_client_event(
        '{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"c","output":"\\u0000é"}}'
    )
    assert isinstance(event, client.ConversationItemCreate)
    assert isinstance(event.item, FunctionCallOutput)
    assert event.item.output == "\0é"
