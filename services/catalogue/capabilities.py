"""What models can do, by the names that catalogues of models use.

Most names are those of Hugging Face's tasks. What there is to be asked for in Troupe is a `Work`; several capabilities
may be ways to do the same work, and some have nobody here yet: a package that adds a kind of provider may.
"""

from typing import Final

from msgspec import Struct

from ...actors.contracts import Feature
from ..kinds.kind import Work


class Capability(Struct, frozen=True):
    """Something that a model can do."""

    name: str
    takes: tuple[str, ...]
    """Roles of what goes in, as `troupe.codecs.roles` calls them."""
    gives: tuple[str, ...]
    """Roles of what comes out."""
    work: Work | None = None
    """As what it is asked for."""
    feature: Feature | None = None
    """What providers' lists of models call it."""


_TEXT, _SPEECH, _IMAGE, _VIDEO, _AUDIO, _DATA = ("text",), ("speech",), ("image",), ("video",), ("audio",), ("data",)

CAPABILITIES: Final[dict[str, Capability]] = {
    each.name: each
    for each in (
        Capability("text-generation", _TEXT, _TEXT, "llm", "text"),
        Capability("tool-calling", _TEXT, _TEXT, "llm", "tools"),
        Capability("reasoning", _TEXT, _TEXT, "llm", "reasoning"),
        Capability("image-text-to-text", ("image", "text"), _TEXT, "llm", "images"),
        Capability("summarization", _TEXT, _TEXT, "llm"),
        Capability("translation", _TEXT, _TEXT, "llm"),
        Capability("speech-to-text", _SPEECH, _TEXT, "stt", "transcription"),
        Capability("streaming-speech-to-text", _SPEECH, _TEXT, "stt"),
        Capability("word-timestamps", _SPEECH, _TEXT, "stt"),
        Capability("speaker-diarization", _SPEECH, _TEXT),
        Capability("language-identification", _SPEECH, _TEXT),
        Capability("speech-translation", _SPEECH, _TEXT),
        Capability("text-to-speech", _TEXT, _SPEECH, "tts", "speech"),
        Capability("streaming-text-to-speech", _TEXT, _SPEECH, "tts"),
        Capability("voice-cloning", ("speech", "text"), _SPEECH, "tts"),
        Capability("speech-to-speech", _SPEECH, _SPEECH, "realtime"),
        Capability("voice-activity-detection", _SPEECH, _DATA),
        Capability("text-embedding", _TEXT, _DATA, "embedding", "embeddings"),
        Capability("image-embedding", _IMAGE, _DATA),
        Capability("reranking", _TEXT, _DATA),
        Capability("text-classification", _TEXT, _DATA),
        Capability("image-classification", _IMAGE, _DATA),
        Capability("text-to-image", _TEXT, _IMAGE, "image", "image_generation"),
        Capability("image-to-image", ("image", "text"), _IMAGE),
        Capability("text-to-video", _TEXT, _VIDEO),
        Capability("image-to-video", ("image", "text"), _VIDEO),
        Capability("text-to-music", _TEXT, _AUDIO),
        Capability("text-to-audio", _TEXT, _AUDIO),
    )
}
"""By name."""

PLAIN: Final[dict[Work, str]] = {
    "llm": "text-generation",
    "stt": "speech-to-text",
    "tts": "text-to-speech",
    "embedding": "text-embedding",
    "image": "text-to-image",
    "realtime": "speech-to-speech",
}
"""What everybody can do who does some work."""
