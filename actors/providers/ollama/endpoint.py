"""Where Ollama is, how patient one has to be with it, and which models it has."""

from typing import ClassVar, Final

import msgspec

from ...api import Api
from ...contracts import Model
from ...endpoint import HttpEndpoint
from ...http import Deadlines
from ...secret import Secret
from .wire.models import decode_show, decode_tags

ADDRESS: Final = "http://127.0.0.1:11434"
PATIENCE: Final = Deadlines(connect=2, first=120, between=30, total=600)
"""A model that was not asked for a while is loaded first, which takes up to minutes."""


class OllamaEndpoint(HttpEndpoint, frozen=True, kw_only=True):
    """An address without a path, as Ollama's own clients have it. A key is needed for ollama.com only."""

    example: ClassVar[str] = ADDRESS


def endpoint(
    *,
    provider: str = "ollama",
    base_url: str | None = None,
    key: Secret | None = None,
    headers: dict[str, str] | None = None,
    deadlines: Deadlines | None = None,
) -> OllamaEndpoint:
    """Return the endpoint of an Ollama.

    Args:
        provider: Its name, for errors.
        base_url: Its address, if that is not the usual one on this machine.
        key: The key to it.
        headers: More headers, for what stands in front of it.
        deadlines: How long it may take for what.

    Raises:
        ValueError: The address is wrong.
    """
    return OllamaEndpoint(
        provider=provider,
        base_url=base_url or ADDRESS,
        key=key,
        headers=headers or {},
        deadlines=deadlines or PATIENCE,
    )


class OllamaApi(Api):
    """One endpoint, through the pool of all."""

    async def models(self) -> tuple[Model, ...]:
        """Return the models that are there.

        Raises:
            ProviderError: Ollama did not say.
        """
        return decode_tags(await self.fetch("/api/tags"), self.provider)

    async def model(self, id: str) -> Model:  # noqa: A002
        """Return what Ollama tells of one model.

        Raises:
            ModelNotFound: It is not there.
            ProviderError: Ollama did not say.
        """
        body = msgspec.json.encode({"model": id})
        return decode_show(await self.fetch("/api/show", body), id, self.provider)
