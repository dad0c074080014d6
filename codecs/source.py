"""The bytes of an asset: in memory, in a regular file, or behind an open descriptor."""

import os
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

import msgspec

from .errors import RefusedFormat, TooManyBytes
from .limits import Limits

Buffer: TypeAlias = bytes | bytearray | memoryview
Loadable: TypeAlias = str | os.PathLike[str] | Buffer | BinaryIO
ReadAt: TypeAlias = Callable[[int, int], bytes]
"""``read_at(length, offset)``: at most `length` bytes from `offset`, and none only at the end."""


class Source(msgspec.Struct, frozen=True, eq=False):
    """Where the bytes are. It is immutable and may be read by several readers at once."""

    place: memoryview | Path | int
    """Memory, a regular file, or an open file descriptor that somebody else closes."""
    size: int
    """In bytes."""

    @contextmanager
    def opened(self) -> Generator[ReadAt]:
        """Open for reading; a file is closed on leaving.

        Raises:
            OSError: if the file can't be opened.
        """
        place = self.place
        if isinstance(place, memoryview):
            yield lambda length, offset: bytes(place[offset : offset + length])
        elif isinstance(place, int):
            yield lambda length, offset: os.pread(place, length, offset)
        else:
            with place.open("rb", buffering=0) as file:
                descriptor = file.fileno()
                yield lambda length, offset: os.pread(descriptor, length, offset)

    def head(self, length: int, offset: int = 0) -> bytes:
        """Return at most `length` bytes from `offset`."""
        with self.opened() as read_at:
            return read_at(length, offset)

    def read(self) -> bytes:
        """Return all bytes."""
        return self.head(self.size)


def source_of(what: Loadable, limits: Limits) -> Source:
    """Find the bytes of a path, of bytes, or of a file object, which is read to its end from where it stands.

    Raises:
        RefusedFormat: if it is a URL, or a path that is no regular file (a device, a pipe).
        TooManyBytes: if there are more than ``limits.bytes``.
        OSError: if the file can't be read.
        TypeError: if it is none of these, or a text file object.
    """
    if isinstance(what, bytes | bytearray | memoryview):
        data = memoryview(what).cast("B")
    elif isinstance(what, str | os.PathLike):
        return _file(what, limits)
    else:
        data = memoryview(_read_all(what, limits.bytes + 1))
    _check_size(len(data), limits)
    return Source(data, len(data))


def _file(what: str | os.PathLike[str], limits: Limits) -> Source:
    if isinstance(what, str) and "://" in what:
        raise RefusedFormat("URLs are not opened here; fetch it first and pass the bytes")
    path = Path(what)
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise RefusedFormat("only regular files are read, no devices, pipes or folders")
    _check_size(status.st_size, limits)
    return Source(path, status.st_size)


def _read_all(file: BinaryIO, limit: int) -> bytes:
    content = bytearray()
    while len(content) < limit and (piece := file.read(limit - len(content))):
        if not isinstance(piece, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError("the file object yields text; open it in binary mode")
        content += piece
    return bytes(content)


def _check_size(size: int, limits: Limits) -> None:
    if size > limits.bytes:
        raise TooManyBytes(f"the file has more than {limits.bytes} bytes", limits.bytes)
