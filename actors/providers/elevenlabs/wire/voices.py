"""``GET /v2/voices`` and ``GET /v1/models``: which there are."""

from typing import Final, Literal

import msgspec
from msgspec import Struct

from ....contracts import Model, Voice
from ....decoding import decoded


class _Language(Struct):
    language: str
    locale: str | None = None


class _Voice(Struct):
    voice_id: str
    name: str = ""
    labels: dict[str, str | None] | None = None
    verified_languages: list[_Language] | None = None

    @property
    def gender(self) -> Literal["female", "male", ""]:
        match (self.labels or {}).get("gender"):
            case "female":
                return "female"
            case "male":
                return "male"
            case _:
                return ""


class _Page(Struct):
    voices: list[_Voice]
    next_page_token: str | None = None
    has_more: bool = False


class _Model(Struct):
    model_id: str
    name: str = ""
    can_do_text_to_speech: bool = True


RECOGNITION_MODELS: Final = ("scribe_v1", "scribe_v2", "scribe_v3", "scribe_v2_realtime", "scribe_v3_live")
"""Those that the documents named in November 2026; the API lists only models for speech."""

_decode_page: Final = msgspec.json.Decoder(_Page).decode
_decode_models: Final = msgspec.json.Decoder(list[_Model]).decode


def decode_voices(body: bytes, provider: str) -> tuple[list[Voice], str | None]:
    """Decode a page of voices; return also what the next one is asked for with, if there is one.

    Raises:
        BrokenStream: It makes no sense.
    """
    page = decoded(_decode_page, body, provider)
    voices = [
        Voice(
            voice.voice_id,
            voice.name,
            tuple((language.locale or language.language).lower() for language in voice.verified_languages or ()),
            voice.gender,
        )
        for voice in page.voices
    ]
    return voices, (page.next_page_token or None) if page.has_more else None


def decode_models(body: bytes, provider: str) -> tuple[Model, ...]:
    """Decode the list of models for speech; return also those for recognition that are known.

    Raises:
        BrokenStream: It makes no sense.
    """
    models = decoded(_decode_models, body, provider)
    spoken = (
        Model(model.model_id, "elevenlabs", name=model.name, features=("speech",))
        for model in models
        if model.can_do_text_to_speech
    )
    heard = (Model(name, "elevenlabs", features=("transcription",)) for name in RECOGNITION_MODELS)
    return (*spoken, *heard)
