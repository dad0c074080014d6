"""A client's frame becomes a client event, or a mistake that says what is wrong with it."""

import msgspec

from . import beta
from .client_events import ClientEvent, ConversationItemCreate, ResponseCreate, SameInBoth
from .diagnosis import Path, diagnose, wrong_value
from .errors import ClientMistake, frame_is_not_json, frame_too_large, item_too_large, unknown_parameter
from .items import PARTS_OF_ROLE, Item, ItemReference, Message, without_media
from .json_values import Json, is_object
from .limits import MAX_FRAME_IN, MAX_FRAME_OUT, ROOM_FOR_ENVELOPE
from .names import TRANSCRIPTION_SESSION_UPDATE, Dialect, name_of
from .session_update import check_modalities

_DECODERS: dict[Dialect, msgspec.json.Decoder[ClientEvent]] = {
    Dialect.GA: msgspec.json.Decoder(ClientEvent),
    Dialect.BETA: msgspec.json.Decoder(SameInBoth),
}

_SESSION_UPDATES = {"session.update": "realtime", TRANSCRIPTION_SESSION_UPDATE: "transcription"}
"""Names of updates in the beta, and which type of session they are for."""


def decode_client_event(frame: str | bytes, dialect: Dialect = Dialect.GA) -> ClientEvent:
    """Return the event in a text frame, in the GA shape whatever the dialect.

    The member `session` of an update is taken as it is; `session_update.updated` reads it.

    Raises:
        ClientMistake: the frame is no event of this protocol. It holds the `event_id` that the client gave, if any.
    """
    if len(frame) > MAX_FRAME_IN:
        raise frame_too_large(len(frame), MAX_FRAME_IN)
    try:
        try:
            event = _DECODERS[dialect].decode(frame)
            _check(event, dialect)
        except (msgspec.ValidationError, ClientMistake):  # it has the beta's shape, or something is wrong
            event = _decoded_by_parts(frame, dialect)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise frame_is_not_json() from None
    return event


def _decoded_by_parts(frame: str | bytes, dialect: Dialect) -> ClientEvent:
    value = msgspec.json.decode(frame)
    if not is_object(value):
        raise ClientMistake("invalid_event", "Invalid event: expected an object.")
    try:
        if dialect is Dialect.BETA:
            value = _to_ga(value)
        try:
            event: ClientEvent = msgspec.convert(value, ClientEvent)
        except msgspec.ValidationError:
            rename = _beta_path if dialect is Dialect.BETA else None
            raise diagnose(value, ClientEvent, rename=rename) from None
        _check(event, dialect)
    except ClientMistake as mistake:
        event_id = value.get("event_id")
        mistake.event_id = event_id if isinstance(event_id, str) and len(event_id) <= 512 else None
        raise
    return event


def _to_ga(event: Json) -> Json:
    """Return a beta event in the GA shape; what has the wrong type is left for the types to refuse."""
    name, session, response = event.get("type"), event.get("session"), event.get("response")
    if isinstance(name, str) and name in _SESSION_UPDATES and is_object(session):
        return {**event, "type": "session.update", "session": {**session, "type": _SESSION_UPDATES[name]}}
    if name == "response.create" and is_object(response):
        return {**event, "response": beta.response_to_ga(response)}
    if name == "conversation.item.create" and "item" in event:
        return {**event, "item": beta.item_to_ga(event["item"])}
    return event


def _beta_path(path: Path) -> Path:
    return beta.response_path(path) if path[0] == "response" else path


# What the types cannot say.


def _check(event: ClientEvent, dialect: Dialect) -> None:
    if isinstance(event, ConversationItemCreate):
        _check_item(event.item, ("item",))
        room = MAX_FRAME_OUT - ROOM_FOR_ENVELOPE  # the item is echoed, without its media
        if len(msgspec.json.encode(without_media(event.item))) > room:
            raise item_too_large(room)
    elif isinstance(event, ResponseCreate) and event.response is not None:
        options = event.response
        for index, item in enumerate(options.input or ()):
            _check_item(item, ("response", "input", index))
        if options.output_modalities is not None:
            check_modalities(options.output_modalities, "response.output_modalities")
        if options.temperature is not None and dialect is Dialect.GA:
            raise unknown_parameter("response.temperature")


def _check_item(item: Item | ItemReference, path: Path) -> None:
    """Refuse a part that the role does not have."""
    if not isinstance(item, Message):
        return
    parts = PARTS_OF_ROLE[item.role]
    for index, part in enumerate(item.content):
        if not isinstance(part, parts):
            supported = [name_of(each) for each in parts]
            raise wrong_value((*path, "content", index, "type"), name_of(type(part)), supported)
