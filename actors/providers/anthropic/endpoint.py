"""Where the API is, in which version it is spoken, and what is on it besides messages: the list of models."""

from typing import ClassVar, Final
from urllib.parse import quote

from ...api import Api
from ...contracts import Model
from ...endpoint import HttpEndpoint
from ...http import Deadlines
from ...secret import Secret
from .wire.models import PAGE, decode_model, decode_page

ADDRESS: Final = "https://api.anthropic.com"
VERSION: Final = "2023-06-01"
"""Of the API. That of 2026-10-21 has the same answers, and takes no temperature any more from any model."""


class AnthropicEndpoint(HttpEndpoint, frozen=True, kw_only=True):
    """An address without a version, as Anthropic's own clients have it, and the key to it."""

    key_header: ClassVar[str] = "x-api-key"
    key_scheme: ClassVar[str] = ""
    example: ClassVar[str] = ADDRESS


def endpoint(
    *,
    provider: str = "anthropic",
    base_url: str | None = None,
    key: Secret | None = None,
    headers: dict[str, str] | None = None,
    deadlines: Deadlines | None = None,
) -> AnthropicEndpoint:
    """Return the endpoint of Anthropic's API, or of a server that speaks it.

    Args:
        provider: Its name, for errors.
        base_url: Its address, if that is not Anthropic's.
        key: The key to it.
        headers: More headers, such as ``anthropic-beta``.
        deadlines: How long it may take for what.

    Raises:
        ValueError: The address is wrong.
    """
    return AnthropicEndpoint(
        provider=provider,
        base_url=base_url or ADDRESS,
        key=key,
        headers={"anthropic-version": VERSION} | (headers or {}),
        deadlines=deadlines or Deadlines(),
    )


class AnthropicApi(Api):
    """One endpoint, through the pool of all."""

    async def models(self) -> tuple[Model, ...]:
        """Return the models that the key may use, page by page.

        Raises:
            ProviderError: The provider did not say.
        """
        models: tuple[Model, ...] = ()
        after = ""
        while True:
            page = decode_page(await self.fetch(f"/v1/models?limit={PAGE}{after}"), self.provider)
            models += page.models
            if not page.has_more or not page.last_id:
                return models
            after = f"&after_id={quote(page.last_id, safe='')}"

    async def model(self, id: str) -> Model:  # noqa: A002
        """Return what the API tells of one model.

        Raises:
            ModelNotFound: There is none of that name.
            ProviderError: The provider did not say.
        """
        return decode_model(await self.fetch(f"/v1/models/{quote(id, safe='')}"), self.provider)
