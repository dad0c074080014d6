"""Where the API is, and what is on it besides speech: the lists of models and voices."""

from typing import ClassVar, Final
from urllib.parse import quote

from ...api import Api
from ...contracts import CloneVoice, Model, Voice
from ...endpoint import HttpEndpoint
from .wire.voices import decode_clone, decode_models, decode_voices, encode_clone

ADDRESS: Final = "https://api.elevenlabs.io"
MOST_VOICES: Final = 1000
"""Voices that are listed; an account may have thousands."""


class ElevenLabsEndpoint(HttpEndpoint, frozen=True, kw_only=True):
    """An address of ElevenLabs', such as that of a region, and the key to it."""

    key_header: ClassVar[str] = "xi-api-key"
    key_scheme: ClassVar[str] = ""
    example: ClassVar[str] = ADDRESS

    provider: str = "elevenlabs"
    base_url: str = ADDRESS


class ElevenLabsApi(Api):
    """One endpoint, through the pool of all."""

    async def models(self) -> tuple[Model, ...]:
        """Return which models there are.

        Raises:
            ProviderError: The provider did not say.
        """
        return decode_models(await self.fetch("/v1/models"), self.provider)

    async def voices(self) -> tuple[Voice, ...]:
        """Return which voices the account has, page by page.

        Raises:
            ProviderError: The provider did not say.
        """
        voices: list[Voice] = []
        token: str | None = ""
        while token is not None and len(voices) < MOST_VOICES:
            path = "/v2/voices?page_size=100" + (f"&next_page_token={quote(token)}" if token else "")
            page, token = decode_voices(await self.fetch(path), self.provider)
            voices += page
        return tuple(voices)

    async def clone_voice(self, request: CloneVoice) -> Voice:
        """Make a voice from recordings at once ("instant voice cloning"); plans allow a number of voices.

        Raises:
            InvalidRequest: The provider does not take such recordings.
            ProviderError: The provider did not do it.
        """
        form = encode_clone(request, self.provider)
        async with self.post("/v1/voices/add", form.body, form.content_type, once=True) as answer:
            return decode_clone(await answer.read(2**20), request, self.provider)

    async def delete_voice(self, id: str) -> None:  # noqa: A002
        """Delete a voice of the account.

        Raises:
            ModelNotFound: There is none.
            ProviderError: The provider did not do it.
        """
        await self.fetch(f"/v1/voices/{quote(id, safe='')}", method="DELETE")
