"""What every actor of a provider does beside its work: it lists models and voices, and tells what was used."""

from typing import ClassVar, Generic, TypeVar

from .accounting import AccountingActor
from .api import Api
from .contracts import CloneVoice, DeleteVoice, GetModel, ListModels, ListVoices, Model, Voice

ApiT = TypeVar("ApiT", bound=Api)


class ProviderActor(AccountingActor, Generic[ApiT]):
    """Base of actors that stand for a provider.

    Args:
        api: Where they ask.
    """

    max_concurrency: ClassVar[int] = 64

    def __init__(self, api: ApiT) -> None:
        super().__init__(api.meters)
        self._api = api

    async def models(self, request: ListModels) -> tuple[Model, ...]:
        """Return the models that there are; see `Api.models`."""
        return await self._api.models()


class DescribingActor(ProviderActor[ApiT]):
    """Base of those that also tell of one model."""

    async def model(self, request: GetModel) -> Model:
        """Return what the provider tells of one model; see `Api.model`."""
        return await self._api.model(request.id)


class SpeakingActor(ProviderActor[ApiT]):
    """Base of those that speak."""

    async def voices(self, request: ListVoices) -> tuple[Voice, ...]:
        """Return the voices that there are; see `Api.voices`."""
        return await self._api.voices()


class KeepingActor(SpeakingActor[ApiT]):
    """Base of those whose accounts have voices of their own."""

    async def delete(self, request: DeleteVoice) -> None:
        """Delete a voice; see `Api.delete_voice`."""
        await self._api.delete_voice(request.id)


class CloningActor(KeepingActor[ApiT]):
    """Base of those that also make such voices from recordings."""

    async def clone(self, request: CloneVoice) -> Voice:
        """Make a voice; see `Api.clone_voice`. Cancelling may leave it behind at the provider."""
        return await self._api.clone_voice(request)
