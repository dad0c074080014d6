"""``GET /voices``: which there are."""

from typing import Final

import msgspec
from msgspec import Struct

from ....contracts import Voice
from ....decoding import decoded
from ....voices import GENDERS


class _Locale(Struct):
    locale: str


class _Voice(Struct):
    id: str
    name: str = ""
    language: str = ""
    gender: str | None = None
    locales: list[_Locale] | None = None


class _Page(Struct):
    data: list[_Voice]
    has_more: bool = False


_decode: Final = msgspec.json.Decoder(_Page).decode


def decode_voices(body: bytes, provider: str) -> tuple[list[Voice], str | None]:
    """Decode a page of voices; return also after which one the next page begins, if there is one.

    Raises:
        BrokenStream: It makes no sense.
    """
    page = decoded(_decode, body, provider)
    voices: list[Voice] = []
    for voice in page.data:
        languages = tuple(locale.locale.lower() for locale in voice.locales or ()) or (voice.language,)
        voices.append(Voice(voice.id, voice.name, languages, GENDERS.get(voice.gender, "")))
    return voices, page.data[-1].id if page.has_more and page.data else None
