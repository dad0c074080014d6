"""Pictures from descriptions."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from math import inf
from typing import ClassVar

from ...actors.contracts import MadeImage, MakeImage
from ...actors.errors import BrokenStream
from ...codecs.asset import Asset, load
from ..kinds.kind import Work
from .model import Model


class TextToImage(Model):
    """Makes pictures."""

    work: ClassVar[Work] = "image"
    capability: ClassVar[str] = "text-to-image"

    async def transform(self, prompt: str, /, *, size: tuple[int, int] | None = None) -> Asset:
        """Return a picture.

        Args:
            prompt: What is to be seen.
            size: Width and height in pixels; None for the model's choice.

        Raises:
            ProviderError: The provider could not do it.
        """
        async with self.stream(prompt, size=size) as pictures:
            async for picture in pictures:
                if picture.final:
                    return load(picture.data)
        raise BrokenStream(self.name, "it ended without a picture")

    def stream(
        self, prompt: str, /, *, count: int = 1, size: tuple[int, int] | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[MadeImage]]:
        """Give `count` pictures as they are made, and previews where the provider sends them; see `transform`."""
        return self.ref.stream(MakeImage(prompt=prompt, count=count, size=size), timeout=inf)
