"""``GET /v2/voices`` and ``GET /v1/models``: which there are. ``POST /v1/voices/add``: one more, from recordings."""

from typing import Final

import msgspec
from msgspec import Struct

from ....contracts import CloneVoice, Model, Voice
from ....decoding import decoded
from ....errors import AuthenticationFailed
from ....multipart import Form, encode_form
from ....voices import GENDERS, recorded


class _Language(Struct):
    language: str
    locale: str | None = None


class _Voice(Struct):
    voice_id: str
    name: str = ""
    labels: dict[str, str | None] | None = None
    verified_languages: list[_Language] | None = None


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

FORMATS: Final = frozenset({"aac", "flac", "m4a", "mp3", "mp4", "ogg", "wav", "webm"})
"""Of recordings."""
MOST_RECORDINGS: Final = 25
LARGEST_RECORDING: Final = 10 * 2**20
"""Bytes."""

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
            GENDERS.get((voice.labels or {}).get("gender"), ""),
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


class _Cloned(Struct):
    voice_id: str
    requires_verification: bool = False


_decode_cloned: Final = msgspec.json.Decoder(_Cloned).decode


def encode_clone(request: CloneVoice, provider: str) -> Form:
    """Return the form of ``POST /v1/voices/add``.

    Raises:
        InvalidRequest: The recordings are not such as the provider takes.
    """
    files = recorded(request, provider, field="files", formats=FORMATS, most=MOST_RECORDINGS, largest=LARGEST_RECORDING)
    fields = [("name", request.name)]
    if request.description:
        fields.append(("description", request.description))
    if request.language:
        fields.append(("labels", msgspec.json.encode({"language": request.language}).decode()))
    return encode_form(fields, *files)


def decode_clone(body: bytes, request: CloneVoice, provider: str) -> Voice:
    """Decode what is answered to that.

    Raises:
        AuthenticationFailed: There is a voice, but somebody has to prove that it is theirs before it speaks.
        BrokenStream: It makes no sense.
    """
    cloned = decoded(_decode_cloned, body, provider)
    if cloned.requires_verification:
        raise AuthenticationFailed(provider, "the voice has to be verified", details={"voice_id": cloned.voice_id})
    return Voice(cloned.voice_id, request.name, (request.language,) if request.language else ())
