"""Which one-use secrets have been used: a table in shared memory, the same for all workers of a server.

Open addressing over a fixed number of slots, so the memory is bounded by construction. A slot is free again when its
secret has expired, as an expired secret opens nothing anyway. A claim is atomic between processes by a lock on the
table's file, which the system takes back from a process that is killed while it holds it.
"""

import fcntl
import mmap
import os
import struct
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
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

    Args:
        path: The file that workers share, made if it is not there. None: processes forked from this one share the
            table, without the lock.

    Raises:
        OSError: The file can't be opened.
    """

    def __init__(self, path: Path | None = None) -> None:
        size = SLOTS * _SLOT.size
        self._file = -1 if path is None else os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if path is not None:
            os.ftruncate(self._file, size)
        self._table = mmap.mmap(self._file, size)

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
        if self._file == -1:
            yield
            return
        fcntl.lockf(self._file, fcntl.LOCK_EX)  # held for microseconds
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the memory and the file."""
        self._table.close()
        if self._file != -1:
            os.close(self._file)
            self._file = -1
