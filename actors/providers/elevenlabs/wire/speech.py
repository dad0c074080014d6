"""``/v1/text-to-speech``: texts out, audio and the times of its characters in, over a WebSocket or in lines of JSON."""

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Meta, Struct

from ....contracts import Speech, Synthesize, Word
from ....decoding import decoded
from ....http_errors import complained
from ....options import Options
from .alignment import Alignment

INACTIVITY: Final = 60
"""Seconds without a text after which the provider may close; we do so before."""

Part = Annotated[float, Meta(ge=0, le=1)]


class SpeechOptions(Options, frozen=True, kw_only=True):
    """How to speak, where a request does not say otherwise."""

    model: str
    voice: str
    """Its id."""
    rate: Literal[8000, 16_000, 22_050, 24_000, 44_100] = 24_000
    """Of the audio, in Hz; 44100 takes a larger plan."""
    stability: Part | None = None
    """How much alike it sounds each time; None for the voice's own."""
    similarity_boost: Part | None = None
    style: Part | None = None
    use_speaker_boost: bool | None = None
    speed: Annotated[float, Meta(ge=0.7, le=1.2)] | None = None
    language: str | None = None
    """ISO 639-1, for models that can be told."""
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] | None = None
    apply_text_normalization: Literal["auto", "on", "off"] | None = None
    """Whether numbers and the like are spelled out before; None for the provider's own way."""
    enable_logging: bool = True
    """Without, nothing is kept at the provider; for large customers."""

    def settings(self) -> dict[str, Any]:
        """Return the voice's settings, as they go over the wire."""
        named = {
            "stability": self.stability,
            "similarity_boost": self.similarity_boost,
            "style": self.style,
            "use_speaker_boost": self.use_speaker_boost,
            "speed": self.speed,
        }
        return {name: value for name, value in named.items() if value is not None}


def wished(options: SpeechOptions, request: Synthesize, provider: str) -> SpeechOptions:
    """Return the options with what a request wishes otherwise.

    Raises:
        InvalidRequest: The speed is out of range.
    """
    return options.merged(
        provider,
        model=request.model or None,
        voice=request.voice or None,
        speed=request.speed if request.speed != 1 else None,
        language=request.language,
    )


def socket_path(options: SpeechOptions) -> str:
    """Return the path and query of a connection with several contexts."""
    pairs = [
        ("model_id", options.model),
        ("output_format", f"pcm_{options.rate}"),
        ("auto_mode", "true"),  # texts come in whole sentences or clauses; there is nothing to wait for
        ("inactivity_timeout", str(INACTIVITY)),
    ]
    pairs += _more(options)
    return f"/v1/text-to-speech/{quote(options.voice, safe='')}/multi-stream-input?{urlencode(pairs)}"


def http_path(options: SpeechOptions) -> str:
    """Return the path and query of a request."""
    pairs = [("output_format", f"pcm_{options.rate}")]
    if not options.enable_logging:
        pairs.append(("enable_logging", "false"))
    return f"/v1/text-to-speech/{quote(options.voice, safe='')}/stream/with-timestamps?{urlencode(pairs)}"


def _more(options: SpeechOptions) -> list[tuple[str, str]]:
    named = {
        "language_code": options.language,
        "apply_text_normalization": options.apply_text_normalization,
        "seed": options.seed,
        "enable_logging": None if options.enable_logging else "false",
    }
    return [(name, str(value)) for name, value in named.items() if value is not None]


def encode_speech(text: str, options: SpeechOptions) -> bytes:
    """Return the body of a request."""
    body: dict[str, Any] = {"text": text, "model_id": options.model}
    if settings := options.settings():
        body["voice_settings"] = settings
    named = {
        "language_code": options.language,
        "seed": options.seed,
        "apply_text_normalization": options.apply_text_normalization,
    }
    return msgspec.json.encode(body | {name: value for name, value in named.items() if value is not None})


# -- over HTTP ---------------------------------------------------------------------------------------------------------


class _Times(Struct):
    characters: list[str] = []
    character_start_times_seconds: list[float] = []
    character_end_times_seconds: list[float] = []


class _Line(Struct):
    audio_base64: bytes = b""
    alignment: _Times | None = None
    detail: Any = None


_decode_line: Final = msgspec.json.Decoder(_Line).decode


class SpeechLines:
    """One piece, in lines of JSON.

    Args:
        provider: For errors.
        rate: Of the audio, in Hz.
    """

    def __init__(self, provider: str, rate: int) -> None:
        self._provider = provider
        self._rate = rate
        self._alignment = Alignment()
        self._size = 0

    def push(self, data: bytes) -> tuple[bytes, tuple[Word, ...]]:
        """Take a line; return its samples, which may be cut in two, and the words that are complete with it.

        Raises:
            ProviderError: It is an error, or makes no sense.
        """
        line = decoded(_decode_line, data, self._provider)
        if line.detail:
            raise complained(self._provider, line.detail)
        words: tuple[Word, ...] = ()
        if times := line.alignment:
            words = self._alignment.push(
                times.characters,
                times.character_start_times_seconds,
                times.character_end_times_seconds,
                self._size / (2 * self._rate),
            )
        self._size += len(line.audio_base64)
        return line.audio_base64, words

    def finish(self) -> tuple[Word, ...]:
        """Return the last word."""
        return self._alignment.finish()


# -- over a WebSocket --------------------------------------------------------------------------------------------------


class _CharTimes(Struct, rename="camel"):
    chars: list[str] = []
    char_start_times_ms: list[float] = []
    char_durations_ms: list[float] = []
    chars_start_times_ms: list[float] = []
    """So some documents spell it, and this."""
    chars_durations_ms: list[float] = []


class _Message(Struct):
    audio: bytes | None = None
    alignment: _CharTimes | None = None
    is_final: bool | None = None
    isFinal: bool | None = None  # noqa: N815  (both have been seen)
    context_id: str | None = None
    contextId: str | None = None  # noqa: N815
    error: Any = None
    message: str | None = None


_decode_message: Final = msgspec.json.Decoder(_Message).decode


class _Piece:
    def __init__(self, number: int, text: str) -> None:
        self.number = number
        self.alignment = Alignment(text)
        self.size = 0


class ElevenLabsTalking:
    """Pieces over one WebSocket, each in a context of its own; see `troupe.actors.synthesis.Talking`."""

    def __init__(self, provider: str, options: SpeechOptions) -> None:
        self._provider = provider
        self._options = options
        self._pieces: dict[str, _Piece] = {}

    def speak(self, piece: int, text: str) -> Iterable[str]:
        """See `Talking.speak`. The first message of a context has to have settings, and one space."""
        context = f"piece-{piece}"
        self._pieces[context] = _Piece(piece, text)
        for message in (
            {"text": " ", "voice_settings": self._options.settings()},
            {"text": text if text.endswith(" ") else f"{text} ", "flush": True},
            {"close_context": True},
        ):
            yield msgspec.json.encode({**message, "context_id": context}).decode()

    def push(self, message: str | bytes) -> Iterable[Speech]:
        """See `Talking.push`; what belongs to no piece says nothing."""
        data = message.encode() if isinstance(message, str) else message
        news = decoded(_decode_message, data, self._provider)
        if news.error:
            raise complained(self._provider, {"code": news.error, "message": news.message})
        piece = self._pieces.get(news.context_id or news.contextId or "")
        if piece is None:
            return
        words: tuple[Word, ...] = ()
        if times := news.alignment:
            starts = [time / 1000 for time in times.char_start_times_ms or times.chars_start_times_ms]
            durations = times.char_durations_ms or times.chars_durations_ms
            ends = [start + duration / 1000 for start, duration in zip(starts, durations, strict=False)]
            words = piece.alignment.push(times.chars, starts, ends, piece.size / (2 * self._options.rate))
        if news.audio or words:
            piece.size += len(news.audio or b"")
            yield Speech(piece.number, news.audio or b"", self._options.rate, words)
        if news.is_final or news.isFinal:
            del self._pieces[f"piece-{piece.number}"]
            yield Speech(piece.number, b"", self._options.rate, piece.alignment.finish(), last=True)
