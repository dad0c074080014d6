"""What the server can send about session, conversation and audio buffers; `response_events` has the rest.

All is named and shaped as in the GA dialect; `encoding` turns it into the beta's. An event gets its id when it is made.
Members stand in the live service's order; null members are written where clients look for them, optional ones are left
out (`UNSET`).
"""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType, field

from .errors import ClientMistake, ErrorDetails
from .ids import new_conversation_id, new_event_id
from .items import Item
from .session_config import Session


class ServerEvent(Struct, frozen=True, kw_only=True, tag_field="type"):
    """Something that the server sends."""


class IdentifiedEvent(ServerEvent, frozen=True, kw_only=True):
    """All events but one have an id, which does not repeat."""

    event_id: str = field(default_factory=new_event_id)


class ErrorEvent(IdentifiedEvent, frozen=True, kw_only=True, tag="error"):
    """A client's mistake or our failure; by itself it ends neither the connection nor a response."""

    error: ErrorDetails


def error_event(mistake: ClientMistake, event_id: str | None = None) -> ErrorEvent:
    """Tell a client of its mistake in the event whose own id was `event_id`."""
    return ErrorEvent(error=mistake.details(event_id))


# Session and conversation.


class SessionCreated(IdentifiedEvent, frozen=True, kw_only=True, tag="session.created"):
    """The first event of a connection."""

    session: Session


class SessionUpdated(IdentifiedEvent, frozen=True, kw_only=True, tag="session.updated"):
    """The whole effective configuration, once for each accepted update."""

    session: Session


class Conversation(Struct, frozen=True, kw_only=True):
    """The default conversation of a session."""

    id: str = field(default_factory=new_conversation_id)
    object: Literal["realtime.conversation"] = "realtime.conversation"


class ConversationCreated(IdentifiedEvent, frozen=True, kw_only=True, tag="conversation.created"):
    """Beta only, after `session.created`."""

    conversation: Conversation


class ConversationItemAdded(IdentifiedEvent, frozen=True, kw_only=True, tag="conversation.item.added"):
    """An item has its place in the conversation."""

    previous_item_id: str | None = None
    """Null for the first."""
    item: Item


class ConversationItemDone(IdentifiedEvent, frozen=True, kw_only=True, tag="conversation.item.done"):
    """An item is complete."""

    previous_item_id: str | None = None
    item: Item


class ConversationItemRetrieved(IdentifiedEvent, frozen=True, kw_only=True, tag="conversation.item.retrieved"):
    """An item with its audio, unless that does not fit in a frame."""

    item: Item


class ConversationItemTruncated(IdentifiedEvent, frozen=True, kw_only=True, tag="conversation.item.truncated"):
    """An assistant's item ends where the client stopped it."""

    item_id: str
    content_index: int = 0
    audio_end_ms: int


class ConversationItemDeleted(IdentifiedEvent, frozen=True, kw_only=True, tag="conversation.item.deleted"):
    """An item is gone, and its id free."""

    item_id: str


# Transcription of the user's speech.


class LogProb(Struct, frozen=True, kw_only=True):
    """How likely a token was."""

    token: str
    logprob: float
    bytes: tuple[int, ...]
    """The token's UTF-8, as numbers."""


class TranscriptionTokens(Struct, frozen=True, kw_only=True):
    """Input tokens of a transcription by kind."""

    text_tokens: int = 0
    audio_tokens: int = 0


class TokenUsage(Struct, frozen=True, kw_only=True, tag_field="type", tag="tokens"):
    """What a transcription used, where tokens are charged."""

    total_tokens: int
    input_tokens: int
    input_token_details: TranscriptionTokens
    output_tokens: int


class DurationUsage(Struct, frozen=True, kw_only=True, tag_field="type", tag="duration"):
    """What a transcription used, where time is charged."""

    seconds: float


class TranscriptionError(Struct, frozen=True, kw_only=True):
    """Why speech could not be written down; the JavaScript agents refuse nulls here."""

    type: str
    code: str | UnsetType = UNSET
    message: str
    param: str | UnsetType = UNSET


class _Transcription(IdentifiedEvent, frozen=True, kw_only=True):
    item_id: str
    content_index: int = 0


class InputAudioTranscriptionDelta(
    _Transcription, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.delta"
):
    """More of a transcript."""

    delta: str
    logprobs: tuple[LogProb, ...] | UnsetType | None = UNSET


class InputAudioTranscriptionCompleted(
    _Transcription, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.completed"
):
    """A whole transcript."""

    transcript: str
    logprobs: tuple[LogProb, ...] | UnsetType | None = UNSET
    usage: TokenUsage | DurationUsage


class InputAudioTranscriptionFailed(
    _Transcription, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.failed"
):
    """No transcript for this item."""

    error: TranscriptionError


class InputAudioTranscriptionSegment(
    _Transcription, frozen=True, kw_only=True, tag="conversation.item.input_audio_transcription.segment"
):
    """Who said what when; of models that tell speakers apart."""

    id: str
    text: str
    speaker: str
    start: float
    """Seconds."""
    end: float
    """Seconds."""


# The input audio buffer. Times count from the first audio of the session.


class InputAudioBufferCommitted(IdentifiedEvent, frozen=True, kw_only=True, tag="input_audio_buffer.committed"):
    """The input buffer has become a user's item."""

    previous_item_id: str | None = None
    item_id: str


class InputAudioBufferCleared(IdentifiedEvent, frozen=True, kw_only=True, tag="input_audio_buffer.cleared"):
    """The input buffer is empty."""


class InputAudioBufferSpeechStarted(
    IdentifiedEvent, frozen=True, kw_only=True, tag="input_audio_buffer.speech_started"
):
    """The user speaks; clients stop playback on this."""

    audio_start_ms: int
    """Padding included."""
    item_id: str
    """Of the item that this will be."""


class InputAudioBufferSpeechStopped(
    IdentifiedEvent, frozen=True, kw_only=True, tag="input_audio_buffer.speech_stopped"
):
    """The user's turn has ended."""

    audio_end_ms: int
    item_id: str


class InputAudioBufferTimeoutTriggered(
    IdentifiedEvent, frozen=True, kw_only=True, tag="input_audio_buffer.timeout_triggered"
):
    """Nobody spoke for `idle_timeout_ms`."""

    audio_start_ms: int
    audio_end_ms: int
    item_id: str


class InputAudioBufferDtmfEventReceived(
    ServerEvent, frozen=True, kw_only=True, tag="input_audio_buffer.dtmf_event_received"
):
    """A key of a telephone; the one event without an id."""

    event: str
    received_at: int
    """Unix seconds."""


# The output audio buffer, where the server plays.


class _OutputAudioBuffer(IdentifiedEvent, frozen=True, kw_only=True):
    response_id: str


class OutputAudioBufferStarted(_OutputAudioBuffer, frozen=True, kw_only=True, tag="output_audio_buffer.started"):
    """Playback of a response has started."""


class OutputAudioBufferStopped(_OutputAudioBuffer, frozen=True, kw_only=True, tag="output_audio_buffer.stopped"):
    """Playback of a response has ended."""


class OutputAudioBufferCleared(_OutputAudioBuffer, frozen=True, kw_only=True, tag="output_audio_buffer.cleared"):
    """Playback of a response was cut off."""
