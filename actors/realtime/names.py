"""The dialects, and what each calls the events: one table for encoding, decoding and the documentation."""

from enum import Enum
from typing import NamedTuple

from msgspec import Struct

from . import client_events as client
from . import response_events as response
from . import server_events as server


class Dialect(Enum):
    """The two forms of the protocol."""

    GA = "ga"
    BETA = "beta"
    """Chosen by the header ``OpenAI-Beta: realtime=v1``; OpenAI has turned it off, clients and Azure still speak it."""


class ClientName(NamedTuple):
    """A client event, which has one name in both dialects."""

    event: type[client.ClientEvent]
    note: str = ""

    @property
    def name(self) -> str:
        """The member `type`."""
        return name_of(self.event)


class ServerName(NamedTuple):
    """A server event, and what it is called."""

    event: type[server.ServerEvent]
    ga: str | None
    """Its name in GA; None where it is not sent."""
    beta: str | None
    note: str = ""


def name_of(tagged: type[Struct]) -> str:
    """Return the member `type` of an event, an item or a part."""
    return str(tagged.__struct_config__.tag)


def _both(event: type[server.ServerEvent], note: str = "", *, beta: str = "") -> ServerName:
    return ServerName(event, name_of(event), beta or name_of(event), note)


def _only(dialect: Dialect, event: type[server.ServerEvent], note: str = "") -> ServerName:
    name = name_of(event)
    return ServerName(event, name if dialect is Dialect.GA else None, name if dialect is Dialect.BETA else None, note)


TRANSCRIPTION_SESSION_UPDATE = "transcription_session.update"
"""How the beta calls the update of a transcription session; in GA the member `session.type` tells."""

CLIENT_EVENTS = (
    ClientName(client.SessionUpdate, "beta, in a transcription session: `transcription_session.update`"),
    ClientName(client.InputAudioBufferAppend, "at most 15 MiB of audio; not answered"),
    ClientName(client.InputAudioBufferCommit),
    ClientName(client.InputAudioBufferClear),
    ClientName(client.OutputAudioBufferClear, "holds back audio that has not been sent; the rest the client drops"),
    ClientName(client.ConversationItemCreate),
    ClientName(client.ConversationItemTruncate),
    ClientName(client.ConversationItemDelete),
    ClientName(client.ConversationItemRetrieve),
    ClientName(client.ResponseCreate),
    ClientName(client.ResponseCancel),
)

SERVER_EVENTS = (
    _both(server.ErrorEvent),
    _both(server.SessionCreated, "beta, in a transcription session: `transcription_session.created`"),
    _both(server.SessionUpdated, "beta, in a transcription session: `transcription_session.updated`"),
    _only(Dialect.BETA, server.ConversationCreated, "after `session.created`"),
    _both(server.ConversationItemAdded, beta="conversation.item.created"),
    _only(Dialect.GA, server.ConversationItemDone),
    _both(server.ConversationItemRetrieved, "without media where the frame would pass 1 MiB"),
    _both(server.ConversationItemTruncated),
    _both(server.ConversationItemDeleted),
    _both(server.InputAudioTranscriptionDelta, "while the user speaks; in a conversation once the item is there"),
    _both(server.InputAudioTranscriptionCompleted),
    _both(server.InputAudioTranscriptionFailed),
    _only(Dialect.GA, server.InputAudioTranscriptionSegment, "models that tell speakers apart"),
    _both(server.InputAudioBufferCommitted),
    _both(server.InputAudioBufferCleared),
    _both(server.InputAudioBufferSpeechStarted),
    _both(server.InputAudioBufferSpeechStopped),
    _only(Dialect.GA, server.InputAudioBufferTimeoutTriggered, "with `idle_timeout_ms`"),
    _only(Dialect.GA, server.InputAudioBufferDtmfEventReceived, "SIP"),
    _both(server.OutputAudioBufferStarted, "WebRTC and SIP"),
    _both(server.OutputAudioBufferStopped, "WebRTC and SIP"),
    _both(server.OutputAudioBufferCleared, "over a WebSocket only in answer to `output_audio_buffer.clear`"),
    _both(response.ResponseCreated),
    _both(response.ResponseDone, "always, and once"),
    _both(response.ResponseOutputItemAdded),
    _both(response.ResponseOutputItemDone),
    _both(response.ResponseContentPartAdded),
    _both(response.ResponseContentPartDone),
    _both(response.ResponseOutputTextDelta, beta="response.text.delta"),
    _both(response.ResponseOutputTextDone, beta="response.text.done"),
    _both(response.ResponseOutputAudioTranscriptDelta, beta="response.audio_transcript.delta"),
    _both(response.ResponseOutputAudioTranscriptDone, beta="response.audio_transcript.done"),
    _both(response.ResponseOutputAudioDelta, "several where a frame would pass 1 MiB", beta="response.audio.delta"),
    _both(response.ResponseOutputAudioDone, beta="response.audio.done"),
    _both(response.ResponseFunctionCallArgumentsDelta),
    _both(response.ResponseFunctionCallArgumentsDone, "without `name` in the beta"),
    _both(response.RateLimitsUpdated, "after `response.done`, where the server sets a limit"),
    _only(Dialect.GA, response.McpListToolsInProgress, "MCP"),
    _only(Dialect.GA, response.McpListToolsCompleted, "MCP"),
    _only(Dialect.GA, response.McpListToolsFailed, "MCP"),
    _only(Dialect.GA, response.ResponseMcpCallArgumentsDelta, "MCP"),
    _only(Dialect.GA, response.ResponseMcpCallArgumentsDone, "MCP"),
    _only(Dialect.GA, response.ResponseMcpCallInProgress, "MCP"),
    _only(Dialect.GA, response.ResponseMcpCallCompleted, "MCP"),
    _only(Dialect.GA, response.ResponseMcpCallFailed, "MCP"),
)
