"""Who comes, as far as the head of a request tells, from whichever server has read it."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct


class Visit(Struct, frozen=True, kw_only=True):
    """One request, before it is known whether it may be answered."""

    address: str = ""
    """The client's IP address; empty where there is none, as on a Unix socket."""
    local: str = ""
    """Our address that it has connected to."""
    host: str = ""
    """The header ``Host``; empty if there is none, or more than one."""
    origin: str | None = None
    """The header ``Origin``, which browsers send; empty if there is more than one."""
    fetch_site: str | None = None
    """What a browser says about where the request comes from: ``same-origin``, ``cross-site``, ..."""
    fetch_mode: str | None = None
    """What a browser says it is for: ``navigate``, ``cors``, ``websocket``, ..."""


def read_visit(scope: Mapping[str, Any]) -> Visit:
    """Return the visit that an ASGI scope describes.

    Everything is read from the scope: a URL put together from the header ``Host``, as frameworks offer it, is the
    client's to invent.
    """
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    values: dict[bytes, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(value.decode("latin-1"))
    client, server = scope.get("client"), scope.get("server")
    return Visit(
        address=client[0] if client else "",
        local=server[0] if server else "",
        host=_only(values.get(b"host")) or "",
        origin=_only(values.get(b"origin")),
        fetch_site=_only(values.get(b"sec-fetch-site")),
        fetch_mode=_only(values.get(b"sec-fetch-mode")),
    )


def _only(values: list[str] | None) -> str | None:
    if values is None:
        return None
    return values[0] if len(values) == 1 else ""
