"""Where the API is, and what is on it besides speech: voices."""

from typing import ClassVar, Final
from urllib.parse import quote

from ...api import Api
from ...contracts import Model, Voice
from ...endpoint import HttpEndpoint
from ...errors import ModelNotFound
from .wire.speech import CUSTOM
from .wire.voices import MODELS, decode_voices

ADDRESS: Final = "https://api.hume.ai"
PAGE: Final = 100
"""Voices of a page."""
MOST_PAGES: Final = 10
"""That are read of either list."""


class HumeEndpoint(HttpEndpoint, frozen=True, kw_only=True):
    """An address without the version, and the key to it."""

    key_header: ClassVar[str] = "x-hume-api-key"
    key_scheme: ClassVar[str] = ""
    example: ClassVar[str] = ADDRESS

    provider: str = "hume"
    base_url: str = ADDRESS


class HumeApi(Api):
    """One endpoint, through the pool of all."""

    async def models(self) -> tuple[Model, ...]:
        """Return the models that are known, as there is no list of them; but tell whether the key is good.

        Raises:
            ProviderError: The provider did not say.
        """
        await self.fetch("/v0/tts/voices?provider=HUME_AI&page_number=0&page_size=1")
        return MODELS

    async def voices(self) -> tuple[Voice, ...]:
        """Return the voices of the account, then those of the library, page by page.

        Raises:
            ProviderError: The provider did not say.
        """
        voices: list[Voice] = []
        for owner in ("CUSTOM_VOICE", "HUME_AI"):
            number, pages = 0, 1
            while number < min(pages, MOST_PAGES):
                path = f"/v0/tts/voices?provider={owner}&page_number={number}&page_size={PAGE}"
                page, pages = decode_voices(await self.fetch(path), self.provider)
                voices += page
                number += 1
        return tuple(voices)

    async def delete_voice(self, id: str) -> None:  # noqa: A002
        """Delete a voice of the account; they are made on Hume's website, from recordings too, and not by the API.

        Raises:
            ModelNotFound: It is none of the account's.
            ProviderError: The provider did not do it.
        """
        if not id.startswith(CUSTOM):
            raise ModelNotFound(self.provider, f"only voices of one's own, which begin with {CUSTOM}, can be deleted")
        await self.fetch(f"/v0/tts/voices?name={quote(id.removeprefix(CUSTOM), safe='')}", method="DELETE")
