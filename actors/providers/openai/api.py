"""What all actors of the API share: requests, and the list of models."""

from ...api import Api
from ...contracts import Model
from .wire.models import decode_models


class OpenAiApi(Api):
    """One endpoint, through the pool of all."""

    async def models(self) -> tuple[Model, ...]:
        """Return which models there are.

        Raises:
            ProviderError: The provider did not say.
        """
        return decode_models(await self.fetch("/models"), self.provider)
