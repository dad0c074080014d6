"""``POST /audio/speech``: text out, audio in, as it is or in events."""

from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from ....contracts import Usage
from ....decoding import decoded
from ....errors import InvalidRequest
from ....http_errors import complained
from ....samples import EncodedSamples, RawSamples, Samples
from .tokens import TokenUsage, tokens

SLOWEST, FASTEST = 0.25, 4.0


class SpeechOptions(Struct, frozen=True, kw_only=True):
    """How to speak, where a request does not say otherwise."""

    model: str
    voice: str
    instructions: str = ""
    """Tone, accent, mood; not every model follows."""
    streamed: Literal["audio", "events"] = "audio"
    """As raw audio, or as events that end with the usage; not every model has the latter."""
    format: Literal["pcm", "wav", "mp3", "opus", "aac", "flac"] = "pcm"
    """In which the audio comes. PCM costs nothing; some servers only have others."""
    rate: int = 24_000
    """Of the audio that the caller gets, in Hz; PCM comes at 24 kHz from OpenAI and most others."""
    voices: tuple[str, ...] = (
        *("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable"),
        *("marin", "nova", "onyx", "sage", "shimmer", "verse"),
    )
    """Those there are, for lists; the API has no list of its own. Other names are sent as they are."""


def encode_speech(text: str, options: SpeechOptions, *, provider: str, model: str, voice: str, speed: float) -> bytes:
    """Return the body of ``POST /audio/speech``.

    Raises:
        InvalidRequest: The speed is out of range.
    """
    if not SLOWEST <= speed <= FASTEST:
        raise InvalidRequest(provider, f"speed is {speed:g}; it has to be between {SLOWEST} and {FASTEST}")
    body: dict[str, Any] = {
        "model": model or options.model,
        "voice": voice or options.voice,
        "input": text,
        "response_format": options.format,
    }
    if options.instructions:
        body["instructions"] = options.instructions
    if speed != 1:  # not every server knows the word
        body["speed"] = speed
    if options.streamed == "events":
        body["stream_format"] = "sse"
    return msgspec.json.encode(body)


class SpeechEvent(Struct):
    """One event of streamed speech; kinds that are not known have neither audio nor an end."""

    type: str = ""
    audio: bytes = b""
    """In JSON it is base64."""
    usage: TokenUsage | None = None
    error: Any = None

    @property
    def more(self) -> bytes:
        """The audio that it adds."""
        return self.audio if self.type == "speech.audio.delta" else b""

    @property
    def last(self) -> bool:
        """Whether it is the last one."""
        return self.type == "speech.audio.done"

    @property
    def tokens(self) -> Usage:
        """What it says was used."""
        return tokens(self.usage)


_decode: Final = msgspec.json.Decoder(SpeechEvent).decode


def decode_speech_event(data: bytes, provider: str) -> SpeechEvent:
    """Decode the data of an event.

    Raises:
        ProviderError: The event is an error.
        BrokenStream: It makes no sense.
    """
    event = decoded(_decode, data, provider)
    if event.error:
        raise complained(provider, event.error)
    return event


def samples(options: SpeechOptions, provider: str) -> Samples:
    """Return what turns the bytes of one piece into samples."""
    return RawSamples() if options.format == "pcm" else EncodedSamples(provider, options.rate)
