"""Width and height of an image from its header, so that its size is known before anything decodes it."""

import struct
from collections.abc import Callable

from .errors import BrokenMedia
from .source import ReadAt, Source

_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers that carry the size (ITU-T T.81, table B.1); the three others in their row do not."""
_MAX_SEGMENTS = 1000


def image_size(format_name: str, source: Source) -> tuple[int, int]:
    """Return ``(width, height)`` in pixels as the header of a PNG, JPEG, GIF, WebP or BMP declares them.

    Raises:
        BrokenMedia: if the header is cut or makes no sense.
        KeyError: if it is another format.
    """
    reader = _READERS[format_name]
    with source.opened() as read_at:
        try:
            width, height = reader(read_at)
        except struct.error as error:
            raise BrokenMedia("the image ends inside its header") from error
    if width < 1 or height < 1:
        raise BrokenMedia("the image declares no width or no height")
    return width, height


def _png(read_at: ReadAt) -> tuple[int, int]:
    width, height = struct.unpack(">II", read_at(8, 16))
    return width, height


def _gif(read_at: ReadAt) -> tuple[int, int]:
    width, height = struct.unpack("<HH", read_at(4, 6))
    return width, height


def _bmp(read_at: ReadAt) -> tuple[int, int]:
    if read_at(4, 14) == b"\x0c\0\0\0":  # the OS/2 header of 12 bytes
        width, height = struct.unpack("<HH", read_at(4, 18))
    else:
        width, height = struct.unpack("<ii", read_at(8, 18))
    return width, abs(height)  # negative: rows from the top


def _webp(read_at: ReadAt) -> tuple[int, int]:
    head = read_at(30, 0).ljust(30, b"\0")
    match head[12:16]:
        case b"VP8X":  # two 24-bit numbers, each one less
            return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
        case b"VP8L":  # 14 + 14 bits behind the signature byte
            bits = int.from_bytes(head[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":  # RFC 6386, 9.1
            width, height = struct.unpack("<HH", head[26:30])
            return width & 0x3FFF, height & 0x3FFF
        case _:
            raise BrokenMedia("the WebP file holds no image")


def _jpeg(read_at: ReadAt) -> tuple[int, int]:
    at = 2
    for _ in range(_MAX_SEGMENTS):
        (prefix, marker, length) = struct.unpack(">BBH", read_at(4, at))
        if prefix != 0xFF:
            raise BrokenMedia("the JPEG's segments don't follow each other")
        if marker in _START_OF_FRAME:
            height, width = struct.unpack(">HH", read_at(4, at + 5))
            return width, height
        at += 1 if marker == 0xFF else 2 + length  # 0xFF: a fill byte
    raise BrokenMedia("the JPEG has no frame header")


_READERS: dict[str, Callable[[ReadAt], tuple[int, int]]] = {
    "png": _png,
    "jpeg": _jpeg,
    "gif": _gif,
    "webp": _webp,
    "bmp": _bmp,
}
