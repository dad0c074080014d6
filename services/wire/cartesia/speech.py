"""Speech: a tone as long as the text, with the times of its words."""

import base64
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from ....codecs.audio_writer import wav_header
from ..answers import Answer, Refused
from ..syllables import SECONDS_PER_CHARACTER
from ..tone import SECONDS_PER_PIECE, encode, pieces, tone
from .refusals import bad_request, refusal

MODELS: Final = frozenset({"sonic-3.5", "sonic-3", "sonic-2", "sonic-turbo", "sonic-latest"})
VOICES: Final = {
    "f786b574-daa5-4673-aa0c-cbe3e8534c02": ("Katie", "en", "feminine"),
    "228fca29-3a0a-435c-8728-5cb483251068": ("Kiefer", "en", "masculine"),
    "6ccbfb76-1fc6-48f7-b71d-91ac6298247b": ("Tessa", "de", "feminine"),
}
"""Name, language, gender by id."""
RATES: Final = (8000, 16_000, 22_050, 24_000, 44_100, 48_000)


class Format(Struct, frozen=True, kw_only=True):
    """``output_format``."""

    container: str
    sample_rate: int
    encoding: str = "pcm_s16le"


class Generation(Struct, frozen=True):
    """``generation_config``, as far as it is heard."""

    speed: float = 1.0


class Asked(Struct, frozen=True, kw_only=True):
    """A request; unknown members are taken as they are."""

    model_id: str
    transcript: str
    voice: str | dict[str, Any]
    output_format: Format
    generation_config: Generation = Generation()
    language: str | None = None

    @property
    def voice_id(self) -> str:
        """The id of the voice."""
        return self.voice if isinstance(self.voice, str) else str(self.voice.get("id", ""))

    def check(self) -> None:
        """Raise `Refused` if the API would not take it."""
        if self.model_id not in MODELS:
            raise Refused(refusal(404, "model_not_found", "There is no such model."))
        if self.voice_id not in VOICES:
            raise Refused(refusal(404))
        if self.output_format.sample_rate not in RATES or self.output_format.encoding != "pcm_s16le":
            raise bad_request("This server has pcm_s16le at the usual rates only.")
        if not 0.6 <= self.generation_config.speed <= 1.5:
            raise bad_request("speed has to be between 0.6 and 1.5.")

    def samples(self) -> bytes:
        """Return what is said."""
        return tone(self.transcript, self.voice_id, self.output_format.sample_rate, self.generation_config.speed)


def answer(asked: Asked) -> Answer:
    """Return the answer to ``POST /tts/bytes``."""
    form, pcm = asked.output_format, asked.samples()
    match form.container:
        case "raw":
            encoded, content_type = pcm, "audio/raw"
        case "wav":
            encoded, content_type = wav_header(form.sample_rate, 1) + pcm, "audio/wav"
        case "mp3":
            encoded, content_type = encode(pcm, form.sample_rate, "mp3", "mp3"), "audio/mpeg"
        case _:
            raise bad_request("container has to be raw, wav or mp3.")
    steps = tuple(pieces(encoded, form.sample_rate))
    return Answer(headers={"content-type": content_type}, steps=steps, streamed=True)


def messages(asked: Asked, pcm: bytes, context: str, start: float) -> Iterator[dict[str, Any]]:
    """Give the messages of a transcript: audio, and before it the words that are said in it.

    Args:
        asked: What is to be said.
        pcm: What is said.
        context: Of which context it is.
        start: Seconds that the context has said before.
    """
    about = {"context_id": context, "done": False, "status_code": 206}
    words = _words(asked.transcript, SECONDS_PER_CHARACTER / asked.generation_config.speed)
    for number, piece in enumerate(pieces(pcm, asked.output_format.sample_rate)):
        end = (number + 1) * SECONDS_PER_PIECE
        now = [word for word in words if word[1] < end]
        words = words[len(now) :]
        if now:
            yield {
                "type": "timestamps",
                **about,
                "word_timestamps": {
                    "words": [word for word, _, _ in now],
                    "start": [round(start + begin, 3) for _, begin, _ in now],
                    "end": [round(start + finish, 3) for _, _, finish in now],
                },
            }
        yield {"type": "chunk", **about, "data": base64.b64encode(piece).decode(), "step_time": 12.5}


def _words(text: str, each: float) -> list[tuple[str, float, float]]:
    result: list[tuple[str, float, float]] = []
    at = 0
    for word in text.split():
        at = text.index(word, at)
        result.append((word, at * each, (at + len(word)) * each))
        at += len(word)
    return result


def listed_voices(after: str | None, limit: int) -> dict[str, Any]:
    """Return a page of voices."""
    names = list(VOICES)
    start = names.index(after) + 1 if after in VOICES else 0
    shown = names[start : start + limit]
    more = start + len(shown) < len(names)
    data = [_voice(key, *VOICES[key]) for key in shown]
    return {"data": data, "has_more": more, "next_page": shown[-1] if more else None}


def _voice(key: str, name: str, language: str, gender: str) -> dict[str, Any]:
    return {
        "id": key,
        "access": "public",
        "created_at": "2025-06-01T00:00:00Z",
        "description": f"{name} speaks.",
        "gender": gender,
        "is_owner": False,
        "language": language,
        "locales": [],
        "name": name,
        "tagline": "",
        "visibility": "all",
    }
