"""A server event becomes the frames in which a client of one dialect gets it.

GA events are the structs themselves. For the beta, most are too; some only change their name, which is the first member
and so the head of the frame; the others change shape and take a slower way through plain dicts.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from . import beta
from .ids import new_event_id
from .items import without_media
from .limits import MAX_AUDIO_OUT, MAX_FRAME_OUT
from .names import SERVER_EVENTS, Dialect, name_of
from .response_events import (
    ResponseCreated,
    ResponseDone,
    ResponseFunctionCallArgumentsDone,
    ResponseOutputAudioDelta,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
)
from .server_events import (
    ConversationItemAdded,
    ConversationItemDone,
    ConversationItemRetrieved,
    ServerEvent,
    SessionCreated,
    SessionUpdated,
)
from .session_config import TranscriptionSession

_encode = msgspec.json.Encoder().encode


def encode(event: ServerEvent, dialect: Dialect = Dialect.GA) -> list[bytes]:
    """Return the text frames, as UTF-8, that tell a client of `event`.

    That is one frame as a rule; none where the dialect does not have the event; several, each with its own event id,
    for audio that does not fit in one. An item whose media does not fit goes without it.
    """
    if isinstance(event, ResponseOutputAudioDelta) and len(event.delta) > MAX_AUDIO_OUT:
        return [frame for part in _split(event) for frame in encode(part, dialect)]
    way = _WAYS[dialect][type(event)]
    if way is None:
        return []
    frame = way(event)
    if len(frame) > MAX_FRAME_OUT and isinstance(event, _WITH_ITEM):
        frame = way(replace(event, item=without_media(event.item)))
    return [frame]


_WITH_ITEM = (
    ConversationItemAdded,
    ConversationItemDone,
    ConversationItemRetrieved,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
)


def _split(event: ResponseOutputAudioDelta) -> list[ResponseOutputAudioDelta]:
    starts = range(0, len(event.delta), MAX_AUDIO_OUT)
    pieces = [event.delta[start : start + MAX_AUDIO_OUT] for start in starts]
    return [replace(event, event_id=new_event_id(), delta=piece) for piece in pieces]


# The ways to the beta.


def _renamed(ours: str, theirs: str, way: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """Return a way that replaces the name of the event."""
    head = b'{"type":"%s"' % theirs.encode()
    length = len(b'{"type":"%s"' % ours.encode())
    return lambda event: head + way(event)[length:]


def _with_item(event: Any) -> bytes:
    shape = msgspec.to_builtins(event)
    shape["item"] = beta.item_from_ga(shape["item"])
    return _encode(shape)


def _with_response(event: ResponseCreated | ResponseDone) -> bytes:
    return _encode(
        {"type": name_of(type(event)), "event_id": event.event_id, "response": beta.response_from_ga(event.response)}
    )


def _with_session(event: SessionCreated | SessionUpdated) -> bytes:
    transcription = isinstance(event.session, TranscriptionSession)
    name = ("transcription_" if transcription else "") + name_of(type(event))
    return _encode({"type": name, "event_id": event.event_id, "session": beta.session_from_ga(event.session)})


def _without_name(event: ResponseFunctionCallArgumentsDone) -> bytes:
    shape = msgspec.to_builtins(event)
    del shape["name"]
    return _encode(shape)


_SHAPES: dict[type[ServerEvent], Callable[[Any], bytes]] = {
    SessionCreated: _with_session,
    SessionUpdated: _with_session,
    ConversationItemAdded: _with_item,
    ConversationItemRetrieved: _with_item,
    ResponseOutputItemAdded: _with_item,
    ResponseOutputItemDone: _with_item,
    ResponseCreated: _with_response,
    ResponseDone: _with_response,
    ResponseFunctionCallArgumentsDone: _without_name,
}


def _ways(dialect: Dialect) -> dict[type[ServerEvent], Callable[[Any], bytes] | None]:
    """Return how each event is encoded; None for those that the dialect does not have."""
    ways: dict[type[ServerEvent], Callable[[Any], bytes] | None] = {}
    for row in SERVER_EVENTS:
        ours, theirs = name_of(row.event), row.ga if dialect is Dialect.GA else row.beta
        way = _encode if dialect is Dialect.GA else _SHAPES.get(row.event, _encode)
        if theirs is None:
            ways[row.event] = None
        else:
            ways[row.event] = way if theirs == ours else _renamed(ours, theirs, way)
    return ways


_WAYS = {dialect: _ways(dialect) for dialect in Dialect}
