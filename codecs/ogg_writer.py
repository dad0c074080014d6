"""Opus in Ogg (RFC 7845, RFC 3533), written as it comes: a page for what there is.

libav's muxer would hold each packet back until the next one comes, and 130 KiB for each stream. Here nothing is held:
the encoder gives out at least one packet at its end, so the last page, which says where the audio ends, never is a page
that has gone out already.
"""

import struct
from collections.abc import Iterator, Sequence

from .demux.ogg import ogg_checksum
from .demux.opus import RATE
from .gate import Packet

_PAGE = struct.Struct("<4sBBqIII")  # OggS, version, flags, granule, serial, sequence, checksum; then the segments
_BEGIN, _END = 2, 4
_SERIAL = 0
_MOST_SEGMENTS = 255
_MOST_PACKETS = 50
"""Of a page: one second, as RFC 7845, 6 asks."""
_TAGS = b"OpusTags" + struct.pack("<I", 6) + b"troupe" + struct.pack("<I", 0)


class OggOpusWriter:
    """Puts the packets of one Opus encoder into pages.

    Args:
        head: the encoder's configuration, an OpusHead.
    """

    def __init__(self, head: bytes) -> None:
        self._sequence = 0
        self._pre_skip = int.from_bytes(head[10:12], "little")
        self._granule = 0  # the position, at 48 kHz, at which what was written ends
        self._headers = self._page([head], 0, _BEGIN) + self._page([_TAGS], 0, 0)

    def write(self, packets: Sequence[Packet], *, final: bool = False) -> bytes:
        """Return the pages of these packets; `final` if no more will come."""
        data, self._headers = self._headers, b""
        groups = list(_groups(packets)) or ([[]] if final else [])
        for index, group in enumerate(groups, 1):
            if group:
                self._granule = self._pre_skip + _end(group[-1])
            flags = _END if final and index == len(groups) else 0
            data += self._page([bytes(packet) for packet in group], self._granule, flags)
        return data

    def _page(self, packets: Sequence[bytes], granule: int, flags: int) -> bytes:
        lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
        rest = bytes([len(lacing)]) + lacing + b"".join(packets)
        header = (b"OggS", 0, flags, granule, _SERIAL, self._sequence)
        checksum = ogg_checksum(_PAGE.pack(*header, 0) + rest)
        self._sequence += 1
        return _PAGE.pack(*header, checksum) + rest


def _end(packet: Packet) -> int:
    """Where a packet ends, in samples at 48 kHz from the first that is heard; its padding is not counted."""
    assert packet.pts is not None
    assert packet.duration is not None
    return round((packet.pts + packet.duration) * packet.time_base * RATE)


def _groups(packets: Sequence[Packet]) -> Iterator[list[Packet]]:
    """Cut into what fits a page."""
    group: list[Packet] = []
    segments = 0
    for packet in packets:
        needed = packet.size // 255 + 1
        if len(group) == _MOST_PACKETS or segments + needed > _MOST_SEGMENTS:
            yield group
            group, segments = [], 0
        group.append(packet)
        segments += needed
    if group:
        yield group
