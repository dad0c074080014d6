"""A client event becomes the frame in which a server gets it, in GA's dialect.

Members that are null because nobody has said anything are left out: services refuse some of these nulls. What a session
update says is taken as it is, as null means something there.
"""

from typing import Any

import msgspec
from msgspec import UNSET, Struct

from .client_events import ClientEvent, InputAudioBufferAppend, SessionUpdate
from .json_values import is_array


def encode_client_event(event: ClientEvent) -> str:
    """Return the text frame that says it."""
    if isinstance(event, InputAudioBufferAppend) and event.event_id is None:  # fifty times a second
        return '{"type":"input_audio_buffer.append","audio":' + msgspec.json.encode(event.audio).decode() + "}"
    said = _said(event)
    if isinstance(event, SessionUpdate):
        said["session"] = event.session
    return msgspec.json.encode(said).decode()


def _said(value: Any) -> Any:
    """Return a value without the members of structs that say nothing; JSON of the client's own stays as it is."""
    if isinstance(value, Struct):
        config = value.__struct_config__
        said: dict[str, Any] = {} if config.tag_field is None else {config.tag_field: config.tag}
        for name in value.__struct_fields__:
            member = getattr(value, name)
            if member is not None and member is not UNSET:
                said[name] = _said(member)
        return said
    if is_array(value):
        return [_said(each) for each in value]
    return value
