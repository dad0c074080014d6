"""Where a server of the realtime protocol is, and why it may not let one in."""

import ssl
from urllib.parse import urlsplit, urlunsplit

EXAMPLE = "ws://127.0.0.1:8000"


def realtime_url(url: str) -> str:
    """Complete an address: ``localhost:8000`` and ``http://…`` are understood, too.

    Raises:
        ValueError: It is none.
    """
    parts = urlsplit(url if "://" in url else f"ws://{url}")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError(f"{url} is no address; one is like {EXAMPLE}")
    path = parts.path if parts.path not in ("", "/") else "/v1/realtime"
    return urlunsplit((scheme, parts.netloc, path, parts.query, ""))


def tls_context(*, insecure: bool) -> ssl.SSLContext:
    """Return what connecting by TLS takes.

    Args:
        insecure: whether a certificate that nobody vouches for is accepted.
    """
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def refusal(url: str, status: int | None) -> str:
    """Return what it means that a server answered a WebSocket's request so; None if it was no HTTP."""
    match status:
        case None:
            return f"{url} does not speak WebSocket; the address is like {EXAMPLE}"
        case 401:
            return "the server wants a key, or another one: set TROUPE_API_KEY, or pass --key"
        case 404:
            return f"{url} is the wrong path; the protocol is at /v1/realtime as a rule"
        case 503:
            return "the server is full, or about to end; try again in a moment"
        case _:
            return f"the server refused the connection ({status})"
