"""``POST /v1/audio/speech``: a tone as long as the text, as a file or in events, one for each stretch of text."""

import base64
import re
import struct
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

import numpy as np
from msgspec import Meta, Struct

from ....codecs.audio_writer import wav_header
from ..answers import Answer, Refused, sse_answer
from ..tone import tone
from .refusals import refusal

RATE: Final = 24_000
LONGEST: Final = 3000
STRETCH: Final = 200
"""Characters that are spoken at a time, unless a request says otherwise."""


class Asked(Struct, frozen=True, kw_only=True):
    """The body of a request; unknown members are ignored, and so are format and speed."""

    input: Annotated[str, Meta(min_length=1, max_length=LONGEST)]
    voice: str | None = "alloy"
    response_format: str | None = "wav"
    speed: float | None = 1.0
    stream_format: Literal["audio", "sse"] | None = "audio"
    exaggeration: Annotated[float, Meta(ge=0.25, le=2)] | None = None
    cfg_weight: Annotated[float, Meta(ge=0, le=1)] | None = None
    temperature: Annotated[float, Meta(ge=0.05, le=5)] | None = None
    streaming_chunk_size: Annotated[int, Meta(ge=50, le=500)] | None = None
    streaming_strategy: Literal["sentence", "paragraph", "fixed", "word"] | None = None
    streaming_buffer_size: Annotated[int, Meta(ge=1, le=10)] | None = None
    streaming_quality: Literal["fast", "balanced", "high"] | None = None

    def check(self) -> None:
        """Raise `Refused` if the server would not take it."""
        if not self.input.strip():
            raise Refused(refusal(400, "validation_error", "Input text cannot be empty"))


def stretches(asked: Asked) -> Iterator[str]:
    """Cut a text into what is spoken at a time: whole words, up to a number of characters."""
    longest = asked.streaming_chunk_size or STRETCH
    for found in re.finditer(rf".{{1,{longest}}}(?:\s+|$)|\S{{1,{longest}}}", asked.input, re.DOTALL):
        yield found[0]


def spoken(asked: Asked, voice: str) -> list[bytes]:
    """Return what is said, mono s16le, stretch by stretch."""
    return [tone(text, voice, RATE) for text in stretches(asked)]


def events(asked: Asked, voice: str) -> Answer:
    """Answer with events: what the audio is, the audio, and what it cost."""
    parts = spoken(asked, voice)
    read, said = len(asked.input.split()), 50 * len(parts)
    told: list[dict[str, Any]] = [
        {"type": "speech.audio.info", "sample_rate": RATE, "channels": 1, "bits_per_sample": 16},
        *({"type": "speech.audio.delta", "audio": base64.b64encode(part).decode()} for part in parts),
        {
            "type": "speech.audio.done",
            "usage": {"input_tokens": read, "output_tokens": said, "total_tokens": read + said},
        },
    ]
    return sse_answer(*told, done=False).with_headers(x_accel_buffering="no")


def stream(asked: Asked, voice: str) -> Answer:
    """Answer with a WAV of unknown length: its header has the largest numbers there are."""
    steps = (wav_header(RATE, 1), *spoken(asked, voice))
    return Answer(headers={"content-type": "audio/wav"}, steps=steps, streamed=True)


def file(asked: Asked, voice: str) -> Answer:
    """Answer with a WAV of 32-bit floats, which is what this server makes of it."""
    samples = np.frombuffer(b"".join(spoken(asked, voice)), "<i2").astype("<f4") / 32768
    data = samples.tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, RATE, 4 * RATE, 4, 32)
    fact = struct.pack("<4sII", b"fact", 4, len(samples))
    chunks = form + fact + struct.pack("<4sI", b"data", len(data)) + data
    return Answer(
        headers={"content-type": "audio/wav", "content-disposition": "attachment; filename=speech.wav"},
        steps=(struct.pack("<4sI4s", b"RIFF", 4 + len(chunks), b"WAVE") + chunks,),
        streamed=True,
    )
