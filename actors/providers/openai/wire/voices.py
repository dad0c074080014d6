"""``GET /audio/voices``: which there are, at servers that list them, each in its own way; OpenAI's API has no list."""

from typing import Final

import msgspec
from msgspec import Struct

from ....contracts import Voice
from ....decoding import decoded
from ....voices import GENDERS


class _Voice(Struct):
    id: str = ""
    name: str = ""
    language: str = ""
    gender: str | None = None

    def told(self) -> Voice:
        languages = (self.language.lower(),) if self.language else ()
        return Voice(self.id or self.name, self.name or self.id, languages, GENDERS.get(self.gender, ""))


class _Voices(Struct):
    voices: list[_Voice | str]


_decode: Final = msgspec.json.Decoder(_Voices).decode


def decode_voices(body: bytes, provider: str) -> tuple[Voice, ...]:
    """Decode the list: objects with a name from speaches, with an id from Kokoro's servers, names alone from others.

    Raises:
        BrokenStream: It makes no sense.
    """
    voices = decoded(_decode, body, provider).voices
    return tuple(Voice(voice, voice, ()) if isinstance(voice, str) else voice.told() for voice in voices)
