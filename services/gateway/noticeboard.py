"""Where each worker of a server posts what it has to say, for all of them to read: a place each, in shared memory.

A place belongs to a process. When that has died, its notice is taken down, and the place is the next newcomer's: so a
worker that is started again comes after the one it replaces.
"""

import fcntl
import mmap
import os
import struct
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from .spent import shared_file

PLACE: Final = 512 * 1024
"""Bytes of a notice with its head. The system provides memory for as much of it as is ever written: three distributions
for each provider come to 10 KB."""
_HEAD: Final = struct.Struct("<II")  # whose place it is, and how long the notice is


class Noticeboard:
    """Made before the workers are forked.

    Args:
        places: How many workers there are at most.

    Raises:
        OSError: There is no memory for it.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._file = shared_file("troupe-noticeboard", places * PLACE)
        self._board = mmap.mmap(self._file, places * PLACE)
        weakref.finalize(self, os.close, self._file)

    def post(self, notice: bytes) -> bool:
        """Replace this process's notice; return whether there was room for it."""
        if len(notice) > PLACE - _HEAD.size:
            return False
        with self._locked():
            place = self._own_place()
            if place is None:
                return False
            start = place * PLACE
            _HEAD.pack_into(self._board, start, os.getpid(), len(notice))
            self._board[start + _HEAD.size : start + _HEAD.size + len(notice)] = notice
        return True

    def read(self) -> dict[int, bytes]:
        """Return all notices, by the numbers of their places."""
        notices: dict[int, bytes] = {}
        with self._locked():
            for place in range(self._places):
                owner, length = _HEAD.unpack_from(self._board, place * PLACE)
                if owner and _is_alive(owner):
                    start = place * PLACE + _HEAD.size
                    notices[place] = self._board[start : start + length]
        return notices

    def _own_place(self) -> int | None:
        free = None
        for place in range(self._places):
            owner, _ = _HEAD.unpack_from(self._board, place * PLACE)
            if owner == os.getpid():
                return place
            if free is None and not (owner and _is_alive(owner)):
                free = place
        return free

    @contextmanager
    def _locked(self) -> Generator[None]:
        fcntl.lockf(self._file, fcntl.LOCK_EX)  # held while some KB are copied
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
