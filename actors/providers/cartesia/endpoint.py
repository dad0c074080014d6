"""Where the API is, in which version, and what is on it besides speech: the list of voices."""

from typing import ClassVar, Final
from urllib.parse import quote

from msgspec import field

from ...api import Api
from ...contracts import Model, Voice
from ...endpoint import HttpEndpoint
from .wire.voices import decode_voices

ADDRESS: Final = "https://api.cartesia.ai"
VERSION: Final = "2026-08-14"
"""Of the API, by the day on which it was made; errors and voices were written differently before."""
MOST_VOICES: Final = 1000
"""Voices that are listed; there are thousands."""


class CartesiaEndpoint(HttpEndpoint, frozen=True, kw_only=True):
    """An address of Cartesia's, and the key to it."""

    example: ClassVar[str] = ADDRESS

    provider: str = "cartesia"
    base_url: str = ADDRESS
    headers: dict[str, str] = field(default_factory=lambda: {"cartesia-version": VERSION})


class CartesiaApi(Api):
    """One endpoint, through the pool of all."""

    async def models(self) -> tuple[Model, ...]:
        """Return nothing, as the API has no list of models; but tell whether the key is good.

        Raises:
            ProviderError: The provider did not say.
        """
        await self.fetch("/voices?limit=1")
        return ()

    async def voices(self) -> tuple[Voice, ...]:
        """Return which voices there are, page by page.

        Raises:
            ProviderError: The provider did not say.
        """
        voices: list[Voice] = []
        after: str | None = ""
        while after is not None and len(voices) < MOST_VOICES:
            path = "/voices?limit=100" + (f"&starting_after={quote(after)}" if after else "")
            page, after = decode_voices(await self.fetch(path), self.provider)
            voices += page
        return tuple(voices)
