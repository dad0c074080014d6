"""Where a provider's computers are, seen from this one."""

from ipaddress import ip_address
from typing import Final, Literal
from urllib.parse import urlsplit

from ..kinds.kind import Kind

Locality = Literal["local", "network", "cloud"]
"""In this machine, in a network of one's own, or somebody else's."""

_OWN_DOMAINS: Final = (".local", ".lan", ".home", ".internal", ".localdomain", ".home.arpa")
"""How names end that are not for the internet (RFC 6762, RFC 8375, ICANN's ``.internal``)."""


def locality(kind: Kind, base_url: str) -> Locality:
    """Return where a provider is: what its address says, or if it has none of its own, its kind."""
    address = base_url or kind.base_url
    if not address:
        return "cloud" if kind.key else "local"  # who takes no key is looked for on this machine
    return _of_host(urlsplit(address).hostname or "")


def _of_host(host: str) -> Locality:
    if host == "localhost" or host.endswith(".localhost"):
        return "local"
    try:
        address = ip_address(host)
    except ValueError:
        own = "." not in host or host.endswith(_OWN_DOMAINS)
        return "network" if own else "cloud"
    if address.is_loopback:
        return "local"
    return "network" if address.is_private or address.is_link_local else "cloud"
