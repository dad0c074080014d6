"""``POST /v1/audio/speech``: a tone as long as the text, in every format that the API has."""

import base64
import io
import struct
from typing import Any, Final

import av
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ..answers import Answer, sse_answer
from ..syllables import SECONDS_PER_CHARACTER, is_sung, sing
from .refusals import invalid

RATE: Final = 24_000
PIECE: Final = 4800
"""Bytes in which PCM is sent: 0.1 s."""
VOICES: Final = (
    *("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable"),
    *("marin", "nova", "onyx", "sage", "shimmer", "verse"),
)
CONTENT_TYPES: Final = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
ENCODERS: Final = {"mp3": ("mp3", "mp3"), "opus": ("ogg", "libopus"), "aac": ("adts", "aac"), "flac": ("flac", "flac")}
"""Container and codec, as PyAV calls them."""


class Asked(Struct, frozen=True, kw_only=True):
    """A request; unknown members are taken as they are."""

    model: str
    input: str
    voice: str | dict[str, str]
    instructions: str = ""
    response_format: str = "mp3"
    speed: float = 1.0
    stream_format: str = "audio"

    def check(self) -> None:
        """Raise `Refused` if the API would not take it."""
        if not self.input:
            raise invalid("Invalid 'input': string too short. Expected at least 1 character.", "input")
        if len(self.input) > 4096:
            raise invalid("Invalid 'input': string too long. Expected at most 4096 characters.", "input")
        if not 0.25 <= self.speed <= 4:
            raise invalid("Invalid 'speed': expected 0.25 to 4.0.", "speed", "decimal_out_of_range")
        if isinstance(self.voice, str) and self.voice not in VOICES:
            raise invalid(f"Invalid 'voice': expected one of {', '.join(VOICES)}.", "voice", "invalid_value")
        if self.response_format not in CONTENT_TYPES:
            raise invalid("Invalid 'response_format'.", "response_format", "invalid_value")
        if self.stream_format == "sse" and self.model.startswith("tts-1"):
            raise invalid("'stream_format' of 'sse' is not supported by this model.", "stream_format")


def tone(asked: Asked) -> bytes:
    """Return what is said, as mono s16le at 24 kHz: one pitch per voice, one length per text."""
    seconds = SECONDS_PER_CHARACTER * len(asked.input) / asked.speed
    voice = asked.voice if isinstance(asked.voice, str) else asked.voice.get("id", "")
    pitch = 220 + 20 * (VOICES.index(voice) if voice in VOICES else len(VOICES))
    if asked.speed == 1.0 and is_sung(asked.input):
        return sing(asked.input, RATE).tobytes()
    times = np.arange(round(seconds * RATE)) / RATE
    return (8000 * np.sin(2 * np.pi * pitch * times)).astype("<i2").tobytes()


def answer(asked: Asked) -> Answer:
    """Return the answer to a request that was checked."""
    pcm = tone(asked)
    match asked.response_format:
        case "pcm":
            encoded = pcm
        case "wav":  # its length is not known when the header is sent
            encoded = wav_header() + pcm
        case form:
            encoded = _encode(np.frombuffer(pcm, "<i2"), *ENCODERS[form])
    pieces = [encoded[start : start + PIECE] for start in range(0, len(encoded), PIECE)]
    if asked.stream_format == "sse":
        deltas = [{"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()} for piece in pieces]
        return sse_answer(*deltas, {"type": "speech.audio.done", "usage": _usage(asked, len(pcm))}, done=False)
    return Answer(headers={"content-type": CONTENT_TYPES[asked.response_format]}, steps=tuple(pieces), streamed=True)


def _usage(asked: Asked, size: int) -> dict[str, Any]:
    read, said = len(asked.input.split()), size // PIECE
    return {"input_tokens": read, "output_tokens": said, "total_tokens": read + said}


def wav_header() -> bytes:
    """Return the header of a WAV of unknown length: both sizes are the largest number there is."""
    unknown = 0xFFFFFFFF
    form = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
    return (
        struct.pack("<4sI4s4sI", b"RIFF", unknown, b"WAVE", b"fmt ", len(form))
        + form
        + struct.pack("<4sI", b"data", unknown)
    )


def _encode(samples: NDArray[np.int16], container: str, codec: str) -> bytes:
    buffer = io.BytesIO()
    output: Any  # PyAV's types know streams of video and subtitles here, too
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=48_000 if codec == "libopus" else RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.rate = RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            output.mux(packet)
    return buffer.getvalue()
