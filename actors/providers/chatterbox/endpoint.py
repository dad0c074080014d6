"""Where a server is, and what is on it besides speech: models and the library of voices."""

from typing import ClassVar, Final
from urllib.parse import quote

from ...api import Api
from ...contracts import CloneVoice, Model, Voice
from ...endpoint import HttpEndpoint
from ...http import Deadlines
from ..openai.wire.models import decode_models
from .wire.voices import check_health, decode_clone, decode_voices, encode_clone

ADDRESS: Final = "http://127.0.0.1:4123/v1"
PATIENCE: Final = Deadlines(connect=2, first=120, between=60, total=600)
"""Without a graphics card it takes several times as long to make a sentence as to say it."""


class ChatterboxEndpoint(HttpEndpoint, frozen=True, kw_only=True):
    """An address with the version. The server wants no key; one that stands in front of it may."""

    example: ClassVar[str] = ADDRESS

    provider: str = "chatterbox"
    base_url: str = ADDRESS
    deadlines: Deadlines = PATIENCE


class ChatterboxApi(Api):
    """One endpoint, through the pool of all."""

    async def models(self) -> tuple[Model, ...]:
        """Return the one model that there is, once it is loaded.

        Raises:
            ProviderUnavailable: It is not loaded yet, though the server answers.
            ProviderError: The server did not say.
        """
        check_health(await self.fetch("/health"), self.provider)
        return decode_models(await self.fetch("/models"), self.provider)

    async def voices(self) -> tuple[Voice, ...]:
        """Return the voices of the library.

        Raises:
            ProviderError: The server did not say.
        """
        return decode_voices(await self.fetch("/voices"), self.provider)[0]

    async def voice_names(self) -> frozenset[str]:
        """Return the names of all voices of the library, aliases included.

        Raises:
            ProviderError: The server did not say.
        """
        return decode_voices(await self.fetch("/voices"), self.provider)[1]

    async def clone_voice(self, request: CloneVoice) -> Voice:
        """Put a recording into the library.

        Raises:
            InvalidRequest: The recording is none that the server takes, or there is a voice of that name.
            ProviderError: The server did not do it.
        """
        form = encode_clone(request, self.provider)
        async with self.post("/voices", form.body, form.content_type, once=True) as answer:
            return decode_clone(await answer.read(2**20), self.provider)

    async def delete_voice(self, id: str) -> None:  # noqa: A002
        """Delete a voice from the library.

        Raises:
            ModelNotFound: There is none of that name.
            ProviderError: The server did not do it.
        """
        await self.fetch(f"/voices/{quote(id, safe='')}", method="DELETE")
