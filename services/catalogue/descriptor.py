"""A model, described."""

from typing import Any

import msgspec
from msgspec import Struct

from ...actors.contracts import Feature
from ...actors.secret import Secret
from ..kinds.kind import Kind, ProviderTable, Work
from ..kinds.price import ModelPrice
from .capabilities import CAPABILITIES, PLAIN
from .locality import Locality, locality
from .prices import FREE, cost, price_of


class ModelDescriptor(Struct, frozen=True, kw_only=True):
    """What is known of one model of one provider, without asking it."""

    provider: str
    """Its name in the configuration."""
    kind: Kind
    work: Work
    model: str
    capabilities: tuple[str, ...]
    """What it can do, the plain thing first; see `CAPABILITIES`."""
    locality: Locality
    region: str
    """As the configuration calls it; empty if it does not say."""
    tenants: tuple[str, ...]
    """Who may use it; empty for everybody."""
    price: ModelPrice | None
    problem: str = ""
    """Why it can't be used, and what to do about that; empty if it can."""

    @property
    def name(self) -> str:
        """What a configuration would call it."""
        return self.provider if self.kind.here else f"{self.provider}/{self.model}"

    @property
    def cost(self) -> float | None:
        """What it costs, as one number; see `troupe.services.catalogue.prices.cost`."""
        return cost(self.price, self.work)

    @property
    def takes(self) -> tuple[str, ...]:
        """Roles of what goes in, over all its capabilities."""
        return tuple(dict.fromkeys(role for name in self.capabilities for role in CAPABILITIES[name].takes))

    @property
    def gives(self) -> tuple[str, ...]:
        """Roles of what comes out."""
        return tuple(dict.fromkeys(role for name in self.capabilities for role in CAPABILITIES[name].gives))

    def options_schema(self) -> dict[str, Any]:
        """Return the JSON schema of what may stand in ``[providers.NAME]`` for it; this imports the kind's module."""
        return msgspec.json.schema(self.kind.table(), schema_hook=_schema_of_secret)


def describe(
    provider: str,
    kind: Kind,
    work: Work,
    model: str,
    table: ProviderTable,
    *,
    features: tuple[Feature, ...] | None = None,
    listed: ModelPrice | None = None,
    problem: str = "",
) -> ModelDescriptor:
    """Describe a model by what its kind, the configuration and the price list say of it.

    Args:
        provider: Its name in the configuration.
        kind: What kind of provider it is.
        work: What it is asked for.
        model: The provider's name for the model.
        table: What the configuration says of the provider.
        features: What the provider's own list says that it can do; None if that was not asked.
        listed: What the provider's own list says that it costs.
        problem: Why it can't be used.
    """
    where = locality(kind, table.base_url)
    price = table.prices.get(model) or listed or (None if table.base_url else price_of(kind.name, model))
    if price is None and where == "local":
        price = FREE
    return ModelDescriptor(
        provider=provider,
        kind=kind,
        work=work,
        model=model,
        capabilities=_capabilities(kind, work, features),
        locality=where,
        region=table.region,
        tenants=table.tenants,
        price=price,
        problem=problem,
    )


def _capabilities(kind: Kind, work: Work, features: tuple[Feature, ...] | None) -> tuple[str, ...]:
    able = [PLAIN[work]]
    for each in CAPABILITIES.values():
        by_list = features is not None and each.feature in features
        if each.work == work and (by_list or each.name in kind.capabilities):
            able.append(each.name)
    return tuple(dict.fromkeys(able))


def _schema_of_secret(form: type) -> dict[str, Any]:
    if form is not Secret:
        raise NotImplementedError(form)
    return {"type": "string", "format": "password"}
