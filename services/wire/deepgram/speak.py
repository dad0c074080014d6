"""``/v1/speak``: a tone as long as the text, over HTTP in all formats, over a WebSocket as raw samples."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from msgspec import Struct

from ....codecs.audio_writer import wav_header
from ....codecs.g711 import encode_alaw, encode_ulaw
from ..answers import Answer
from ..tone import encode, pieces, tone
from .models import TTS, VERSION, uuid_of
from .refusals import REQUEST_ID, bad_request, no_such_model

LONGEST: Final = 2000
"""Characters of one text."""
RATES: Final = {
    "linear16": (8000, 16_000, 24_000, 32_000, 48_000),
    "mulaw": (8000, 16_000),
    "alaw": (8000, 16_000),
}
USUAL_RATE: Final = {"linear16": 24_000, "mulaw": 8000, "alaw": 8000, "mp3": 22_050, "opus": 48_000, "flac": 48_000}
ENCODERS: Final = {"mp3": ("mp3", "mp3"), "opus": ("ogg", "libopus"), "flac": ("flac", "flac")}
CONTENT_TYPES: Final = {
    "linear16": "audio/l16",
    "mulaw": "audio/mulaw",
    "alaw": "audio/alaw",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
}


class Asked(Struct, frozen=True, kw_only=True):
    """A request's query."""

    model: str
    encoding: str
    rate: int
    wav: bool


def read_query(query: Mapping[str, str], *, streamed: bool) -> Asked:
    """Read a query.

    Raises:
        Refused: The API would not take it.
    """
    model = query.get("model", "aura-asteria-en")
    if model not in TTS:
        raise no_such_model()
    encoding = query.get("encoding", "linear16" if streamed else "mp3")
    if encoding not in (RATES if streamed else USUAL_RATE):
        raise bad_request(f"Unsupported encoding: {encoding}")
    try:
        rate = int(query.get("sample_rate", USUAL_RATE[encoding]))
    except ValueError:
        raise bad_request("Invalid query string") from None
    if encoding in RATES and rate not in RATES[encoding]:
        raise bad_request(f"Unsupported sample_rate for {encoding}: {rate}")
    wav = not streamed and encoding == "linear16" and query.get("container", "wav") == "wav"
    return Asked(model=model, encoding=encoding, rate=rate, wav=wav)


def samples(asked: Asked, text: str) -> bytes:
    """Return what is said, in the encoding of a stream."""
    pcm = tone(text, asked.model, asked.rate)
    match asked.encoding:
        case "mulaw":
            return encode_ulaw(np.frombuffer(pcm, "<i2"))
        case "alaw":
            return encode_alaw(np.frombuffer(pcm, "<i2"))
        case _:
            return pcm


def answer(asked: Asked, text: str) -> Answer:
    """Return the answer to a request that was checked."""
    if asked.encoding in ENCODERS:
        encoded = encode(tone(text, asked.model, asked.rate), asked.rate, *ENCODERS[asked.encoding])
    else:
        encoded = (wav_header(asked.rate, 1) if asked.wav else b"") + samples(asked, text)
    headers = {
        "content-type": "audio/wav" if asked.wav else CONTENT_TYPES[asked.encoding],
        "dg-model-name": asked.model,
        "dg-model-uuid": uuid_of(asked.model),
        "dg-char-count": str(len(text)),
    }
    return Answer(headers=headers, steps=tuple(pieces(encoded, asked.rate)), streamed=True)


def metadata(asked: Asked) -> dict[str, Any]:
    """Return what is said at the beginning of a stream."""
    return {
        "type": "Metadata",
        "request_id": REQUEST_ID,
        "model_name": asked.model,
        "model_version": VERSION,
        "model_uuid": uuid_of(asked.model),
    }
