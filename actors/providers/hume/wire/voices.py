"""``/v0/tts/voices``: Hume's library, and the voices of an account."""

from typing import Final

import msgspec
from msgspec import Struct

from ....contracts import Model, Voice
from ....decoding import decoded
from .speech import CUSTOM

MODELS: Final = (
    Model("octave", "hume", name="Octave, the version that fits", features=("speech",)),
    Model("octave-1", "hume", name="Octave 1", features=("speech",)),
    Model("octave-2", "hume", name="Octave 2", features=("speech",)),
)
"""As `SpeechOptions.model` has them; the API has no list."""


class _Voice(Struct):
    id: str
    name: str
    provider: str = "HUME_AI"

    def told(self) -> Voice:
        own = self.provider == "CUSTOM_VOICE"
        return Voice(CUSTOM + self.name if own else self.id, self.name, ())


class _Page(Struct):
    voices_page: list[_Voice]
    total_pages: int = 1


_decode: Final = msgspec.json.Decoder(_Page).decode


def decode_voices(body: bytes, provider: str) -> tuple[list[Voice], int]:
    """Decode a page of voices; return also how many pages there are.

    Raises:
        BrokenStream: It makes no sense.
    """
    page = decoded(_decode, body, provider)
    return [voice.told() for voice in page.voices_page], page.total_pages
