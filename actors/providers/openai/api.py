"""What all actors of the API share: requests, and the list of models."""

from ...api import Api
from ...contracts import Model, Voice
from ...errors import ModelNotFound
from .wire.models import decode_models
from .wire.voices import decode_voices


class OpenAiApi(Api):
    """One endpoint, through the pool of all."""

    async def models(self) -> tuple[Model, ...]:
        """Return which models there are.

        Raises:
            ProviderError: The provider did not say.
        """
        return decode_models(await self.fetch("/models"), self.provider)

    async def voices(self) -> tuple[Voice, ...]:
        """Return which voices a server has that lists them; OpenAI's own does not.

        Raises:
            ProviderError: The provider did not say.
        """
        return decode_voices(await self.fetch("/audio/voices"), self.provider)

    async def model(self, id: str) -> Model:  # noqa: A002
        """Return one of them, as the list has it: what is told of a single one differs too much between servers.

        Raises:
            ModelNotFound: It is not in the list.
            ProviderError: The provider did not say.
        """
        for model in await self.models():
            if model.id == id:
                return model
        raise ModelNotFound(self.provider, "it is not in the list of models")
