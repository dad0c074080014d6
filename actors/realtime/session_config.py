"""The configuration of a session, complete, with OpenAI's defaults.

These structs are the effective configuration: what `session.created` and `session.updated` echo and what a session
works from. `session_update` changes them. Members stand in the order in which the live service writes them. Defaults
are those of recordings of the live service; its documents differ for `silence_duration_ms` (500) and, by model, `voice`
("marin").
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from .ids import new_session_id
from .json_values import Json
from .tools import Tool, ToolChoice

Modality = Literal["text", "audio"]
Milliseconds = Annotated[int, Meta(ge=0)]
MaxTokens = Annotated[int, Meta(ge=1, le=4096)] | Literal["inf"]
Temperature = Annotated[float, Meta(ge=0.6, le=1.2)]
BETA_TEMPERATURE = 0.8
"""Where a beta session starts; in GA there is no such member."""

Includable = Literal["item.input_audio_transcription.logprobs"]


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the configuration; a member that it does not have is refused."""


# Audio.


class Pcm(Config, frozen=True, kw_only=True, tag_field="type", tag="audio/pcm"):
    """Samples of 16 bits, little endian, one channel."""

    rate: Annotated[int, Meta(ge=24000, le=24000)] = 24000


class Pcmu(Config, frozen=True, kw_only=True, tag_field="type", tag="audio/pcmu"):
    """G.711 µ-law, 8 kHz, one channel."""


class Pcma(Config, frozen=True, kw_only=True, tag_field="type", tag="audio/pcma"):
    """G.711 A-law, 8 kHz, one channel."""


AudioFormat = Pcm | Pcmu | Pcma


class Transcription(Config, frozen=True, kw_only=True):
    """How the user's speech is written down, beside what the model hears."""

    model: str = "gpt-4o-mini-transcribe"
    language: str | None = None
    """ISO 639-1, such as ``de``."""
    prompt: str | None = None
    languages: tuple[str, ...] | UnsetType | None = UNSET
    keywords: tuple[str, ...] | UnsetType | None = UNSET
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | UnsetType | None = UNSET


class NoiseReduction(Config, frozen=True, kw_only=True):
    """What is done to input audio before voice detection and model."""

    type: Literal["near_field", "far_field"] | UnsetType | None = UNSET
    strength: float | UnsetType | None = UNSET


class ServerVad(Config, frozen=True, kw_only=True, tag_field="type", tag="server_vad"):
    """Turns end after silence."""

    threshold: Annotated[float, Meta(ge=0, le=1)] = 0.5
    prefix_padding_ms: Milliseconds = 300
    silence_duration_ms: Milliseconds = 200
    idle_timeout_ms: Annotated[int, Meta(ge=5000, le=30000)] | None = None
    create_response: bool = True
    interrupt_response: bool = True


class SemanticVad(Config, frozen=True, kw_only=True, tag_field="type", tag="semantic_vad"):
    """Turns end when the sentence does."""

    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True


class TranscriptionServerVad(Config, frozen=True, kw_only=True, tag_field="type", tag="server_vad"):
    """Turns end after silence; what responses do is accepted, and of no effect."""

    threshold: Annotated[float, Meta(ge=0, le=1)] = 0.5
    prefix_padding_ms: Milliseconds = 300
    silence_duration_ms: Milliseconds = 200
    idle_timeout_ms: Annotated[int, Meta(ge=5000, le=30000)] | UnsetType | None = UNSET
    create_response: bool | UnsetType = UNSET
    interrupt_response: bool | UnsetType = UNSET


class TranscriptionSemanticVad(Config, frozen=True, kw_only=True, tag_field="type", tag="semantic_vad"):
    """Turns end when the sentence does."""

    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool | UnsetType = UNSET
    interrupt_response: bool | UnsetType = UNSET


class VoiceId(Config, frozen=True, kw_only=True):
    """A voice of the user's own."""

    id: str


Voice = str | VoiceId


def name_of_voice(voice: Voice) -> str:
    """Return a voice as a string, where there is no room for an object."""
    return voice.id if isinstance(voice, VoiceId) else voice


class AudioInput(Config, frozen=True, kw_only=True):
    """What the client speaks."""

    format: AudioFormat = field(default_factory=Pcm)
    transcription: Transcription | None = None
    noise_reduction: NoiseReduction | None = None
    turn_detection: ServerVad | SemanticVad | None = field(default_factory=ServerVad)


class AudioOutput(Config, frozen=True, kw_only=True):
    """What the assistant speaks."""

    format: AudioFormat = field(default_factory=Pcm)
    voice: Voice = "alloy"
    speed: Annotated[float, Meta(ge=0.25, le=1.5)] = 1.0


class Audio(Config, frozen=True, kw_only=True):
    """Both directions of a conversation."""

    input: AudioInput = field(default_factory=AudioInput)
    output: AudioOutput = field(default_factory=AudioOutput)


class TranscriptionAudioInput(Config, frozen=True, kw_only=True):
    """What the client speaks, to be written down."""

    format: AudioFormat = field(default_factory=Pcm)
    transcription: Transcription | None = None
    noise_reduction: NoiseReduction | None = None
    turn_detection: TranscriptionServerVad | TranscriptionSemanticVad | None = field(
        default_factory=TranscriptionServerVad
    )


class TranscriptionAudio(Config, frozen=True, kw_only=True):
    """The one direction of a transcription."""

    input: TranscriptionAudioInput = field(default_factory=TranscriptionAudioInput)


# What surrounds the model.


class Prompt(Config, frozen=True, kw_only=True):
    """A prompt kept by the service."""

    id: str
    version: str | UnsetType | None = UNSET
    variables: dict[str, str | Json] | UnsetType | None = UNSET
    """Texts, or parts such as ``input_image``."""


class Tracing(Config, frozen=True, kw_only=True):
    """How the session's trace is filed."""

    workflow_name: str | UnsetType | None = UNSET
    group_id: str | UnsetType | None = UNSET
    metadata: Json | UnsetType | None = UNSET


class TokenLimits(Config, frozen=True, kw_only=True):
    """Of a truncation."""

    post_instructions: Annotated[int, Meta(ge=0)] | UnsetType | None = UNSET


class RetentionRatio(Config, frozen=True, kw_only=True, tag_field="type", tag="retention_ratio"):
    """Truncate to a share of the context, so that the next truncation comes later."""

    retention_ratio: Annotated[float, Meta(ge=0, le=1)]
    token_limits: TokenLimits | UnsetType | None = UNSET


Truncation = Literal["auto", "disabled"] | RetentionRatio


class Reasoning(Config, frozen=True, kw_only=True):
    """Of models that reason."""

    effort: Literal["minimal", "low", "medium", "high", "xhigh"] | UnsetType | None = UNSET


# The sessions.


class RealtimeSession(Config, frozen=True, kw_only=True, tag_field="type", tag="realtime"):
    """A conversation."""

    object: Literal["realtime.session"] = "realtime.session"
    id: str = field(default_factory=new_session_id)
    model: str
    output_modalities: tuple[Modality, ...] = ("audio",)
    """Either ``("text",)`` or ``("audio",)``; audio always brings its transcript."""
    instructions: str = ""
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "auto"
    max_output_tokens: MaxTokens = "inf"
    """For one response, tool calls included."""
    tracing: Literal["auto"] | Tracing | None = None
    truncation: Truncation = "auto"
    prompt: Prompt | None = None
    expires_at: int = 0
    """Unix seconds."""
    audio: Audio = field(default_factory=Audio)
    include: tuple[Includable, ...] | None = None
    parallel_tool_calls: bool | UnsetType = UNSET
    reasoning: Reasoning | UnsetType = UNSET
    temperature: Temperature | UnsetType = UNSET
    """Beta only."""


class TranscriptionSession(Config, frozen=True, kw_only=True, tag_field="type", tag="transcription"):
    """Speech to text, without answers."""

    object: Literal["realtime.transcription_session"] = "realtime.transcription_session"
    id: str = field(default_factory=new_session_id)
    expires_at: int = 0
    """Unix seconds."""
    audio: TranscriptionAudio = field(default_factory=TranscriptionAudio)
    include: tuple[Includable, ...] | None = None


Session = RealtimeSession | TranscriptionSession
