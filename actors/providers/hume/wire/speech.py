"""``POST /v0/tts/stream/json``: a text and how to act it out, lines of JSON with audio and the times of words in."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from ....contracts import Synthesize, Word
from ....decoding import decoded
from ....errors import BrokenStream, RequestTooLong
from ....http_errors import complained
from ....options import Options

RATE: Final = 48_000
"""Of all audio, in Hz."""
LONGEST: Final = 5000
"""Characters of one text."""
CUSTOM: Final = "custom/"
"""Stands before the names of voices of one's own; others are in Hume's library."""
_DEGREES: Final = ((0.2, "slightly"), (0.4, "somewhat"), (0.6, ""), (0.8, "very"), (1.0, "extremely"))
"""How an intensity is put into words: that of the first number that is not less."""


class SpeechOptions(Options, frozen=True, kw_only=True):
    """How to speak, where a request does not say otherwise.

    Raises:
        ValueError: A value is out of range, or ``octave-2`` is to act: it takes no directions.
    """

    model: Literal["octave", "octave-1", "octave-2"] = "octave"
    """``octave`` is the second, which tells the times of words, unless it is to act: that only the first can do."""
    voice: str = "Ava Song"
    """A name or an id of Hume's library; ``custom/`` and a name for a voice of one's own."""
    emotion: Annotated[str, Meta(max_length=40)] = ""
    """Which one is acted, such as ``sad`` or ``excited``."""
    intensity: Annotated[float, Meta(ge=0, le=1)] = 0.5
    """How strong that is."""
    description: Annotated[str, Meta(max_length=100)] = ""
    """Other directions: ``whispering``, ``speaking to a crowd``. Short ones work best."""
    speed: Annotated[float, Meta(ge=0.5, le=2)] | None = None
    """Not proportional: 2 is much faster, and not twice as fast."""
    trailing_silence: Annotated[float, Meta(ge=0, le=5)] | None = None
    """Seconds after each piece."""
    instant_mode: bool = True
    """Whether the first sound comes sooner, at the price of some quality."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model == "octave-2" and self.acting:
            raise ValueError("octave-2 can't be told how to act: use octave-1, or leave out emotion and description")

    @property
    def acting(self) -> str:
        """The directions, in words."""
        degree = next(word for most, word in _DEGREES if self.intensity <= most)
        feeling = f"{degree} {self.emotion}".strip() if self.emotion else ""
        return ", ".join(part for part in (feeling, self.description) if part)

    @property
    def version(self) -> Literal["1", "2"]:
        """Of Octave."""
        return "1" if self.model == "octave-1" or self.acting else "2"


def wished(options: SpeechOptions, request: Synthesize, provider: str) -> SpeechOptions:
    """Return the options with what a request wishes otherwise.

    Raises:
        InvalidRequest: The speed is out of range, or there is no such model.
    """
    return options.merged(
        provider,
        model=request.model or None,
        voice=request.voice or None,
        speed=request.speed if request.speed != 1 else None,
    )


def encode_speech(text: str, options: SpeechOptions, provider: str) -> bytes:
    """Return the body of a request.

    Raises:
        RequestTooLong: The API does not take a text of this length.
    """
    body: dict[str, Any] = {
        "utterances": [utterance(text, options, provider)],
        "version": options.version,
        "format": {"type": "pcm"},
        "strip_headers": True,
        "instant_mode": options.instant_mode,
    }
    if options.version == "2":
        body["include_timestamp_types"] = ["word"]
    return msgspec.json.encode(body)


def utterance(text: str, options: SpeechOptions, provider: str) -> dict[str, Any]:
    """Return a text, who is to say it, and how.

    Raises:
        RequestTooLong: The API does not take a text of this length.
    """
    if len(text) > LONGEST:
        raise RequestTooLong(provider, f"more than {LONGEST} characters in a piece")
    named = {
        "description": options.acting or None,
        "speed": options.speed,
        "trailing_silence": options.trailing_silence,
    }
    given = {name: value for name, value in named.items() if value is not None}
    return {"text": text, "voice": _voice(options.voice), **given}


def _voice(voice: str) -> dict[str, str]:
    name = voice.removeprefix(CUSTOM)
    try:
        UUID(name)
    except ValueError:
        key = "name"
    else:
        key = "id"
    return {key: name, "provider": "HUME_AI" if name == voice else "CUSTOM_VOICE"}


class _Interval(Struct):
    begin: int
    """In milliseconds from the start of the generation."""
    end: int


class _Timestamp(Struct):
    text: str
    time: _Interval
    type: str = "word"


class Line(Struct):
    """A line of an answer, or a message of a WebSocket."""

    type: str = ""
    audio: bytes = b""
    """In JSON it is base64."""
    snippet_id: str = ""
    generation_id: str = ""
    text: str = ""
    """Of the snippet."""
    is_last_chunk: bool = False
    """Whether it is the last one of its snippet."""
    timestamp: _Timestamp | None = None
    code: Any = None
    error: Any = None
    message: Any = None
    detail: Any = None

    @property
    def word(self) -> _Timestamp | None:
        """The word whose time it tells, if it does."""
        stamp = self.timestamp if self.type == "timestamp" else None
        return stamp if stamp is not None and stamp.type == "word" else None


_decode: Final = msgspec.json.Decoder(Line).decode


def read(data: bytes, provider: str) -> Line:
    """Read a line; one of a kind that is not known says nothing.

    Raises:
        ProviderError: It is an error, or makes no sense.
    """
    line = decoded(_decode, data, provider)
    if line.type == "error" or line.error or line.detail:
        complaint = {"code": line.code, "error": line.error, "message": line.message, "detail": line.detail}
        raise complained(provider, {name: told for name, told in complaint.items() if told})
    return line


class Stretches:
    """A text, cut into the stretches that words stand for.

    Args:
        text: What is spoken.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._told = 0  # characters of it whose times are known

    def take(self, stamp: _Timestamp, start: float = 0.0) -> tuple[Word, ...]:
        """Return the stretch of the text that a word stands for; one that is not in it comes with the next.

        Args:
            stamp: The word, and when it is said.
            start: Seconds at which the text begins.
        """
        said = stamp.text.strip()
        found = self._text.find(said, self._told)
        if found < 0 or not said:
            return ()
        end = found + len(said)
        while end < len(self._text) and not self._text[end].isspace():
            end += 1
        stretch, self._told = self._text[self._told : end].strip(), end
        return (Word(stretch, max(stamp.time.begin / 1000 - start, 0.0), max(stamp.time.end / 1000 - start, 0.0)),)


class SpeechLines:
    """The lines of one text.

    Args:
        provider: For errors.
        text: What is spoken.
    """

    def __init__(self, provider: str, text: str) -> None:
        self._provider = provider
        self._stretches = Stretches(text)
        self._open: set[str] = set()  # snippets whose last chunk has not come

    def push(self, data: bytes) -> tuple[bytes, tuple[Word, ...]]:
        """Take a line; return its samples, which may be cut in two, and words that became known.

        Raises:
            ProviderError: It is an error, or makes no sense.
        """
        line = read(data, self._provider)
        if line.word is not None:
            return b"", self._stretches.take(line.word)
        if line.type != "audio":
            return b"", ()
        (self._open.discard if line.is_last_chunk else self._open.add)(line.snippet_id)
        return line.audio, ()

    def finish(self) -> None:
        """End the text: no line says that it is the last one, but each snippet has a last chunk.

        Raises:
            BrokenStream: One has not come.
        """
        if self._open:
            raise BrokenStream(self._provider, "the stream ended before the speech did")
