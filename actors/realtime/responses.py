"""The response object, what it used, and what a client may ask of one response."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from .ids import new_response_id
from .items import Item, ItemReference, Status
from .session_config import AudioFormat, MaxTokens, Modality, Prompt, Reasoning, Temperature, Voice
from .tools import Tool, ToolChoice

Metadata = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]], Meta(max_length=16)
]

# What a client asks for.


class OutputOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Format and voice of one response."""

    format: AudioFormat | None = None
    voice: Voice | None = None


class AudioOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The audio of one response."""

    output: OutputOptions | None = None


class ResponseOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is different for one response; null is the same as absent, and nothing here changes the session."""

    conversation: Literal["auto", "none"] | None = None
    """``none``: out of band. Its items join no conversation."""
    input: tuple[Item | ItemReference, ...] | None = None
    """Replaces the context of the conversation; empty is an empty context."""
    instructions: str | None = None
    output_modalities: tuple[Modality, ...] | None = None
    audio: AudioOptions | None = None
    tools: tuple[Tool, ...] | None = None
    tool_choice: ToolChoice | None = None
    max_output_tokens: MaxTokens | None = None
    metadata: Metadata | None = None
    """Echoed in the response object."""
    parallel_tool_calls: bool | None = None
    prompt: Prompt | None = None
    reasoning: Reasoning | None = None
    temperature: Temperature | None = None
    """Beta only."""


# What the server reports.


class CachedTokens(Struct, frozen=True, kw_only=True):
    """Cached input by kind."""

    text_tokens: int = 0
    audio_tokens: int = 0
    image_tokens: int = 0


class InputTokens(Struct, frozen=True, kw_only=True):
    """Input by kind; cached tokens are part of it."""

    text_tokens: int = 0
    audio_tokens: int = 0
    image_tokens: int = 0
    cached_tokens: int = 0
    cached_tokens_details: CachedTokens = field(default_factory=CachedTokens)


class OutputTokens(Struct, frozen=True, kw_only=True):
    """Output by kind."""

    text_tokens: int = 0
    audio_tokens: int = 0


class Usage(Struct, frozen=True, kw_only=True):
    """What a response used: total = input + output, input = text + audio + image. `usage_of` keeps the sums."""

    total_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    input_token_details: InputTokens = field(default_factory=InputTokens)
    output_token_details: OutputTokens = field(default_factory=OutputTokens)


def usage_of(inputs: InputTokens, outputs: OutputTokens) -> Usage:
    """Return the usage whose sums are right for these details."""
    input_tokens = inputs.text_tokens + inputs.audio_tokens + inputs.image_tokens
    output_tokens = outputs.text_tokens + outputs.audio_tokens
    return Usage(
        total_tokens=input_tokens + output_tokens,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        input_token_details=inputs,
        output_token_details=outputs,
    )


class ResponseError(Struct, frozen=True, kw_only=True):
    """Why a response failed; pipecat reads `message`."""

    type: str
    code: str | None = None
    message: str


class StatusDetails(Struct, frozen=True, kw_only=True):
    """Why a response did not complete."""

    type: Literal["cancelled", "incomplete", "failed"]
    reason: Literal["turn_detected", "client_cancelled", "max_output_tokens", "content_filter"] | UnsetType = UNSET
    error: ResponseError | UnsetType = UNSET


class ResponseOutput(Struct, frozen=True, kw_only=True):
    """Format and voice that a response is spoken in."""

    format: AudioFormat
    voice: str
    """Always a string here: `name_of_voice`."""


class ResponseAudio(Struct, frozen=True, kw_only=True):
    """The audio of a response."""

    output: ResponseOutput


class Response(Struct, frozen=True, kw_only=True):
    """A response, at its start or at its end. Nulls are written: clients look at `status_details` and `usage`."""

    object: Literal["realtime.response"] = "realtime.response"
    id: str = field(default_factory=new_response_id)
    status: Literal["completed", "cancelled", "failed"] | Status = "in_progress"
    status_details: StatusDetails | None = None
    output: tuple[Item, ...] = ()
    conversation_id: str | None = None
    """Null when out of band."""
    output_modalities: tuple[Modality, ...] = ("audio",)
    max_output_tokens: MaxTokens = "inf"
    audio: ResponseAudio
    usage: Usage | None = None
    """Null until the response is done."""
    metadata: Metadata | None = None
    temperature: Temperature | UnsetType = UNSET
    """Beta only."""
