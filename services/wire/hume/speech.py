"""``POST /v0/tts`` and its kin: a tone as long as the text, in snippets, with the times of its words."""

import base64
import re
from collections import deque
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Struct

from ....codecs.audio_writer import wav_header
from ..answers import Answer, Refused
from ..syllables import SECONDS_PER_CHARACTER
from ..tone import SECONDS_PER_PIECE, encode, pieces, tone
from .refusals import misplaced, refusal
from .voices import Library, Owner

RATE: Final = 48_000
LONGEST: Final = 5000
REQUEST: Final = "66f2a1b0-5d5c-4f0e-9b5e-4f9a0c1d2e3f"
GENERATION: Final = "795c949a-1510-4a80-9646-7d0863b023ab"
CONTENT_TYPES: Final = {"mp3": "audio/mpeg", "pcm": "audio/pcm", "wav": "audio/wav"}
SENTENCE: Final = re.compile(r"\s*\S[^.!?]*[.!?]*")


class Voice(Struct, frozen=True, kw_only=True):
    """Who is to speak: an id or a name, and whose voice that is."""

    id: str | None = None
    name: str | None = None
    provider: Owner = "CUSTOM_VOICE"


class Utterance(Struct, frozen=True, kw_only=True):
    """A text, and how to say it."""

    text: str
    description: str | None = None
    voice: Voice | None = None
    speed: float | None = None
    trailing_silence: float | None = None


class Format(Struct, frozen=True):
    """Of the audio."""

    type: Literal["mp3", "pcm", "wav"] = "mp3"


class Asked(Struct, frozen=True, kw_only=True):
    """The body of a request; unknown members are taken as they are."""

    utterances: list[Utterance]
    format: Format = Format()
    num_generations: int = 1
    split_utterances: bool = True
    strip_headers: bool = False
    version: Literal["1", "2"] | None = None
    include_timestamp_types: list[Literal["word", "phoneme"]] = []
    instant_mode: bool | None = None

    def check(self) -> None:
        """Raise `Refused` if the API would not take it."""
        if not self.utterances:
            raise misplaced("utterances", problem="List should have at least 1 item")
        for number, utterance in enumerate(self.utterances):
            if not 1 <= len(utterance.text) <= LONGEST:
                raise misplaced("utterances", number, "text", problem=f"String should have 1 to {LONGEST} characters")
            if utterance.speed is not None and not 0.25 <= utterance.speed <= 3:
                raise misplaced("utterances", number, "speed", problem="Input should be 0.25 to 3")
        if not 1 <= self.num_generations <= 5:
            raise misplaced("num_generations", problem="Input should be 1 to 5")
        voiced = self.utterances[0].voice is not None
        if self.version == "2" and not voiced:
            raise Refused(refusal(400, message="Octave 2 requires a voice."))
        if self.instant_mode and (not voiced or self.num_generations > 1):
            raise Refused(refusal(400, message="Instant mode requires a voice and a single generation."))
        if self.include_timestamp_types and self.version != "2":
            raise Refused(refusal(400, message="Timestamps require Octave 2."))


class Snippet(NamedTuple):
    """A stretch of an utterance."""

    id: str
    utterance: int
    text: str
    pcm: bytes
    start: float
    """When it begins, in seconds from the start of the speech."""
    speed: float

    @property
    def timestamps(self) -> list[dict[str, Any]]:
        """When its words are said, in milliseconds; marks behind a word are no part of it."""
        each = 1000 * SECONDS_PER_CHARACTER / self.speed
        return [
            {
                "type": "word",
                "text": found[0],
                "time": {
                    "begin": round(1000 * self.start + found.start() * each),
                    "end": round(1000 * self.start + found.end() * each),
                },
            }
            for found in re.finditer(r"\w+", self.text)
        ]


def snippets(asked: Asked, library: Library) -> Iterator[Snippet]:
    """Give what is said, snippet by snippet: each sentence, or each utterance.

    Raises:
        Refused: There is no such voice.
    """
    voice, start = "", 0.0
    for number, utterance in enumerate(asked.utterances):
        if utterance.voice is not None:  # else that of the one before
            voice = library.find(utterance.voice.provider, name=utterance.voice.name, key=utterance.voice.id)
        speed = utterance.speed or 1.0
        pcm = tone(utterance.text, voice, RATE, speed) + bytes(2 * round((utterance.trailing_silence or 0) * RATE))
        each = SECONDS_PER_CHARACTER / speed
        texts = SENTENCE.findall(utterance.text) if asked.split_utterances else []
        texts = texts or [utterance.text]
        at = first = 0
        for order, text in enumerate(texts):
            at += len(text)
            end = len(pcm) if order == len(texts) - 1 else 2 * round(at * each * RATE)
            yield Snippet(f"snippet-{number}-{order}", number, text, pcm[first:end], start + first / 2 / RATE, speed)
            first = end
        start += len(pcm) / 2 / RATE


def encoded(pcm: bytes, form: Format) -> bytes:
    """Return samples in a format."""
    match form.type:
        case "pcm":
            return pcm
        case "wav":
            return wav_header(RATE, 1, len(pcm)) + pcm
        case "mp3":
            return encode(pcm, RATE, "mp3", "mp3")


def whole(asked: Asked, said: list[Snippet]) -> dict[str, Any]:
    """Return the body of ``POST /v0/tts``."""
    audio = encoded(b"".join(snippet.pcm for snippet in said), asked.format)
    told = [
        [
            {
                "id": snippet.id,
                "generation_id": GENERATION,
                "text": snippet.text,
                "audio": base64.b64encode(encoded(snippet.pcm, asked.format)).decode(),
                "transcribed_text": None,
                "utterance_index": number,
                "timestamps": snippet.timestamps if asked.include_timestamp_types else [],
            }
            for snippet in said
            if snippet.utterance == number
        ]
        for number in range(len(asked.utterances))
    ]
    generation = {
        "generation_id": GENERATION,
        "audio": base64.b64encode(audio).decode(),
        "duration": sum(len(snippet.pcm) for snippet in said) / 2 / RATE,
        "file_size": len(audio),
        "encoding": {"format": asked.format.type, "sample_rate": RATE},
        "snippets": told,
    }
    return {"request_id": REQUEST, "generations": [generation] * asked.num_generations}


def lines(asked: Asked, said: list[Snippet]) -> Iterator[bytes]:
    """Give the lines of ``POST /v0/tts/stream/json``."""
    for message in messages(asked, said):
        yield msgspec.json.encode(message) + b"\n"


def messages(asked: Asked, said: list[Snippet], generation: str = GENERATION) -> Iterator[dict[str, Any]]:
    """Give what is streamed of a generation: the audio of each snippet bit by bit, and before it the words in it."""
    ids = {"request_id": REQUEST, "generation_id": generation}
    for snippet in said:
        stamps = deque(snippet.timestamps if asked.include_timestamp_types else ())
        parts = pieces(snippet.pcm, RATE)
        for number, part in enumerate(parts):
            end = 1000 * (snippet.start + (number + 1) * SECONDS_PER_PIECE)
            while stamps and (stamps[0]["time"]["begin"] < end or number == len(parts) - 1):
                yield {"type": "timestamp", **ids, "snippet_id": snippet.id, "timestamp": stamps.popleft()}
            yield {
                "type": "audio",
                **ids,
                "snippet_id": snippet.id,
                "audio": base64.b64encode(part if asked.strip_headers else encoded(part, asked.format)).decode(),
                "audio_format": asked.format.type,
                "chunk_index": number,
                "is_last_chunk": number == len(parts) - 1,
                "text": snippet.text,
                "transcribed_text": None,
                "utterance_index": snippet.utterance,
                "snippet": None,
            }


def file(asked: Asked, said: list[Snippet], *, streamed: bool) -> Answer:
    """Answer with the audio itself."""
    audio = encoded(b"".join(snippet.pcm for snippet in said), asked.format)
    return Answer(
        headers={"content-type": CONTENT_TYPES[asked.format.type]},
        steps=tuple(pieces(audio, RATE)) if streamed else (audio,),
        streamed=streamed,
    )
