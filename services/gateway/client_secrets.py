"""Client secrets: keys for browsers that open a session for a while, with the session's configuration inside.

A secret is a signed token. Any process that has the signing key can read it, so it needs no store, and workers or
machines that share the key accept each other's. It carries when it expires, whose API key it comes from, which is what
a revoked key takes its secrets with, and the configuration, compressed: its holder can read that, as he could in
``session.created``. One-use secrets need one thing more, a table of those that were used, which the workers of one
server share. Several machines each have their own: behind a load balancer, a secret opens one session on each.
"""

import base64
import hmac
import struct
import time
import zlib
from collections.abc import Callable
from hashlib import sha256
from secrets import token_bytes
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ...actors.realtime.client_secrets import NO_WISHES, Wanted
from ...actors.realtime.errors import ClientMistake
from ...actors.realtime.ids import new_session_id
from ...actors.realtime.session_config import RealtimeSession, Session, TranscriptionSession
from .access import KeyId
from .spent import NONCE, SpentTable

PREFIX: Final = "ek_"
LONGEST: Final = 6000
"""Characters of a secret: servers and proxies take header lines of 8 KiB, and there is more in the line."""
_HEAD: Final = struct.Struct(">I16s16s")  # when it expires, whose key, what is random
_MAC: Final = 16
_DICTIONARY: Final = b"".join(
    msgspec.json.encode(each) for each in (TranscriptionSession(id=""), RealtimeSession(id="", model=""))
)
"""What configurations have in common; a secret that says nothing else takes some 100 characters."""


class Content(Struct, frozen=True, omit_defaults=True):
    """What is in a secret."""

    session: Session
    """What the session that it opens begins with."""
    providers: Wanted = NO_WISHES
    """Who its holder wants to take part in it."""


_decoder: Final = msgspec.json.Decoder(Content)


class Grant(Struct, frozen=True, kw_only=True):
    """What a valid secret stands for."""

    session: Session
    """What the session that it opens begins with."""
    providers: Wanted
    """Who its holder wants to take part in it."""
    minter: KeyId
    """The API key that it comes from."""
    nonce: bytes
    """What is random in it."""
    expires_at: int
    """Seconds of Unix time."""


class InvalidSecret(Exception):
    """A secret that opens nothing: it has expired, or has been used, or is for something else."""


class ForgedSecret(InvalidSecret):
    """It is none of ours, so somebody is guessing."""


class ClientSecrets:
    """Makes client secrets, and reads them.

    Args:
        signing_key: What nobody outside may know.
        model: That of sessions whose configuration names none; the holder of a secret for it may name one.
        spent: Remembers which were used; None: each opens sessions until it expires.
        now: Unix time, in seconds.
    """

    def __init__(
        self, signing_key: bytes, model: str, spent: SpentTable | None = None, *, now: Callable[[], float] = time.time
    ) -> None:
        self._key = hmac.digest(signing_key, b"troupe client secret", sha256)
        self._model = model
        self._spent = spent
        self._now = now
        self._dictionary = _DICTIONARY

    def begin_with(self, opening: Session) -> None:
        """Say what sessions begin with, so that secrets which differ little from that stay short.

        It decides how secrets are written: only servers that begin with the same accept each other's.
        """
        self._dictionary = _DICTIONARY + msgspec.json.encode(replace(opening, id=""))

    def mint(self, session: Session, seconds: int, minter: KeyId, providers: Wanted = NO_WISHES) -> tuple[str, int]:
        """Return a new secret, and when it expires in seconds of Unix time.

        Raises:
            ClientMistake: The configuration does not fit.
        """
        expires_at = int(self._now()) + seconds
        packer = zlib.compressobj(9, zdict=self._dictionary)
        content = packer.compress(msgspec.json.encode(Content(session, providers))) + packer.flush()
        signed = _HEAD.pack(expires_at, minter, token_bytes(16)) + content
        value = PREFIX + base64.urlsafe_b64encode(signed + self._mac(signed)).rstrip(b"=").decode()
        if len(value) > LONGEST:
            raise ClientMistake(
                "string_above_max_length",
                f"Invalid 'session': too long for a client secret, which holds about {LONGEST // 2} characters of "
                "instructions and tools, or more if they compress well. Send them in a session.update.",
                "session",
            )
        return value, expires_at

    def read(self, value: str, *, model: str | None = None) -> Grant:
        """Return what a secret stands for; it is not used thereby.

        Args:
            value: The secret.
            model: That its holder asks for; it has to be the secret's, if that has one. None: he does not say.

        Raises:
            InvalidSecret: It opens nothing.
        """
        signed = self._verified(value)
        expires_at, minter, nonce = _HEAD.unpack(signed[: _HEAD.size])
        if expires_at <= self._now():
            raise InvalidSecret
        try:
            packed = zlib.decompressobj(zdict=self._dictionary).decompress(signed[_HEAD.size :])
            content = _decoder.decode(packed)
        except (zlib.error, msgspec.DecodeError, UnicodeError):
            raise InvalidSecret from None  # ours, but of another version, or of another configuration
        session = content.session
        if model is not None and isinstance(session, RealtimeSession):
            if session.model not in (model, self._model):
                raise InvalidSecret
            session = replace(session, model=model)
        if self._spent is None:
            session = replace(session, id=new_session_id())  # there may be several of them
        return Grant(
            session=session, providers=content.providers, minter=KeyId(minter), nonce=nonce, expires_at=expires_at
        )

    def claim(self, grant: Grant) -> None:
        """Use a secret, if it is for one use.

        Raises:
            InvalidSecret: It has been used.
        """
        if self._spent is not None and not self._spent.claim(grant.nonce[:NONCE], grant.expires_at, self._now()):
            raise InvalidSecret

    def _verified(self, value: str) -> bytes:
        """Return what of a secret is signed."""
        if not value.startswith(PREFIX) or len(value) > LONGEST:
            raise ForgedSecret
        encoded = value.removeprefix(PREFIX)
        try:
            token = base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", validate=True)
        except ValueError:
            raise ForgedSecret from None
        signed, mac = token[:-_MAC], token[-_MAC:]
        if len(signed) < _HEAD.size or not hmac.compare_digest(mac, self._mac(signed)):
            raise ForgedSecret
        return signed

    def _mac(self, signed: bytes) -> bytes:
        return hmac.digest(self._key, signed, sha256)[:_MAC]


def is_client_secret(key: str) -> bool:
    """Whether a key is to be read as a client secret."""
    return key.startswith(PREFIX)
