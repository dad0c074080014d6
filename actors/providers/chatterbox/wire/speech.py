"""``POST /audio/speech``: a text out, events with its audio in.

The API is OpenAI's but for its options, and an event at the beginning that says what the audio is.
"""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from ....contracts import Synthesize
from ....decoding import decoded
from ....errors import BrokenStream, RequestTooLong
from ....http_errors import complained
from ....options import Options

MODEL: Final = "chatterbox-tts-1"
"""What servers call the model that they have; OpenAI's API wants one."""
LONGEST: Final = 3000
"""Characters of one text."""


class SpeechOptions(Options, frozen=True, kw_only=True):
    """How to speak, where a request does not say otherwise; None leaves it to the server."""

    voice: str = ""
    """The name of a voice in the server's library; empty for its own."""
    language: str | None = None
    """ISO 639-1; None for that of the voice's recording. Some servers do not ask."""
    rate: Literal[8000, 16_000, 22_050, 24_000, 44_100, 48_000] = 24_000
    """Of the audio that the server makes, in Hz."""
    exaggeration: Annotated[float, Meta(ge=0.25, le=2)] | None = None
    """How strong the emotion is; 0.5 is neutral. The turbo models don't hear this and the next."""
    cfg_weight: Annotated[float, Meta(ge=0, le=1)] | None = None
    """How close it keeps to the pace of the recording; 0 for a recording in another language."""
    temperature: Annotated[float, Meta(ge=0.05, le=5)] | None = None
    """How different it sounds each time."""
    speed: Annotated[float, Meta(ge=0.25, le=4)] | None = None
    """Servers take it, and few do anything about it."""
    streaming_chunk_size: Annotated[int, Meta(ge=50, le=500)] | None = None
    """Characters that are spoken before the first sound: less is sooner, and less fluent."""
    streaming_strategy: Literal["sentence", "paragraph", "fixed", "word"] | None = None
    """Where a text is cut for that."""
    streaming_quality: Literal["fast", "balanced", "high"] | None = None


def wished(options: SpeechOptions, request: Synthesize, provider: str) -> SpeechOptions:
    """Return the options with what a request wishes otherwise.

    Raises:
        InvalidRequest: The speed is out of range.
    """
    return options.merged(
        provider,
        voice=request.voice or None,
        speed=request.speed if request.speed != 1 else None,
        language=request.language,
    )


def encode_speech(text: str, options: SpeechOptions, provider: str) -> bytes:
    """Return the body of a request.

    Raises:
        RequestTooLong: A server would take the text, and break off.
    """
    if len(text) > LONGEST:
        raise RequestTooLong(provider, f"more than {LONGEST} characters in a piece")
    return msgspec.json.encode({"model": MODEL, "input": text, "stream_format": "sse"} | options.members("rate"))


class _Event(Struct):
    type: str = ""
    audio: bytes = b""
    """In JSON it is base64."""
    sample_rate: int | None = None
    error: Any = None


_decode: Final = msgspec.json.Decoder(_Event).decode


class SpeechEvents:
    """The events of one text.

    Args:
        provider: For errors.
        rate: That the audio has to have, in Hz.
    """

    def __init__(self, provider: str, rate: int) -> None:
        self._provider = provider
        self._rate = rate
        self.done = False
        """Whether the last event has come."""

    def push(self, data: bytes) -> bytes:
        """Take the data of an event; return its audio, which may end in the middle of a sample.

        Raises:
            ProviderError: It is an error, or makes no sense, or the audio has another rate.
        """
        event = decoded(_decode, data, self._provider)
        if event.error:
            raise complained(self._provider, event.error)
        if event.sample_rate not in {None, self._rate}:
            raise BrokenStream(self._provider, f"the audio has {event.sample_rate} Hz; set rate to that")
        self.done = self.done or event.type == "speech.audio.done"
        return event.audio if event.type == "speech.audio.delta" else b""
