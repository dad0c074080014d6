"""Choosing by what is wanted: ``cheapest:text-generation``, ``fastest:speech-to-text?region=eu``."""

from collections.abc import Sequence
from typing import Final, Literal, get_args
from urllib.parse import parse_qsl

from msgspec import Struct

from ..config.errors import ConfigError, nearest
from .capabilities import CAPABILITIES, Capability
from .descriptor import ModelDescriptor
from .locality import Locality

Order = Literal["cheapest", "fastest", "any"]
"""Who is asked first: the one that costs least; the one that has answered soonest so far; or as they are listed."""
ORDERS: Final[tuple[Order, ...]] = get_args(Order)
LOCALITIES: Final[tuple[Locality, ...]] = get_args(Locality)


class Selector(Struct, frozen=True, kw_only=True):
    """A wish for models, instead of a name: ``ORDER:CAPABILITY``, and what has to hold after a question mark."""

    order: Order
    capability: Capability
    locality: Locality | None = None
    """Where they have to be; None for anywhere."""
    region: str = ""
    """The region that the configuration has to say of them; empty for any."""
    tenant: str = ""
    """For whom it is: those that are for others only are left out."""
    most: float | None = None
    """What it may cost, as `ModelDescriptor.cost` has it; those whose price is not known are left out then."""

    @classmethod
    def parse(cls, text: str) -> "Selector | None":
        """Read a wish; None if it is a name.

        Raises:
            ConfigError: There is no such capability, or it makes no sense after the question mark.
        """
        order, colon, rest = text.partition(":")
        if not colon or order not in ORDERS:
            return None
        name, _, conditions = rest.partition("?")
        if name not in CAPABILITIES:
            raise ConfigError(f"there is no capability {name}; {nearest(name, CAPABILITIES)}", text)
        capability = CAPABILITIES[name]
        if capability.work is None:
            raise ConfigError(f"nobody here can do {name} yet", text)
        given = dict(parse_qsl(conditions, keep_blank_values=True))
        known = {"locality", "region", "tenant", "most"}
        for key in given:
            if key not in known:
                raise ConfigError(f"there is no condition {key}; {nearest(key, known)}", text)
        where = given.get("locality")
        if where is not None and where not in LOCALITIES:
            raise ConfigError(f"there is no locality {where}; {nearest(where, LOCALITIES)}", text)
        return cls(
            order=order,
            capability=capability,
            locality=where,
            region=given.get("region", ""),
            tenant=given.get("tenant", ""),
            most=_number(given["most"], text) if "most" in given else None,
        )

    def fits(self, model: ModelDescriptor) -> bool:
        """Tell whether a model is what is wanted."""
        return (
            self.capability.name in model.capabilities
            and (self.locality is None or model.locality == self.locality)
            and (not self.region or model.region == self.region)
            and (not model.tenants or self.tenant in model.tenants)
            and (self.most is None or (model.cost is not None and model.cost <= self.most))
        )

    def choose(self, models: Sequence[ModelDescriptor]) -> list[ModelDescriptor]:
        """Return those that fit, whoever is to be asked first in front.

        Those that are there for want of anybody else (`Kind.embedded`) come last. For ``cheapest`` so do, before them,
        those whose price nobody knows. For ``fastest`` the order is that of the list: who is fast shows when they work.
        """
        fitting = [model for model in models if self.fits(model)]
        if self.order == "cheapest":
            fitting.sort(key=_by_cost)
        return sorted(fitting, key=lambda model: model.kind.embedded)


def _by_cost(model: ModelDescriptor) -> tuple[bool, float]:
    return model.cost is None, model.cost or 0.0


def _number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"most is a number of dollars, unlike {text}", where) from None
