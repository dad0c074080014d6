"""Who may use the server: what its configuration says about keys, origins and hosts, and the keys as they are held."""

from collections.abc import Iterable
from hashlib import blake2b
from secrets import token_bytes
from typing import NewType

from msgspec import Struct

from ...actors.secret import Secret


class Access(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may use the server."""

    api_keys: tuple[Secret, ...] = ()
    """Any of these opens the door; none: it stands open, which is for loopback only."""
    keys_file: str = ""
    """File with further keys, one a line, that is read again when it changes. Who has no key in it any more loses his
    sessions within seconds."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of web pages that may connect, such as ``https://app.example.com``, beside the server's own pages and
    those of loopback; compared exactly. ``*`` is all of them."""
    allowed_hosts: tuple[str, ...] = ()
    """Names by which clients may call the server, without port; none: any, but only loopback's names where a
    connection comes in over loopback. ``*`` is all of them."""
    one_use_secrets: bool = True
    """Whether a client secret opens one session, not as many as are wanted until it expires, as at OpenAI."""
    signing_key: Secret | None = None
    """Signs client secrets: 32 random characters or more; servers that share it accept each other's. None: a random
    one."""


KeyId = NewType("KeyId", bytes)
"""Stands for an API key where the key itself must not be: 16 bytes, of no use to anybody else."""


class KeyRing:
    """API keys, held as hashes.

    The hash is keyed with something that nobody outside knows, so the time that a comparison takes says nothing about
    the keys, and they are looked up like anything else.

    Args:
        keys: Those that open the door.
        pepper: Keys the hash, at most 64 bytes; workers of one server share it, so that they mean the same by an id.
        required: Whether a key is required; None: if there is one.
    """

    def __init__(
        self, keys: Iterable[Secret] = (), pepper: bytes | None = None, *, required: bool | None = None
    ) -> None:
        self._pepper = token_bytes(32) if pepper is None else pepper
        self._ids = frozenset(self.id_of(key.reveal()) for key in keys)
        self.required = bool(self._ids) if required is None else required
        """Whether only who has a key may come in."""

    def id_of(self, key: str) -> KeyId:
        """Return the id of a key, known or not."""
        return KeyId(blake2b(key.encode(errors="surrogateescape"), digest_size=16, key=self._pepper).digest())

    def find(self, key: str) -> KeyId | None:
        """Return the id of a key that opens the door; None of any other."""
        found = self.id_of(key)
        return found if found in self._ids else None

    def __contains__(self, key: KeyId) -> bool:
        return key in self._ids
