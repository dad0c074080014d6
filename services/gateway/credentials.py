"""Keys in the headers of HTTP requests; for WebSockets see `troupe.actors.realtime.handshake`."""

import base64
from collections.abc import Mapping

from ...actors.realtime.handshake import read_handshake


def key_of(headers: Mapping[str, str]) -> str | None:
    """Return the key that a program gives: ``Authorization: Bearer``, or Azure's ``api-key``."""
    return read_handshake({}, headers).key


def key_for_people(headers: Mapping[str, str]) -> str | None:
    """Return the key of a request that may also come from a browser: there it is a password, with any name."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return key_of(headers)
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[2] or None
    except ValueError:
        return None
