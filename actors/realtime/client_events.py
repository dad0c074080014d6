"""Everything that a client can send over a WebSocket.

An unknown member of the event itself is ignored; unknown members deeper down are refused, as OpenAI does.
"""

from typing import Annotated

from msgspec import Meta, Struct

from .items import Item
from .json_values import Json
from .responses import ResponseOptions
from .session_config import Milliseconds

SessionPatch = Json
"""The members of a session that a client wants changed, in the shape of its dialect; for `session_update`."""


class _ClientEvent(Struct, frozen=True, kw_only=True, tag_field="type"):
    event_id: Annotated[str, Meta(max_length=512)] | None = None
    """The client's own; an error about this event repeats it."""


class SessionUpdate(_ClientEvent, frozen=True, kw_only=True, tag="session.update"):
    """Change the configuration; answered by `session.updated`."""

    session: SessionPatch


class InputAudioBufferAppend(_ClientEvent, frozen=True, kw_only=True, tag="input_audio_buffer.append"):
    """Add audio to the input buffer; not answered."""

    audio: bytes
    """In the session's input format, base64 on the wire."""


class InputAudioBufferCommit(_ClientEvent, frozen=True, kw_only=True, tag="input_audio_buffer.commit"):
    """Make a user's item of the input buffer; answered by `input_audio_buffer.committed`."""


class InputAudioBufferClear(_ClientEvent, frozen=True, kw_only=True, tag="input_audio_buffer.clear"):
    """Empty the input buffer; answered by `input_audio_buffer.cleared`."""


class OutputAudioBufferClear(_ClientEvent, frozen=True, kw_only=True, tag="output_audio_buffer.clear"):
    """Stop playback; only where the server plays, so not over a WebSocket."""


class ConversationItemCreate(_ClientEvent, frozen=True, kw_only=True, tag="conversation.item.create"):
    """Add an item; answered by `conversation.item.added` and `.done`."""

    previous_item_id: str | None = None
    """Where: after this item, in front of all for ``root``, at the end for null."""
    item: Item


class ConversationItemRetrieve(_ClientEvent, frozen=True, kw_only=True, tag="conversation.item.retrieve"):
    """Ask for an item with its audio; answered by `conversation.item.retrieved`."""

    item_id: str


class ConversationItemTruncate(_ClientEvent, frozen=True, kw_only=True, tag="conversation.item.truncate"):
    """Cut an assistant's item to what was heard; answered by `conversation.item.truncated`."""

    item_id: str
    content_index: Annotated[int, Meta(ge=0)]
    audio_end_ms: Milliseconds


class ConversationItemDelete(_ClientEvent, frozen=True, kw_only=True, tag="conversation.item.delete"):
    """Remove an item; answered by `conversation.item.deleted`."""

    item_id: str


class ResponseCreate(_ClientEvent, frozen=True, kw_only=True, tag="response.create"):
    """Ask for a response; answered by `response.created` up to `response.done`."""

    response: ResponseOptions | None = None


class ResponseCancel(_ClientEvent, frozen=True, kw_only=True, tag="response.cancel"):
    """Stop a response, the active one of the conversation if none is named; answered by `response.done`."""

    response_id: str | None = None


ClientEvent = (
    SessionUpdate
    | InputAudioBufferAppend
    | InputAudioBufferCommit
    | InputAudioBufferClear
    | OutputAudioBufferClear
    | ConversationItemCreate
    | ConversationItemTruncate
    | ConversationItemDelete
    | ConversationItemRetrieve
    | ResponseCreate
    | ResponseCancel
)

SameInBoth = (
    InputAudioBufferAppend
    | InputAudioBufferCommit
    | InputAudioBufferClear
    | OutputAudioBufferClear
    | ConversationItemTruncate
    | ConversationItemDelete
    | ConversationItemRetrieve
    | ResponseCancel
)
"""Those that have the same shape in both dialects."""
