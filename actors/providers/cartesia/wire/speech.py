"""``/tts/websocket``: texts out, each in a context of its own; audio in base64 and the times of words in."""

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from ....contracts import Speech, Synthesize, Word
from ....decoding import decoded
from ....options import Options
from .errors import Complaint

PATH: Final = "/tts/websocket"


class SpeechOptions(Options, frozen=True, kw_only=True):
    """How to speak, where a request does not say otherwise."""

    model: str
    voice: str
    """Its id."""
    rate: Literal[8000, 16_000, 22_050, 24_000, 44_100, 48_000] = 24_000
    """Of the audio, in Hz."""
    language: str | None = None
    """ISO 639-1; None for the voice's own."""
    speed: Annotated[float, Meta(ge=0.6, le=1.5)] | None = None
    """This and the next two are for sonic-3 and newer models."""
    volume: Annotated[float, Meta(ge=0.5, le=2)] | None = None
    emotion: str | None = None


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


class _Times(Struct):
    words: list[str] = []
    start: list[float] = []
    end: list[float] = []


class _Message(Struct):
    type: str = ""
    context_id: str | None = None
    data: bytes | None = None
    """In JSON it is base64."""
    word_timestamps: _Times | None = None


_decode: Final = msgspec.json.Decoder(_Message).decode
_decode_complaint: Final = msgspec.json.Decoder(Complaint).decode


class CartesiaTalking:
    """Pieces over one WebSocket; see `troupe.actors.synthesis.Talking`."""

    def __init__(self, provider: str, options: SpeechOptions) -> None:
        self._provider = provider
        self._options = options
        self._pieces: dict[str, int] = {}

    def speak(self, piece: int, text: str) -> Iterable[str]:
        """See `Talking.speak`."""
        options = self._options
        context = f"piece-{piece}"
        self._pieces[context] = piece
        message: dict[str, Any] = {
            "model_id": options.model,
            "transcript": text,
            "voice": {"mode": "id", "id": options.voice},
            "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": options.rate},
            "context_id": context,
            "continue": False,
            "add_timestamps": True,
        }
        if options.language:
            message["language"] = options.language
        named = {"speed": options.speed, "volume": options.volume, "emotion": options.emotion}
        if generation := {name: value for name, value in named.items() if value is not None}:
            message["generation_config"] = generation
        return (msgspec.json.encode(message).decode(),)

    def push(self, message: str | bytes) -> Iterable[Speech]:
        """See `Talking.push`; what belongs to no piece, and kinds that are not known, say nothing."""
        data = message.encode() if isinstance(message, str) else message
        news = decoded(_decode, data, self._provider)
        if news.type == "error":
            raise decoded(_decode_complaint, data, self._provider).mapped(self._provider)
        piece = self._pieces.get(news.context_id or "")
        if piece is None:
            return
        match news.type:
            case "chunk":
                yield Speech(piece, news.data or b"", self._options.rate)
            case "timestamps":
                times = news.word_timestamps or _Times()
                words = tuple(map(Word, times.words, times.start, times.end))
                yield Speech(piece, b"", self._options.rate, words)
            case "done":
                del self._pieces[f"piece-{piece}"]
                yield Speech(piece, b"", self._options.rate, last=True)
            case _:
                pass
