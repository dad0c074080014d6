"""What a client says before its first event: in the URL, in headers and in the WebSocket subprotocols it offers."""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from .names import Dialect

SUBPROTOCOL = "realtime"
_KEY_SUBPROTOCOL = "openai-insecure-api-key."
_BETA_SUBPROTOCOL = "openai-beta.realtime-v1"
_BETA_HEADER = "realtime=v1"


class Handshake(Struct, frozen=True, kw_only=True):
    """What a connection is to be."""

    dialect: Dialect
    kind: Literal["realtime", "transcription"]
    model: str | None
    """As named in the URL; None where it is not, and for transcription, which names its model in the session."""
    call_id: str | None
    """A call that the connection is to control from the side."""
    key: str | None
    """API key or client secret."""
    subprotocol: str | None
    """What to select in the answer: browsers close a connection that selects nothing they offered."""

    def __repr__(self) -> str:
        return f"Handshake({self.dialect.name}, {self.kind}, model={self.model!r}, key={'given' if self.key else None})"


def read_handshake(query: Mapping[str, str], headers: Mapping[str, str], subprotocols: Sequence[str] = ()) -> Handshake:
    """Return what a client asks for; whether it may have it is decided elsewhere.

    Args:
        query: of the URL, decoded.
        headers: by names in lower case.
        subprotocols: offered by the client, in its order.
    """
    transcription = query.get("intent") == "transcription"
    return Handshake(
        dialect=_dialect(headers, subprotocols),
        kind="transcription" if transcription else "realtime",
        # SDKs that insist on a model send one with the intent; the intent wins.
        model=None if transcription else query.get("model") or query.get("deployment") or None,
        call_id=query.get("call_id") or None,
        key=_key(headers, subprotocols),
        subprotocol=SUBPROTOCOL if SUBPROTOCOL in subprotocols else None,
    )


def _dialect(headers: Mapping[str, str], subprotocols: Sequence[str]) -> Dialect:
    asked = [each.strip() for each in headers.get("openai-beta", "").split(",")]
    return Dialect.BETA if _BETA_HEADER in asked or _BETA_SUBPROTOCOL in subprotocols else Dialect.GA


def _key(headers: Mapping[str, str], subprotocols: Sequence[str]) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    if azure := headers.get("api-key", "").strip():
        return azure
    for offered in subprotocols:
        if offered.startswith(_KEY_SUBPROTOCOL):
            return offered.removeprefix(_KEY_SUBPROTOCOL) or None
    return None
