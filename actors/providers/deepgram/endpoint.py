"""Where the API is, and what is on it besides speech: the lists of models and voices."""

from typing import ClassVar, Final

from ...api import Api
from ...contracts import Model, Voice
from ...endpoint import HttpEndpoint
from .wire.models import decode_models, decode_voices

ADDRESS: Final = "https://api.deepgram.com"


class DeepgramEndpoint(HttpEndpoint, frozen=True, kw_only=True):
    """An address of Deepgram's, or of a server of one's own, and the key to it."""

    key_scheme: ClassVar[str] = "Token "
    example: ClassVar[str] = ADDRESS

    provider: str = "deepgram"
    base_url: str = ADDRESS


class DeepgramApi(Api):
    """One endpoint, through the pool of all."""

    async def models(self) -> tuple[Model, ...]:
        """Return which models there are, for recognition and for speech.

        Raises:
            ProviderError: The provider did not say.
        """
        return decode_models(await self.fetch("/v1/models"), self.provider)

    async def voices(self) -> tuple[Voice, ...]:
        """Return which voices there are; each is a model of its own.

        Raises:
            ProviderError: The provider did not say.
        """
        return decode_voices(await self.fetch("/v1/models"), self.provider)
