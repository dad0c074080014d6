"""The items of a conversation and the parts of a message.

An item that comes without an id gets one when it is decoded, so an id is always there. Members that are absent are left
out of the wire (`UNSET`), never null: the JavaScript agents refuse null in items. The one exception is the transcript
of input audio, which that client wants to see even while there is none.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from .ids import new_call_id, new_item_id
from .json_values import Json

Id = Annotated[str, Meta(min_length=1, max_length=512)]
"""OpenAI is reported to stop at 32 characters; no client relies on the refusal, so longer ids are taken too."""

CallId = Annotated[str, Meta(min_length=1, max_length=512, pattern="^[a-zA-Z0-9_-]+$")]

Status = Literal["in_progress", "completed", "incomplete"]
Role = Literal["system", "user", "assistant"]


class Part(Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    """A part of a message."""


class InputText(Part, frozen=True, kw_only=True, tag="input_text"):
    """Text of the user or of the system."""

    text: str


class InputAudio(Part, frozen=True, kw_only=True, tag="input_audio"):
    """Speech of the user."""

    audio: bytes | UnsetType = UNSET
    """Samples in the session's input format, base64 on the wire; only `conversation.item.retrieved` sends them."""
    transcript: str | None = None


class InputImage(Part, frozen=True, kw_only=True, tag="input_image"):
    """A picture."""

    image_url: str
    """A `data:` URI of a PNG or JPEG image."""
    detail: Literal["auto", "low", "high"] = "auto"


class OutputText(Part, frozen=True, kw_only=True, tag="output_text"):
    """Text of the assistant."""

    text: str


class OutputAudio(Part, frozen=True, kw_only=True, tag="output_audio"):
    """Speech of the assistant."""

    audio: bytes | UnsetType = UNSET
    """Samples in the session's output format, base64 on the wire; only `conversation.item.retrieved` sends them."""
    transcript: str | UnsetType = UNSET


ContentPart = InputText | InputAudio | InputImage | OutputText | OutputAudio

PARTS_OF_ROLE: dict[Role, tuple[type[ContentPart], ...]] = {
    "system": (InputText,),
    "user": (InputText, InputAudio, InputImage),
    "assistant": (OutputText, OutputAudio),
}


class _Item(Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    id: Id = field(default_factory=new_item_id)
    object: Literal["realtime.item"] | UnsetType = UNSET


class Message(_Item, frozen=True, kw_only=True, tag="message"):
    """What somebody said, wrote or showed."""

    status: Status = "completed"
    role: Role
    content: tuple[ContentPart, ...]


class FunctionCall(_Item, frozen=True, kw_only=True, tag="function_call"):
    """A call that the client is asked to carry out."""

    status: Status = "completed"
    name: str
    call_id: CallId = field(default_factory=new_call_id)
    arguments: str
    """JSON; empty while in progress."""


class FunctionCallOutput(_Item, frozen=True, kw_only=True, tag="function_call_output"):
    """What the client's function returned."""

    status: Status = "completed"
    call_id: CallId
    output: str


class McpToolDescription(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tool that an MCP server offers."""

    name: str
    input_schema: Json
    description: str | UnsetType | None = UNSET
    annotations: Json | UnsetType | None = UNSET


class McpListTools(_Item, frozen=True, kw_only=True, tag="mcp_list_tools"):
    """The tools that an MCP server offers."""

    server_label: str
    tools: tuple[McpToolDescription, ...]


class McpProtocolError(
    Struct, frozen=True, kw_only=True, tag_field="type", tag="protocol_error", forbid_unknown_fields=True
):
    """The MCP server broke the protocol, or said that we did."""

    code: int
    message: str


class McpHttpError(Struct, frozen=True, kw_only=True, tag_field="type", tag="http_error", forbid_unknown_fields=True):
    """The MCP server could not be reached, or refused."""

    code: int
    message: str


class McpToolExecutionError(
    Struct, frozen=True, kw_only=True, tag_field="type", tag="tool_execution_error", forbid_unknown_fields=True
):
    """The tool failed."""

    message: str


class McpCall(_Item, frozen=True, kw_only=True, tag="mcp_call"):
    """A call of an MCP server's tool, carried out by the service."""

    server_label: str
    name: str
    arguments: str
    approval_request_id: str | UnsetType | None = UNSET
    output: str | UnsetType | None = UNSET
    error: McpProtocolError | McpHttpError | McpToolExecutionError | UnsetType | None = UNSET


class McpApprovalRequest(_Item, frozen=True, kw_only=True, tag="mcp_approval_request"):
    """The service asks the client whether it may call."""

    server_label: str
    name: str
    arguments: str


class McpApprovalResponse(_Item, frozen=True, kw_only=True, tag="mcp_approval_response"):
    """The client's answer to that."""

    approval_request_id: str
    approve: bool
    reason: str | UnsetType | None = UNSET


class ItemReference(
    Struct, frozen=True, kw_only=True, tag_field="type", tag="item_reference", forbid_unknown_fields=True
):
    """An item of the conversation, named in the input of a response."""

    id: Id


Item = Message | FunctionCall | FunctionCallOutput | McpListTools | McpCall | McpApprovalRequest | McpApprovalResponse


def without_audio(item: Item) -> Item:
    """Return the item as every event but `conversation.item.retrieved` shows it: without its audio."""
    if not isinstance(item, Message):
        return item
    return msgspec.structs.replace(item, content=tuple(_silent(part) for part in item.content))


def without_media(item: Item) -> Item:
    """Return the item without audio and pictures, which is all of it that can be large."""
    item = without_audio(item)
    if not isinstance(item, Message):
        return item
    return msgspec.structs.replace(item, content=tuple(_blank(part) for part in item.content))


def _silent(part: ContentPart) -> ContentPart:
    if isinstance(part, InputAudio | OutputAudio) and part.audio is not UNSET:
        return msgspec.structs.replace(part, audio=UNSET)
    return part


def _blank(part: ContentPart) -> ContentPart:
    return msgspec.structs.replace(part, image_url="") if isinstance(part, InputImage) else part
