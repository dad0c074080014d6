"""Which one-use secrets have been used: a table in memory that processes share with those forked from them.

Open addressing over a fixed number of slots, so the memory is bounded by construction. A slot is free again when its
secret has expired, as an expired secret opens nothing anyway. A claim is atomic between processes by a lock on the
table's file, which the system takes back from a process that is killed while it holds it.
"""

import fcntl
import mmap
import os
import struct
import sys
import tempfile
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

SLOTS: Final = 65_536
"""Secrets that are remembered at a time: with those that live for 10 minutes, 100 may be used in a second."""
PROBES: Final = 64
"""Slots in which a secret may be; a table half full has one free among them, but for one in 2**64 secrets."""
NONCE: Final = 12
"""Bytes by which a secret is known here: the first ones of those that are random in it."""
_SLOT: Final = struct.Struct(f"<{NONCE}sI")


class SpentTable:
    """See the module.

    Raises:
        OSError: There is no memory for it.
    """

    def __init__(self) -> None:
        size = SLOTS * _SLOT.size
        self._file = shared_file("troupe-spent", size)
        self._table = mmap.mmap(self._file, size)
        weakref.finalize(self, os.close, self._file)

    def claim(self, nonce: bytes, expires_at: int, now: float) -> bool:
        """Note that a secret is used; return whether this was the first time.

        A table without room says no: better a secret that does not open than one that opens twice.

        Args:
            nonce: `NONCE` random bytes of the secret.
            expires_at: When it expires, in seconds of Unix time, as is `now`.
            now: The time.
        """
        start = int.from_bytes(nonce[:4], "little")
        free = None
        with self._locked():
            for probe in range(PROBES):
                offset = (start + probe) % SLOTS * _SLOT.size
                known, known_expires_at = _SLOT.unpack_from(self._table, offset)
                if known_expires_at < now:
                    free = offset if free is None else free
                elif known == nonce:
                    return False
            if free is None:
                return False
            _SLOT.pack_into(self._table, free, nonce, expires_at)
        return True

    @contextmanager
    def _locked(self) -> Generator[None]:
        fcntl.lockf(self._file, fcntl.LOCK_EX)  # held for microseconds
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)


def shared_file(name: str, size: int) -> int:
    """Return the descriptor of a new file without a path, of that many zero bytes; in memory where the system can.

    Raises:
        OSError: There is no room for it.
    """
    if sys.platform == "linux":
        file = os.memfd_create(name)
    else:
        with tempfile.TemporaryFile() as temporary:
            file = os.dup(temporary.fileno())
    os.ftruncate(file, size)
    return file
