"""What the workers of one server have in common: made before they are forked, and given to the gateway of each."""

from secrets import token_bytes
from typing import Final, Self

from .access import Access
from .noticeboard import Noticeboard
from .spent import SpentTable

SHORTEST: Final = 32
"""Bytes of a signing key."""


class Shared:
    """See the module. A server in one process has one for itself.

    Args:
        signing_key: Signs client secrets, 32 bytes or more; None: a random one, so that they are good at this server
            only.
        workers: How many of them there are.

    Raises:
        ValueError: The key is too short.
        OSError: There is no memory to share.
    """

    def __init__(self, signing_key: bytes | None = None, *, workers: int = 1) -> None:
        if signing_key is not None and len(signing_key) < SHORTEST:
            raise ValueError(f"signing_key has to be {SHORTEST} random characters or more: `openssl rand -base64 32`")
        self.signing_key = signing_key or token_bytes(32)
        self.spent = SpentTable()
        """Client secrets that were used."""
        self.metrics = Noticeboard(workers) if workers > 1 else None
        """Those of each worker."""

    @classmethod
    def of(cls, access: Access, *, workers: int = 1) -> Self:
        """Return what the workers of a server with this access share.

        Raises:
            ValueError: `Access.signing_key` is too short.
            OSError: There is no memory to share.
        """
        key = access.signing_key
        return cls(key.reveal().encode() if key else None, workers=workers)
