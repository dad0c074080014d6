"""``GET /v1/models``: which there are. A model for speech has one voice."""

from typing import Final, Literal

import msgspec
from msgspec import Struct

from ....contracts import Model, Voice
from ....decoding import decoded
from ....voices import GENDERS


class _Metadata(Struct):
    tags: list[str] = []


class _Model(Struct):
    canonical_name: str
    name: str = ""
    languages: list[str] = []
    metadata: _Metadata | None = None


class _Models(Struct):
    stt: list[_Model] = []
    tts: list[_Model] = []


_decode: Final = msgspec.json.Decoder(_Models).decode


def decode_models(body: bytes, provider: str) -> tuple[Model, ...]:
    """Decode the list.

    Raises:
        BrokenStream: It makes no sense.
    """
    models = decoded(_decode, body, provider)
    heard = (Model(model.canonical_name, "deepgram", features=("transcription",)) for model in models.stt)
    spoken = (Model(model.canonical_name, "deepgram", features=("speech",)) for model in models.tts)
    return (*heard, *spoken)


def decode_voices(body: bytes, provider: str) -> tuple[Voice, ...]:
    """Decode the voices in the list.

    Raises:
        BrokenStream: It makes no sense.
    """
    return tuple(
        Voice(
            model.canonical_name,
            model.name.capitalize(),
            tuple(language.lower() for language in model.languages),
            _gender(model.metadata),
        )
        for model in decoded(_decode, body, provider).tts
    )


def _gender(metadata: _Metadata | None) -> Literal["female", "male", ""]:
    for tag in metadata.tags if metadata else ():
        if tag in GENDERS:
            return GENDERS[tag]
    return ""
