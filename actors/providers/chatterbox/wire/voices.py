"""``/voices``: the server's library of recordings. ``GET /health``: whether it has its model."""

from typing import Final

import msgspec
from msgspec import Struct

from ....contracts import CloneVoice, Voice
from ....decoding import decoded
from ....errors import ProviderUnavailable
from ....multipart import Form, encode_form
from ....voices import recorded

FORMATS: Final = frozenset({"wav", "mp3", "flac", "m4a", "ogg"})
LARGEST_RECORDING: Final = 10 * 2**20
"""Bytes; only the first ten seconds are listened to."""


class _Voice(Struct):
    name: str
    language: str = "en"
    aliases: tuple[str, ...] = ()

    def told(self) -> Voice:
        return Voice(self.name, self.name, (self.language.lower(),))


class _Voices(Struct):
    voices: list[_Voice]


class _Cloned(Struct):
    voice: _Voice


class _Health(Struct):
    model_loaded: bool
    initialization_state: str | None = None


_decode_voices: Final = msgspec.json.Decoder(_Voices).decode
_decode_cloned: Final = msgspec.json.Decoder(_Cloned).decode
_decode_health: Final = msgspec.json.Decoder(_Health).decode


def decode_voices(body: bytes, provider: str) -> tuple[tuple[Voice, ...], frozenset[str]]:
    """Decode the list of voices; return also all names that they can be asked for by.

    Raises:
        BrokenStream: It makes no sense.
    """
    voices = decoded(_decode_voices, body, provider).voices
    names = frozenset(name for voice in voices for name in (voice.name, *voice.aliases))
    return tuple(voice.told() for voice in voices), names


def encode_clone(request: CloneVoice, provider: str) -> Form:
    """Return the form of ``POST /voices``.

    Raises:
        InvalidRequest: There is not one recording of a format that the server takes, up to 10 MiB.
    """
    files = recorded(request, provider, field="voice_file", formats=FORMATS, most=1, largest=LARGEST_RECORDING)
    return encode_form([("voice_name", request.name), ("language", request.language or "en")], *files)


def decode_clone(body: bytes, provider: str) -> Voice:
    """Decode what is answered to that.

    Raises:
        BrokenStream: It makes no sense.
    """
    return decoded(_decode_cloned, body, provider).voice.told()


def check_health(body: bytes, provider: str) -> None:
    """See that the server has its model; it answers long before.

    Raises:
        ProviderUnavailable: It has not.
        BrokenStream: It makes no sense.
    """
    health = decoded(_decode_health, body, provider)
    if not health.model_loaded:
        state = health.initialization_state
        known = state if state in {"not_started", "initializing", "error"} else "not loaded"
        raise ProviderUnavailable(provider, f"its model is not there: {known}")
