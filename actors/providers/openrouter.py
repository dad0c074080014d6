"""OpenRouter: many providers' models behind OpenAI's API, chosen among, with their prices.

The actor is `OpenAiChat`; here is what OpenRouter has beyond OpenAI: options of its routing, and headers that say which
app is asking. It tells the cost of each answer, so `Ended.cost` and `Usage.cost` are filled.

Source: OpenRouter's published API description (1.0.0).
"""

from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta
from msgspec.structs import replace

from ..http import Deadlines
from ..options import Options
from ..secret import Secret
from .openai.endpoint import Endpoint
from .openai.endpoint import endpoint as openai_endpoint
from .openai.wire.options import ChatOptions, Effort

Dollars = Annotated[float, Meta(ge=0)]


class MaxPrice(Options, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is paid at most, in US dollars: per million tokens, per picture or per request."""

    prompt: Dollars | None = None
    completion: Dollars | None = None
    image: Dollars | None = None
    audio: Dollars | None = None
    request: Dollars | None = None


class Routing(Options, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which of the providers that have a model is asked."""

    order: tuple[str, ...] = ()
    """Those that are tried first."""
    only: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    allow_fallbacks: bool | None = None
    """Whether others are tried when those in `order` fail; they are unless this is False."""
    require_parameters: bool | None = None
    """Whether a provider has to support all parameters of the request."""
    data_collection: Literal["allow", "deny"] | None = None
    zdr: bool | None = None
    """Whether a provider has to keep nothing of the request."""
    quantizations: tuple[str, ...] = ()
    sort: Literal["price", "throughput", "latency", "exacto"] | None = None
    max_price: MaxPrice | None = None


class Reasoning(Options, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a model thinks before it answers. What it thinks is not passed on."""

    effort: Effort | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    exclude: bool | None = None
    """Whether its thoughts are left out of the answer, which saves sending them."""
    enabled: bool | None = None


class OpenRouterOptions(ChatOptions, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Options of chat completions, and what OpenRouter has beyond them."""

    models: tuple[str, ...] = ()
    """Models that are asked when the first one fails."""
    provider: Routing | None = None
    reasoning: Reasoning | None = None
    top_k: Annotated[int, Meta(ge=0)] | None = None
    top_a: Annotated[float, Meta(ge=0, le=1)] | None = None
    min_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    repetition_penalty: Annotated[float, Meta(ge=0, le=2)] | None = None
    session_id: Annotated[str, Meta(max_length=256)] | None = None
    """Requests with the same one go to the same provider, whose cache then helps."""

    def members(self, *but: str) -> dict[str, Any]:
        """See `Options.members`; prices go out as OpenRouter's own client sends them, as texts."""
        members = super().members(*but)
        if self.provider is not None and self.provider.max_price is not None:
            prices = members["provider"]["max_price"]
            members["provider"]["max_price"] = {name: f"{Decimal(str(price)):f}" for name, price in prices.items()}
        return members


def endpoint(
    *,
    provider: str = "openrouter",
    base_url: str | None = None,
    key: Secret | None = None,
    app_url: str | None = None,
    app_title: str | None = None,
    headers: dict[str, str] | None = None,
    deadlines: Deadlines | None = None,
) -> Endpoint:
    """Return the endpoint of OpenRouter.

    Args:
        provider: Its name, for errors.
        base_url: Its address, if that is not the usual one.
        key: The key to it.
        app_url: Which app is asking, for OpenRouter's statistics.
        app_title: That app's name.
        headers: More headers.
        deadlines: How long it may take for what.

    Raises:
        ValueError: The address is wrong, or a header can't be sent.
    """
    named = {"HTTP-Referer": app_url, "X-OpenRouter-Title": app_title}
    told = {name: value for name, value in named.items() if value is not None}
    usual = openai_endpoint("openrouter", base_url=base_url, key=key, deadlines=deadlines)
    return replace(usual, provider=provider, headers=told | (headers or {}))
