"""The official OpenAI client agrees: its typed models take what we send, and we take what its types can say.

The models validate strictly here, which the client itself does not do; members that a model does not know are counted,
as pydantic keeps silent about them.
"""

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Literal, get_args, get_origin

import msgspec
import pydantic
import pytest
import typing_extensions
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.beta.realtime import RealtimeServerEvent as BetaServerEvent
from openai.types.beta.realtime.realtime_client_event_param import RealtimeClientEventParam as BetaClientEventParam
from openai.types.beta.realtime.session_create_response import SessionCreateResponse as BetaSessionResponse
from openai.types.beta.realtime.transcription_session import TranscriptionSession as BetaTranscriptionSession
from openai.types.realtime import RealtimeServerEvent
from openai.types.realtime.client_secret_create_response import ClientSecretCreateResponse
from openai.types.realtime.realtime_audio_input_turn_detection_param import SemanticVad, ServerVad
from openai.types.realtime.realtime_client_event_param import RealtimeClientEventParam
from openai.types.realtime.response_create_event_with_references_param import ResponseCreateEventWithReferencesParam
from troupe.actors.realtime.client_events import SessionUpdate
from troupe.actors.realtime.client_secrets import (
    encode_beta_session,
    encode_client_secret,
    read_beta_session_request,
    read_client_secret_request,
)
from troupe.actors.realtime.decoding import decode_client_event
from troupe.actors.realtime.encoding import encode
from troupe.actors.realtime.items import (
    InputImage,
    McpApprovalRequest,
    McpApprovalResponse,
    McpCall,
    McpListTools,
)
from troupe.actors.realtime.names import CLIENT_EVENTS, SERVER_EVENTS, Dialect
from troupe.actors.realtime.server_events import SessionCreated, SessionUpdated
from troupe.actors.realtime.session_config import RealtimeSession, Session, TranscriptionSession
from troupe.actors.realtime.session_update import updated
from troupe.actors.realtime.tools import FunctionChoice, McpChoice, McpTool

Strategies = Callable[..., st.SearchStrategy[Any]]
Model = type[pydantic.BaseModel]
GA, BETA = Dialect.GA, Dialect.BETA


# What we send.


def models_of(union: Any) -> dict[str, Model]:
    """The client's models of server events, by the name of the event."""
    members = get_args(get_args(union)[0])  # Annotated[Union[...], ...]
    return {get_args(member.model_fields["type"].annotation)[0]: member for member in members}


MODELS = {GA: models_of(RealtimeServerEvent), BETA: models_of(BetaServerEvent)}


def unknown(value: Any, path: str = "") -> Iterator[str]:
    """The paths of members that no model knows, list indices left out."""
    if isinstance(value, pydantic.BaseModel):
        for name, inner in value:
            at = f"{path}.{name}" if path else name
            if name in (value.model_extra or {}):
                yield at
            else:
                yield from unknown(inner, at)
    elif isinstance(value, list):
        for inner in value:
            yield from unknown(inner, path)


def validated(model: Model, frame: bytes) -> set[str]:
    """Validate a frame; return what the model does not know of it."""
    return set(unknown(model.model_validate_json(frame, strict=True)))


def test_the_table_holds_every_event_that_the_client_knows() -> None:
    ours = {dialect: {row.ga if dialect is GA else row.beta for row in SERVER_EVENTS} - {None} for dialect in Dialect}
    assert set(MODELS[GA]) - ours[GA] == {"conversation.created", "conversation.item.created"}  # GA does not send them
    assert set(MODELS[BETA]) - ours[BETA] == {"transcription_session.updated"}  # `session.updated`, see below
    assert ours[GA] <= set(MODELS[GA])
    assert ours[BETA] <= set(MODELS[BETA])


# Members that the live service sends, or that only we do, and that the client's models do not know.
EXTRA = {
    "session.id",
    "session.object",
    "session.expires_at",
    "item.object",
    "response.output.object",
    "start_time",  # of captions, for LiveKit
}
# The client lists OpenAI's own connectors and the parts that a prompt's variables can be, we take any; temperature is
# the beta's.
NOT_GA = frozenset({"connector_id", "variables", "temperature"})


@pytest.mark.parametrize("name", sorted(row.ga for row in SERVER_EVENTS if row.ga))
@settings(max_examples=25)
@given(data=st.data())
def test_ga_event_fits_the_clients_model(name: str, data: st.DataObject, json_of: Strategies) -> None:
    (row,) = [row for row in SERVER_EVENTS if row.ga == name]
    event = msgspec.convert(data.draw(json_of(row.event, NOT_GA)), row.event)
    (frame,) = encode(event)
    assert validated(MODELS[GA][name], frame) <= EXTRA


# Newer than the beta: the client's beta models do not know them, and no beta client can ask for them.
NOT_BETA = frozenset(
    {
        *(InputImage, McpListTools, McpCall, McpApprovalRequest, McpApprovalResponse, TranscriptionSession),
        *(McpTool, McpChoice, FunctionChoice, "reasoning", "parallel_tool_calls", "prompt", "truncation", "include"),
        *("languages", "keywords", "delay", "strength", "idle_timeout_ms", "model"),
    }
)
BETA_EXTRA = {
    f"session.{name}" for name in ("object", "expires_at", "truncation", "prompt", "include", "client_secret")
} | {"session.turn_detection.idle_timeout_ms", "start_time"}


@pytest.mark.parametrize("name", sorted(row.beta for row in SERVER_EVENTS if row.beta))
@settings(max_examples=25)
@given(data=st.data())
def test_beta_event_fits_the_clients_model(name: str, data: st.DataObject, json_of: Strategies) -> None:
    (row,) = [row for row in SERVER_EVENTS if row.beta == name]
    drawn = data.draw(json_of(row.event, NOT_BETA))
    if "session" in drawn:  # the client lists OpenAI's own models
        drawn["session"] = {**drawn["session"], "model": "gpt-realtime"}
    (frame,) = encode(msgspec.convert(drawn, row.event), BETA)
    assert validated(MODELS[BETA][name], frame) <= BETA_EXTRA


@pytest.mark.parametrize("name", ["transcription_session.created", "transcription_session.updated"])
def test_beta_transcription_session_fits_the_clients_model(name: str) -> None:
    event = (SessionCreated if name.endswith("created") else SessionUpdated)(session=TranscriptionSession())
    (frame,) = encode(event, BETA)
    decoded = msgspec.json.decode(frame)
    assert decoded["type"] == name
    # Over a WebSocket the secret is null, which the client's model does not say.
    session = decoded["session"] | {"client_secret": {"value": "ek_1", "expires_at": 1}}
    known = BetaTranscriptionSession.model_validate(session, strict=True)
    assert set(unknown(known)) == {"id", "object", "expires_at", "input_audio_noise_reduction", "include"}


OPENING = RealtimeSession(model="gpt-realtime")


@pytest.mark.parametrize("kind", ["realtime", "transcription"])
def test_client_secret_fits_the_clients_model(kind: str) -> None:
    request = read_client_secret_request(b'{"session":{"type":"%s"}}' % kind.encode(), opening=OPENING)
    answer = encode_client_secret(request, "ek_1", 1)
    assert validated(ClientSecretCreateResponse, answer) == set()


def test_beta_session_fits_the_clients_model() -> None:
    request = read_beta_session_request(b'{"voice":"ash"}', opening=OPENING)
    members = {"object", "id", "model", "truncation", "prompt", "expires_at", "input_audio_noise_reduction", "include"}
    extra = validated(BetaSessionResponse, encode_beta_session(request, "ek_1", 1))
    assert extra <= members | {
        f"turn_detection.{name}" for name in ("idle_timeout_ms", "create_response", "interrupt_response")
    }


# What the client can say: values drawn from its types.

BASE64 = st.binary(max_size=8).map(lambda data: base64.b64encode(data).decode())
TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
CALL_ID = st.from_regex("[a-zA-Z0-9_-]{1,8}", fullmatch=True)
SAID: dict[str, st.SearchStrategy[Any]] = {  # what is allowed beyond what the types tell
    "call_id": CALL_ID,
    "conversation": st.sampled_from(["auto", "none"]),
    "include": st.just(["item.input_audio_transcription.logprobs"]),
    "idle_timeout_ms": st.none() | st.integers(5000, 30000),
    "max_output_tokens": st.just("inf") | st.integers(1, 4096),
    "max_response_output_tokens": st.just("inf") | st.integers(1, 4096),
    "modalities": st.sampled_from([["text"], ["text", "audio"], ["audio", "text"]]),
    "output_modalities": st.sampled_from([["text"], ["audio"]]),
    "speed": st.floats(0.25, 1.5),
    "temperature": st.floats(0.6, 1.2),
    "tool_choice": st.sampled_from(["auto", "none", "required", {"type": "function", "name": "f"}]),
}
NEEDED = {"type", "name"}
"""Optional in the client's types, but refused if absent."""
PRIMITIVES: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(0, 4000),
    float: st.floats(0, 1),
    bool: st.booleans(),
    str: TEXT,
    type(None): st.none(),
    object: st.just({"type": "object", "properties": {"a": {"default": None}}}),
}
PARTS: dict[str, list[dict[str, Any]]] = {  # the client has one type for all of them
    "system": [{"type": "input_text", "text": "a"}],
    "user": [
        {"type": "input_text", "text": "a"},
        {"type": "input_audio", "audio": "AAEC", "transcript": "a"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAEC", "detail": "low"},
    ],
    "assistant": [{"type": "output_text", "text": "a"}, {"type": "output_audio", "audio": "AAEC", "transcript": "a"}],
}
BETA_PARTS = {**PARTS, "assistant": [{"type": "text", "text": "a"}, {"type": "audio", "transcript": "a"}]}


@cache
def said(kind: Any, name: str = "") -> st.SearchStrategy[Any]:
    """What the client's type `kind` allows as the member `name`."""
    arguments, origin = get_args(kind), get_origin(kind)
    if name in SAID:
        return SAID[name]
    if kind is str and name == "audio":
        return BASE64
    if kind in PRIMITIVES:
        return PRIMITIVES[kind]
    if typing_extensions.is_typeddict(kind):
        return said_object(kind)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is dict:
        return st.dictionaries(TEXT, said(arguments[1]), max_size=3)
    if origin in (list, Iterable, Sequence):
        return st.lists(said(arguments[0]), max_size=3)
    return st.one_of([said(each, name) for each in arguments])


def said_object(kind: Any) -> st.SearchStrategy[Any]:
    members = typing_extensions.get_type_hints(kind, include_extras=True)
    bare = typing_extensions.get_type_hints(kind)
    if "content" in members:
        return said_items(bare)
    if {"eagerness", "threshold"} <= set(members):  # the beta has one type for both ways
        return st.one_of(said(ServerVad), said(SemanticVad))
    required = {name for name in members if name in NEEDED or get_origin(members[name]) is typing_extensions.Required}
    return st.fixed_dictionaries(
        {name: said(bare[name], name) for name in required},
        optional={name: said(bare[name], name) for name in bare if name not in required},
    )


def said_items(members: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Messages; in the beta the same type is that of all items."""
    optional = {name: said(members[name], name) for name in ("id", "object", "status")}
    types = get_args(members["type"])
    parts = PARTS if types == ("message",) else BETA_PARTS
    items = [
        {"type": "message", "role": role, "content": content}
        for role in get_args(members["role"])
        for content in ([], parts[role])
    ]
    items += [{"type": "function_call", "name": "f", "arguments": "{}"}] if "function_call" in types else []
    items += [{"type": "function_call_output", "call_id": "c", "output": ""}] if "function_call_output" in types else []
    items += [{"type": "item_reference", "id": "item_1"}] if "item_reference" in types else []
    return st.sampled_from(items).flatmap(
        lambda item: st.fixed_dictionaries(
            {name: st.just(value) for name, value in item.items()},
            optional={} if item["type"] == "item_reference" else optional,
        )
    )


def names_of(*events: Any) -> dict[str, Any]:
    return {get_args(typing_extensions.get_type_hints(event)["type"])[0]: event for event in events}


SAID_IN = {
    GA: names_of(*get_args(RealtimeClientEventParam), ResponseCreateEventWithReferencesParam),
    BETA: names_of(*get_args(BetaClientEventParam)),
}


def test_the_table_holds_every_event_that_the_client_can_send() -> None:
    ours = {row.name for row in CLIENT_EVENTS}
    assert set(SAID_IN[GA]) == ours
    assert set(SAID_IN[BETA]) == ours | {"transcription_session.update"}


@pytest.mark.parametrize(("dialect", "name"), [(dialect, name) for dialect in Dialect for name in SAID_IN[dialect]])
@settings(max_examples=40)
@given(data=st.data())
def test_what_the_client_can_send_is_taken(dialect: Dialect, name: str, data: st.DataObject) -> None:
    sent = data.draw(said(SAID_IN[dialect][name]))
    event = decode_client_event(msgspec.json.encode(sent), dialect)
    assert event.event_id == sent.get("event_id")
    if isinstance(event, SessionUpdate):
        kind = event.session["type"]
        start: Session = RealtimeSession(model="m") if kind == "realtime" else TranscriptionSession()
        assert updated(start, event.session, dialect).id == start.id
