"""Opus's identification header (RFC 7845, 5.1), which all containers carry in one form or another."""

import struct

from ..errors import BrokenMedia
from .packets import Track

RATE = 48000
"""Opus counts at 48 kHz, whatever its encoder was fed."""
_MAGIC = b"OpusHead"


def opus_track(number: int, head: bytes, skip: int | None = None) -> Track:
    """Describe a track by its OpusHead.

    Args:
        number: of the track.
        head: the header, ``OpusHead`` included.
        skip: samples to skip if the container knows better than the header.

    Raises:
        BrokenMedia: if it is none.
    """
    if len(head) < 19 or not head.startswith(_MAGIC) or head[8] >> 4 or not head[9]:
        raise BrokenMedia("the Opus header makes no sense")
    return Track(
        number=number,
        kind="audio",
        codec="opus",
        # The decoder would skip by itself, and the positions of the container would not fit what comes out.
        extradata=head[:10] + b"\0\0" + head[12:],
        rate=RATE,
        channels=head[9],
        skip=int.from_bytes(head[10:12], "little") if skip is None else skip,
    )


def opus_head(box: bytes) -> bytes:
    """Turn the content of an MP4 ``dOps`` box, which is big-endian, into an OpusHead.

    Raises:
        BrokenMedia: if it is too short.
    """
    if len(box) < 11:
        raise BrokenMedia("the Opus header is cut short")
    _, *fields = struct.unpack(">BBHIhB", box[:11])
    return _MAGIC + struct.pack("<BBHIhB", 1, *fields) + box[11:]
