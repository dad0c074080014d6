"""What wire servers say: a tone as long as a text takes to be spoken, and audio in the formats that providers have.

Words of `syllables` are sung, so that they can be heard again.
"""

import io
import zlib
from typing import Any, Final

import av
import numpy as np

from .syllables import SECONDS_PER_CHARACTER, is_sung, sing

SECONDS_PER_PIECE: Final = 0.1
"""In which audio is sent."""
PITCHES: Final = 16


def tone(text: str, voice: str, rate: int, speed: float = 1.0) -> bytes:
    """Return what is said, mono s16le: one length per text, one pitch per voice."""
    seconds = SECONDS_PER_CHARACTER * len(text) / speed
    if speed == 1.0 and is_sung(text):
        return sing(text, rate).tobytes()
    times = np.arange(round(seconds * rate)) / rate
    pitch = 220 + 20 * (zlib.crc32(voice.encode()) % PITCHES)
    return (8000 * np.sin(2 * np.pi * pitch * times)).astype("<i2").tobytes()


def pieces(pcm: bytes, rate: int) -> list[bytes]:
    """Cut samples into the pieces that are sent."""
    size = 2 * round(rate * SECONDS_PER_PIECE)
    return [pcm[start : start + size] for start in range(0, len(pcm), size)]


def encode(pcm: bytes, rate: int, container: str, codec: str) -> bytes:
    """Encode mono s16le; container and codec are called as PyAV does."""
    buffer = io.BytesIO()
    output: Any  # PyAV's types know streams of video and subtitles here, too
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=48_000 if codec == "libopus" else rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2")[None, :], format="s16", layout="mono")
        frame.rate = rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            output.mux(packet)
    return buffer.getvalue()
