"""The messages that providers share: what a consumer says to any language model, recogniser or synthesizer.

This is all that consumers import; which provider answers is a matter of configuration. Audio is mono s16le; times are
seconds from the start of what the call is about.
"""

from typing import Any, ClassVar, Literal

from msgspec import Struct

from ..runtime import DuplexRequest, Request, StreamRequest
from ..runtime.histogram import Histogram
from .inference.results import Voice, Word

__all__ = [
    "Account",
    "CloneVoice",
    "DeleteVoice",
    "Embed",
    "Embeddings",
    "EndReason",
    "Ended",
    "Feature",
    "Generate",
    "GenerationEvent",
    "GetAccounts",
    "GetModel",
    "GetUsage",
    "ImagePart",
    "ListModels",
    "ListVoices",
    "MadeImage",
    "MakeImage",
    "Model",
    "Price",
    "PullModel",
    "PullProgress",
    "Say",
    "Speech",
    "Synthesize",
    "TextDelta",
    "TextPart",
    "ToolCall",
    "ToolSpec",
    "Transcribe",
    "Transcript",
    "Turn",
    "Usage",
    "Voice",
    "Word",
]

# -- language models ---------------------------------------------------------------------------------------------------


class TextPart(Struct, frozen=True, tag_field="type", tag="text"):
    """Text that somebody wrote or said."""

    text: str


class ImagePart(Struct, frozen=True, tag_field="type", tag="image"):
    """A picture to look at."""

    url: str
    """An ``https:`` or ``data:`` URL."""
    detail: Literal["auto", "low", "high"] = "auto"


class ToolCall(Struct, frozen=True, tag_field="type", tag="tool_call"):
    """A tool that the model wants to have called. In a stream it comes whole, once its arguments are complete."""

    id: str
    name: str
    arguments: str
    """JSON, as the tool's schema asks."""


class Turn(Struct, frozen=True, kw_only=True):
    """One contribution to a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    parts: tuple[TextPart | ImagePart, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    """What the assistant wanted to have called."""
    tool_call_id: str | None = None
    """Of which call a tool's turn is the result."""

    @property
    def text(self) -> str:
        """All its text."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))


class ToolSpec(Struct, frozen=True):
    """A tool on offer."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = {}
    """JSON schema of the arguments."""


class TextDelta(Struct, frozen=True, tag_field="type", tag="text_delta"):
    """The next piece of the answer."""

    text: str


EndReason = Literal["stop", "length", "tool_calls", "content_filter"]
"""Why an answer ends: all is said, the limit is reached, tools are to be called, or the rest is withheld."""


class Ended(Struct, frozen=True, tag_field="type", tag="ended"):
    """The last thing a generation gives."""

    reason: EndReason
    input_tokens: int = 0
    """Cached ones included."""
    output_tokens: int = 0
    cached_tokens: int = 0
    """Of the input: read from the provider's cache, which costs less."""
    cache_write_tokens: int = 0
    """Of the input: written to the provider's cache, which some charge for."""
    cost: float | None = None
    """In US dollars, if the provider says it."""


GenerationEvent = TextDelta | ToolCall | Ended


class Generate(StreamRequest[GenerationEvent], frozen=True, kw_only=True):
    """Continue a conversation, token by token."""

    turns: tuple[Turn, ...]
    """If the last one is the assistant's, its text is the beginning of the answer, and the model is to go on from its
    end. One that can't may begin again."""
    model: str = ""
    """The provider's name for it; empty for its default."""
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: str = "auto"
    """``auto``, ``none``, ``required``, or the name of a tool."""
    max_tokens: int | None = None
    temperature: float | None = None


# -- recognition -------------------------------------------------------------------------------------------------------


class Transcript(Struct, frozen=True):
    """What was heard so far."""

    text: str
    """All of the utterance, not only what is new; a partial may take words back."""
    final: bool = False
    """Whether this is the last word on the utterance."""
    words: tuple[Word, ...] = ()
    confidence: float | None = None
    """How sure the recogniser is of all of it, between 0 and 1, where it says that of the whole alone."""


class Transcribe(DuplexRequest[bytes, Transcript], frozen=True, kw_only=True):
    """Write one utterance down as it comes: send audio, finish, and read transcripts up to the final one."""

    rate: int = 16_000
    """Of the audio, in Hz."""
    model: str = ""
    language: str | None = None
    """ISO 639-1; None to find out."""
    prompt: str | None = None
    """Words or style to expect."""


# -- synthesis ---------------------------------------------------------------------------------------------------------


class Say(Struct, frozen=True):
    """A piece of text to be spoken, whole sentences or clauses."""

    text: str


class Speech(Struct, frozen=True):
    """A stretch of spoken audio."""

    piece: int
    """Number of the `Say` it speaks, from 0; pieces follow one another."""
    pcm: bytes
    """Mono s16le; may be empty where only words or the end are news."""
    rate: int
    """In Hz; the same for the whole call."""
    words: tuple[Word, ...] = ()
    """Words of the piece that became known, with times from the start of the piece."""
    last: bool = False
    """Whether the piece is complete."""
    heard: float = 0.0
    """Seconds of speech that the listener has heard already, where it is his own machine that speaks: there is no audio
    of them."""


class Synthesize(DuplexRequest[Say, Speech], frozen=True, kw_only=True):
    """Speak pieces of text one after the other, as they are sent."""

    voice: str = ""
    """The provider's name for it; empty for its default."""
    model: str = ""
    speed: float = 1.0
    language: str | None = None


class ListVoices(Request[tuple[Voice, ...]], frozen=True):
    """Which voices there are."""


class CloneVoice(Request[Voice], frozen=True, kw_only=True):
    """Make a voice that sounds like whoever speaks in some recordings; it is there until it is deleted.

    That somebody agreed to it is for the caller to see to. It is never asked for twice.
    """

    name: str
    """For lists; some providers ask for the voice by it."""
    recordings: tuple[bytes, ...]
    """Audio files, such as WAV or MP3, in which nobody else speaks. What a file is, its bytes tell."""
    description: str = ""
    language: str | None = None
    """ISO 639-1, that is spoken in the recordings; None if nobody needs to know, or for English."""


class DeleteVoice(Request[None], frozen=True):
    """Delete a voice of one's own.

    Raises:
        ModelNotFound: There is no such voice.
    """

    id: str


# -- embeddings --------------------------------------------------------------------------------------------------------


class Embeddings(Struct, frozen=True):
    """Texts as vectors."""

    vectors: bytes
    """Little-endian float32 of shape (texts, `dimensions`); ``numpy.frombuffer(vectors, "<f4")`` reads them."""
    dimensions: int


class Embed(Request[Embeddings], frozen=True, kw_only=True):
    """Turn texts into vectors: those of texts that mean nearly the same are near each other."""

    texts: tuple[str, ...]
    model: str = ""
    """The provider's name for it; empty for its default."""
    dimensions: int | None = None
    """Of the vectors, for models that can make shorter ones."""


# -- pictures ----------------------------------------------------------------------------------------------------------


class MadeImage(Struct, frozen=True, kw_only=True):
    """A picture, or a preview of it."""

    data: bytes
    """The file."""
    media_type: str
    """Such as ``image/png``; what the file is, whatever was asked for."""
    index: int = 0
    """Which of the pictures it is."""
    final: bool = True
    """Whether this is the picture, and no preview."""


class MakeImage(StreamRequest[MadeImage], frozen=True, kw_only=True):
    """Make pictures of what is described; previews may come before each."""

    prompt: str
    model: str = ""
    """The provider's name for it; empty for its default."""
    count: int = 1
    size: tuple[int, int] | None = None
    """Width and height in pixels; None for the model's choice."""


# -- providers themselves ----------------------------------------------------------------------------------------------


Feature = Literal["text", "tools", "images", "reasoning", "embeddings", "speech", "transcription", "image_generation"]
"""Something that a model may be able to do: write text, call tools, look at images, …"""


class Price(Struct, frozen=True, kw_only=True):
    """What tokens cost, in US dollars per million."""

    input: float
    output: float
    cached: float | None = None
    """For input that the provider has in its cache; None if that costs the same, or nobody says."""


class Model(Struct, frozen=True):
    """A model of a provider."""

    id: str
    """What to ask for."""
    owner: str = ""
    until: str | None = None
    """The day on which it is shut down, as ``YYYY-MM-DD``, if the provider has announced one."""
    name: str = ""
    """For people."""
    context: int | None = None
    """Tokens that fit into a conversation, if the provider says so."""
    price: Price | None = None
    """If the provider says it."""
    features: tuple[Feature, ...] | None = None
    """What it can do; None if the provider does not say."""


class ListModels(Request[tuple[Model, ...]], frozen=True):
    """Which models there are; costs nothing, and tells whether the key is good."""


class GetModel(Request[Model], frozen=True):
    """One model, with all that the provider tells of it."""

    id: str


class PullProgress(Struct, frozen=True, kw_only=True):
    """How far the fetching of a model is."""

    status: str
    """What is being done, in the server's words."""
    digest: str = ""
    """Which part of the model this is about; empty for all of it."""
    completed: int = 0
    """Bytes of the part that are there."""
    total: int = 0
    """Bytes of the part."""


class PullModel(StreamRequest[PullProgress], frozen=True):
    """Fetch a model to where the provider runs. Cancelling stops it; what is there already is not fetched again."""

    id: str


class Usage(Struct, frozen=True, kw_only=True):
    """What was used of a provider: sums over all calls, those that failed included as far as it said."""

    calls: int = 0
    failures: int = 0
    """Calls that ended with an error of the provider."""
    input_tokens: int = 0
    """Cached ones included."""
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    characters: int = 0
    """Of text to be spoken."""
    seconds: float = 0.0
    """Of audio: transcribed, or spoken."""
    images: int = 0
    """Pictures made."""
    unknown: int = 0
    """Events in answers whose kind is not known; they were ignored."""
    cost: float = 0.0
    """In US dollars, as far as the provider says it."""


class GetUsage(Request[Usage], frozen=True):
    """What was used since the actor started."""


class Account(Struct, frozen=True, kw_only=True):
    """What one model of a provider was used for, and what it took to ask."""

    model: str
    """What the provider calls it; empty for what is about none, such as the list of models."""
    usage: Usage
    retries: dict[str, int]
    """Requests that were sent again, by the code of the `troupe.actors.errors.ProviderError` that was the reason."""
    connects: Histogram
    """Seconds to a connection, TLS included, where one was made; it goes on counting: to read, not to change."""


class GetAccounts(Request[tuple[Account, ...]], frozen=True):
    """What was used since the actor started, model by model."""

    control: ClassVar[bool] = True
