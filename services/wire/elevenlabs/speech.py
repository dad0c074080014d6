"""Speech: a tone as long as the text, with the times of its characters."""

import base64
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from msgspec import Struct

from ....codecs.g711 import encode_alaw, encode_ulaw
from ..answers import Answer, Refused
from ..syllables import SECONDS_PER_CHARACTER
from ..tone import encode, tone
from .refusals import misplaced, refusal
from .voices import MODELS

CHARACTERS_PER_CHUNK: Final = 10
RATES: Final = {
    "pcm": (8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
    "ulaw": (8000,),
    "alaw": (8000,),
    "mp3": (22_050, 24_000, 44_100),
    "opus": (48_000,),
}
CONTENT_TYPES: Final = {
    "pcm": "audio/pcm",
    "ulaw": "audio/basic",
    "alaw": "audio/basic",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
}
ENCODERS: Final = {"mp3": ("mp3", "mp3"), "opus": ("ogg", "libopus")}


class Settings(Struct, frozen=True, kw_only=True):
    """``voice_settings``, as far as they are heard."""

    stability: float | None = None
    similarity_boost: float | None = None
    style: float | None = None
    speed: float | None = None


class Asked(Struct, frozen=True, kw_only=True):
    """The body of a request; unknown members are taken as they are."""

    text: str
    model_id: str = "eleven_multilingual_v2"
    voice_settings: Settings | None = None
    language_code: str | None = None

    def check(self) -> None:
        """Raise `Refused` if the API would not take it."""
        if not self.text.strip():
            raise Refused(refusal(400, "input_text_empty", "Input text can't be empty."))
        if self.model_id not in MODELS:
            raise Refused(refusal(400, "model_not_found", "A model with this id does not exist."))
        if len(self.text) > MODELS[self.model_id][1]:
            raise Refused(refusal(400, "max_character_limit_exceeded"))
        speed = self.voice_settings.speed if self.voice_settings else None
        if speed is not None and not 0.7 <= speed <= 1.2:
            raise misplaced("voice_settings", "speed")


class Format(Struct, frozen=True):
    """Of audio, as the query names it: ``pcm_24000``, ``mp3_44100_128``."""

    kind: str
    rate: int

    def encoded(self, pcm: bytes) -> bytes:
        """Return the samples in this format."""
        match self.kind:
            case "pcm":
                return pcm
            case "ulaw":
                return encode_ulaw(np.frombuffer(pcm, "<i2"))
            case "alaw":
                return encode_alaw(np.frombuffer(pcm, "<i2"))
            case kind:
                return encode(pcm, self.rate, *ENCODERS[kind])


def read_format(name: str) -> Format:
    """Read the name of a format.

    Raises:
        Refused: There is none of this name.
    """
    kind, _, rest = name.partition("_")
    rate = rest.partition("_")[0]
    if not rate.isdecimal() or int(rate) not in RATES.get(kind, ()):
        raise Refused(refusal(400, "invalid_output_format", "This output format does not exist."))
    return Format(kind, int(rate))


class Chunk(Struct, frozen=True):
    """A stretch of speech: its text, when each character begins and ends in seconds from its start, its samples."""

    text: str
    pcm: bytes
    starts: tuple[float, ...]
    ends: tuple[float, ...]
    at: float
    """When it begins itself, in seconds."""


def chunks(text: str, voice: str, rate: int, speed: float) -> Iterator[Chunk]:
    """Give what is said, chunk by chunk."""
    pcm = tone(text, voice, rate, speed)
    each = SECONDS_PER_CHARACTER / speed
    for start in range(0, len(text), CHARACTERS_PER_CHUNK):
        part = text[start : start + CHARACTERS_PER_CHUNK]
        first, last = (2 * round(number * each * rate) for number in (start, start + len(part)))
        last = len(pcm) if start + len(part) == len(text) else last
        times = [round(number * each, 3) for number in range(len(part) + 1)]
        yield Chunk(part, pcm[first:last], tuple(times[:-1]), tuple(times[1:]), start * each)


def whole(asked: Asked, voice: str, form: Format) -> Answer:
    """Return all of the audio, in chunks as it is made."""
    speed = (asked.voice_settings and asked.voice_settings.speed) or 1.0
    parts = [chunk.pcm for chunk in chunks(asked.text, voice, form.rate, speed)]
    steps = tuple(parts) if form.kind == "pcm" else (form.encoded(b"".join(parts)),)
    return Answer(headers={"content-type": CONTENT_TYPES[form.kind]}, steps=steps, streamed=True)


def timed(asked: Asked, voice: str, form: Format) -> Iterator[dict[str, Any]]:
    """Give audio and times of each chunk, as HTTP has them: from the start of the speech."""
    speed = (asked.voice_settings and asked.voice_settings.speed) or 1.0
    for chunk in chunks(asked.text, voice, form.rate, speed):
        alignment = {
            "characters": list(chunk.text),
            "character_start_times_seconds": [round(chunk.at + time, 3) for time in chunk.starts],
            "character_end_times_seconds": [round(chunk.at + time, 3) for time in chunk.ends],
        }
        yield {
            "audio_base64": base64.b64encode(form.encoded(chunk.pcm)).decode(),
            "alignment": alignment,
            "normalized_alignment": alignment,
        }


def spoken(text: str, voice: str, form: Format, speed: float) -> Iterator[dict[str, Any]]:
    """Give audio and times of each chunk, as WebSockets have them: from the start of the chunk."""
    for chunk in chunks(text, voice, form.rate, speed):
        starts = [round(time * 1000) for time in chunk.starts]
        alignment = {
            "chars": list(chunk.text),
            "charStartTimesMs": starts,
            "charDurationsMs": [round(end * 1000) - start for start, end in zip(starts, chunk.ends, strict=True)],
        }
        yield {
            "audio": base64.b64encode(form.encoded(chunk.pcm)).decode(),
            "isFinal": None,
            "alignment": alignment,
            "normalizedAlignment": alignment,
        }
