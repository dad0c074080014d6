"""What the server can send about a response, in the order in which it is sent; see `server_events`."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from .items import Item
from .responses import Response
from .server_events import IdentifiedEvent


class ResponseCreated(IdentifiedEvent, frozen=True, kw_only=True, tag="response.created"):
    """A response has started."""

    response: Response


class ResponseDone(IdentifiedEvent, frozen=True, kw_only=True, tag="response.done"):
    """A response has ended, in whichever way; always, and once."""

    response: Response


class _ResponseEvent(IdentifiedEvent, frozen=True, kw_only=True):
    response_id: str


class ResponseOutputItemAdded(_ResponseEvent, frozen=True, kw_only=True, tag="response.output_item.added"):
    """A response has begun an item."""

    output_index: int = 0
    item: Item


class ResponseOutputItemDone(_ResponseEvent, frozen=True, kw_only=True, tag="response.output_item.done"):
    """A response has finished an item."""

    output_index: int = 0
    item: Item


class _ItemEvent(_ResponseEvent, frozen=True, kw_only=True):
    item_id: str
    output_index: int = 0


class _PartEvent(_ItemEvent, frozen=True, kw_only=True):
    content_index: int = 0


class TextPart(Struct, frozen=True, kw_only=True, tag_field="type", tag="text"):
    """A part of the output that is written; the item calls it ``output_text``."""

    text: str = ""


class AudioPart(Struct, frozen=True, kw_only=True, tag_field="type", tag="audio"):
    """A part of the output that is spoken; the item calls it ``output_audio``."""

    transcript: str = ""


class ResponseContentPartAdded(_PartEvent, frozen=True, kw_only=True, tag="response.content_part.added"):
    """An item has begun a part; clients take text or audio mode from it."""

    part: TextPart | AudioPart


class ResponseContentPartDone(_PartEvent, frozen=True, kw_only=True, tag="response.content_part.done"):
    """An item has finished a part."""

    part: TextPart | AudioPart


class ResponseOutputTextDelta(_PartEvent, frozen=True, kw_only=True, tag="response.output_text.delta"):
    """More text."""

    delta: str


class ResponseOutputTextDone(_PartEvent, frozen=True, kw_only=True, tag="response.output_text.done"):
    """The whole text."""

    text: str


class ResponseOutputAudioTranscriptDelta(
    _PartEvent, frozen=True, kw_only=True, tag="response.output_audio_transcript.delta"
):
    """More of what is spoken, in writing."""

    delta: str
    start_time: float | UnsetType = UNSET
    """Seconds into the item's audio. Not OpenAI's: LiveKit times its captions by it, others ignore it."""


class ResponseOutputAudioTranscriptDone(
    _PartEvent, frozen=True, kw_only=True, tag="response.output_audio_transcript.done"
):
    """All of what is spoken, in writing."""

    transcript: str


class ResponseOutputAudioDelta(_PartEvent, frozen=True, kw_only=True, tag="response.output_audio.delta", gc=False):
    """More audio."""

    delta: bytes
    """In the response's output format, base64 on the wire."""


class ResponseOutputAudioDone(_PartEvent, frozen=True, kw_only=True, tag="response.output_audio.done"):
    """All audio is sent, far ahead of its playback."""


class ResponseFunctionCallArgumentsDelta(
    _ItemEvent, frozen=True, kw_only=True, tag="response.function_call_arguments.delta"
):
    """More of a function call's arguments."""

    call_id: str
    delta: str


class ResponseFunctionCallArgumentsDone(
    _ItemEvent, frozen=True, kw_only=True, tag="response.function_call_arguments.done"
):
    """A function call's arguments."""

    call_id: str
    name: str
    """Not in the beta."""
    arguments: str


class RateLimit(Struct, frozen=True, kw_only=True):
    """What is left of an allowance."""

    name: Literal["requests", "tokens"]
    limit: int
    remaining: int
    reset_seconds: float


class RateLimitsUpdated(IdentifiedEvent, frozen=True, kw_only=True, tag="rate_limits.updated"):
    """After a response; not in transcription sessions."""

    rate_limits: tuple[RateLimit, ...]


# MCP servers that the service calls.


class _McpListTools(IdentifiedEvent, frozen=True, kw_only=True):
    item_id: str


class McpListToolsInProgress(_McpListTools, frozen=True, kw_only=True, tag="mcp_list_tools.in_progress"):
    """An MCP server is asked for its tools."""


class McpListToolsCompleted(_McpListTools, frozen=True, kw_only=True, tag="mcp_list_tools.completed"):
    """An MCP server has told its tools."""


class McpListToolsFailed(_McpListTools, frozen=True, kw_only=True, tag="mcp_list_tools.failed"):
    """An MCP server has not told its tools."""


class ResponseMcpCallArgumentsDelta(_ItemEvent, frozen=True, kw_only=True, tag="response.mcp_call_arguments.delta"):
    """More of an MCP call's arguments."""

    delta: str
    obfuscation: str = ""
    """The JavaScript agents require this member."""


class ResponseMcpCallArgumentsDone(_ItemEvent, frozen=True, kw_only=True, tag="response.mcp_call_arguments.done"):
    """An MCP call's arguments."""

    arguments: str


class _McpCall(IdentifiedEvent, frozen=True, kw_only=True):
    item_id: str
    output_index: int = 0


class ResponseMcpCallInProgress(_McpCall, frozen=True, kw_only=True, tag="response.mcp_call.in_progress"):
    """An MCP server's tool is called."""


class ResponseMcpCallCompleted(_McpCall, frozen=True, kw_only=True, tag="response.mcp_call.completed"):
    """An MCP server's tool has answered."""


class ResponseMcpCallFailed(_McpCall, frozen=True, kw_only=True, tag="response.mcp_call.failed"):
    """An MCP server's tool has failed."""
