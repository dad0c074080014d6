"""What kinds of providers have in common that are asked over HTTP: headers, deadlines, an endpoint made of them."""

from typing import TypeVar

from msgspec import field
from msgspec.structs import replace

from ...actors.endpoint import HttpEndpoint
from ...actors.http import Deadlines
from .kind import ProviderTable, Setup

E = TypeVar("E", bound=HttpEndpoint)


class RemoteTable(ProviderTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``, beside what stands in all of them."""

    headers: dict[str, str] = field(default_factory=dict)
    """Headers for every request."""
    deadlines: Deadlines = Deadlines()
    """Seconds that it may take: `connect`, `first`, `between`, `total`."""


def located(setup: Setup[RemoteTable], kind: type[E]) -> E:
    """Return the endpoint of a provider: where the table says, or at the usual address, which is `kind.example`.

    Raises:
        ValueError: The address, or a header, can't be one.
    """
    endpoint = kind(
        provider=setup.provider,
        base_url=setup.table.base_url or kind.example,
        key=setup.key,
        deadlines=setup.table.deadlines,
    )
    return replace(endpoint, headers=endpoint.headers | setup.table.headers)  # some have headers of their own
