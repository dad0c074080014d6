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
    """What a client event is called."""

    event: type[client.ClientEvent]
    beta: str | None
    """Its name in the beta; None where the beta has no such event."""
    note: str = ""


class ServerName(NamedTuple):
    """What a server event is called."""

    event: type[server.ServerEvent]
    ga: str | None
    """Its name in GA; None where it is not sent."""
    beta: str | None
    note: str = ""


def name_of(tagged: type[Struct]) -> str:
    """Return the member `type` of an event, an item or a part."""
    return str(tagged.__struct_config__.tag)


_SAME = ""


def _client(event: type[client.ClientEvent], note: str = "", *, beta: str | None = _SAME) -> ClientName:
    return ClientName(event, name_of(event) if beta == _SAME else beta, note)


def _server(
    event: type[server.ServerEvent], note: str = "", *, ga: str | None = _SAME, beta: str | None = _SAME
) -> ServerName:
    name = name_of(event)
    return ServerName(event, name if ga == _SAME else ga, name if beta == _SAME else beta, note)


TRANSCRIPTION_SESSION_UPDATE = "transcription_session.update"
"""How the beta calls the update of a transcription session; in GA the member `session.type` tells."""

CLIENT_EVENTS = (
    _client(client.SessionUpdate, "beta, in a transcription session: `transcription_session.update`"),
    _client(client.InputAudioBufferAppend, "at most 15 MiB of audio; not answered"),
    _client(client.InputAudioBufferCommit),
    _client(client.InputAudioBufferClear),
    _client(client.OutputAudioBufferClear, "WebRTC and SIP"),
    _client(client.ConversationItemCreate),
    _client(client.ConversationItemRetrieve),
    _client(client.ConversationItemTruncate),
    _client(client.ConversationItemDelete),
    _client(client.ResponseCreate),
    _client(client.ResponseCancel),
)

SERVER_EVENTS = (
    _server(server.ErrorEvent),
    _server(server.SessionCreated, "beta, in a transcription session: `transcription_session.created`"),
    _server(server.SessionUpdated, "beta, in a transcription session: `transcription_session.updated`"),
    _server(server.ConversationCreated, "after `session.created`", ga=None),
    _server(server.ConversationItemAdded, beta="conversation.item.created"),
    _server(server.ConversationItemDone, beta=None),
    _server(server.ConversationItemRetrieved, "without media where the frame would pass 1 MiB"),
    _server(server.ConversationItemTruncated),
    _server(server.ConversationItemDeleted),
    _server(server.InputAudioTranscriptionDelta),
    _server(server.InputAudioTranscriptionCompleted),
    _server(server.InputAudioTranscriptionFailed),
    _server(server.InputAudioTranscriptionSegment, "models that tell speakers apart", beta=None),
    _server(server.InputAudioBufferCommitted),
    _server(server.InputAudioBufferCleared),
    _server(server.InputAudioBufferSpeechStarted),
    _server(server.InputAudioBufferSpeechStopped),
    _server(server.InputAudioBufferTimeoutTriggered, "with `idle_timeout_ms`", beta=None),
    _server(server.InputAudioBufferDtmfEventReceived, "SIP", beta=None),
    _server(server.OutputAudioBufferStarted, "WebRTC and SIP"),
    _server(server.OutputAudioBufferStopped, "WebRTC and SIP"),
    _server(server.OutputAudioBufferCleared, "WebRTC and SIP"),
    _server(response.ResponseCreated),
    _server(response.ResponseDone, "always, and once"),
    _server(response.ResponseOutputItemAdded),
    _server(response.ResponseOutputItemDone),
    _server(response.ResponseContentPartAdded),
    _server(response.ResponseContentPartDone),
    _server(response.ResponseOutputTextDelta, beta="response.text.delta"),
    _server(response.ResponseOutputTextDone, beta="response.text.done"),
    _server(response.ResponseOutputAudioTranscriptDelta, beta="response.audio_transcript.delta"),
    _server(response.ResponseOutputAudioTranscriptDone, beta="response.audio_transcript.done"),
    _server(response.ResponseOutputAudioDelta, "several where a frame would pass 1 MiB", beta="response.audio.delta"),
    _server(response.ResponseOutputAudioDone, beta="response.audio.done"),
    _server(response.ResponseFunctionCallArgumentsDelta),
    _server(response.ResponseFunctionCallArgumentsDone, "without `name` in the beta"),
    _server(response.RateLimitsUpdated),
    _server(response.McpListToolsInProgress, "MCP", beta=None),
    _server(response.McpListToolsCompleted, "MCP", beta=None),
    _server(response.McpListToolsFailed, "MCP", beta=None),
    _server(response.ResponseMcpCallArgumentsDelta, "MCP", beta=None),
    _server(response.ResponseMcpCallArgumentsDone, "MCP", beta=None),
    _server(response.ResponseMcpCallInProgress, "MCP", beta=None),
    _server(response.ResponseMcpCallCompleted, "MCP", beta=None),
    _server(response.ResponseMcpCallFailed, "MCP", beta=None),
)
