"""Which web pages may use the server, and under which names: no others reach it through a user's browser.

Browsers connect WebSockets for any page, without asking (cross-site WebSocket hijacking), and take a name that its
owner has pointed to 127.0.0.1 for that owner's own server (DNS rebinding). The first shows in ``Origin``, the second in
``Host``. Requests without ``Origin`` do not come from a page's script.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

from .refusals import foreign_host, foreign_origin
from .visits import Visit

_HOST: Final = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
_PORTS: Final = {"http": "80", "https": "443"}
ANY: Final = "*"


class OriginPolicy:
    """Compares exactly: no patterns, no suffixes, nothing that a name like ``evil-example.com`` could slip through.

    Args:
        origins: See `Access.allowed_origins`.
        hosts: See `Access.allowed_hosts`.
    """

    def __init__(self, origins: Iterable[str] = (), hosts: Iterable[str] = ()) -> None:
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)
        self._hosts = frozenset(host.lower() for host in hosts)

    def check(self, visit: Visit) -> None:
        """Let a visit pass.

        Raises:
            Refusal: Its host or its origin is none of ours.
        """
        if ANY not in self._hosts and not self._knows_host(visit):
            raise foreign_host()
        if ANY not in self._origins and not self._knows_origin(visit):
            raise foreign_origin()

    def _knows_host(self, visit: Visit) -> bool:
        split = _split(visit.host)
        if split is None:
            return False
        name, _ = split
        if is_loopback(visit.local):
            return is_loopback(name) or name in self._hosts
        return not self._hosts or name in self._hosts

    def _knows_origin(self, visit: Visit) -> bool:
        if visit.origin is None:
            # Without a script's request, a link from elsewhere is the one way in that people use.
            return visit.fetch_site != "cross-site" or visit.fetch_mode == "navigate"
        origin = visit.origin.lower()
        if origin in self._origins:
            return True
        scheme, _, authority = origin.partition("://")
        ours, theirs = _split(visit.host), _split(authority)
        if theirs is None or scheme not in _PORTS:
            return False
        name, port = theirs
        if is_loopback(name):
            return True
        default = _PORTS[scheme]
        return ours is not None and (name, port or default) == (ours[0], ours[1] or default)


def is_loopback(name: str) -> bool:
    """Whether a host's name or address is this machine's own, for everybody and without asking DNS."""
    name = name.strip("[]").rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or (
        address.version == 6 and bool(address.ipv4_mapped and address.ipv4_mapped.is_loopback)
    )


def _split(authority: str) -> tuple[str, str | None] | None:
    """Return name and port of an authority; None if it is not well-formed."""
    matched = _HOST.fullmatch(authority.lower())
    return None if matched is None else (matched["name"], matched["port"])
