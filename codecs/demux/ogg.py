"""Ogg (RFC 3533) with Opus (RFC 7845), Vorbis or FLAC in it: pages, and the packets that they carry."""

import struct
import zlib
from collections.abc import Callable, Iterator

from ..errors import BrokenMedia, TooManyBytes
from ..limits import Limits
from .flac import STREAMINFO_SIZE, streaminfo_track
from .opus import opus_track
from .packets import Demuxer, Event, Packet, Track

_PAGE = struct.Struct("<4sBBqIIIB")  # OggS, version, flags, granule, serial, sequence, checksum, number of segments
_CONTINUED, _BEGIN, _END = 1, 2, 4
_CHECKSUM = slice(22, 26)
_NO_GRANULE = -1
_MOST_GARBAGE = 1 << 17
"""Bytes without a sound page after which the stream is given up; two of the largest pages fit in it."""
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Each byte with its bits in reverse order."""


def ogg_checksum(page: bytes) -> int:
    """Compute Ogg's CRC-32 of a page whose own checksum is zeroed.

    It is zlib's polynomial, but with the highest bit first, and it starts at zero. zlib's, over bytes with their bits
    reversed, is the same number with its bits reversed, so that the work is done in C.
    """
    mirrored = zlib.crc32(page.translate(_REVERSED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_REVERSED), "big")


def _opus(headers: list[bytes]) -> Track | None:
    return opus_track(0, headers[0]) if len(headers) == 2 else None


def _vorbis(headers: list[bytes]) -> Track | None:
    """Vorbis I, 4.2.2. The decoder takes all three headers in one, the sizes of two of them in front, as Xiph laces."""
    if len(headers) < 3:
        return None
    first, second, third = headers
    sizes = b"".join(b"\xff" * (len(header) // 255) + bytes([len(header) % 255]) for header in (first, second))
    return Track(
        number=0,
        kind="audio",
        codec="vorbis",
        extradata=b"\x02" + sizes + first + second + third,
        rate=int.from_bytes(first[12:16], "little"),
        channels=first[11] if len(first) > 11 else 0,
    )


def _flac(headers: list[bytes]) -> Track | None:
    """RFC 9639, 10.1: STREAMINFO is in the first packet, and each metadata block says whether it is the last."""
    blocks = [headers[0][13:], *headers[1:]]
    if any(len(block) < 4 for block in blocks) or len(blocks[0]) < 4 + STREAMINFO_SIZE:
        raise BrokenMedia("the FLAC headers in Ogg are cut short")
    return streaminfo_track(0, blocks[0][4:]) if blocks[-1][0] & 0x80 else None


_CODECS = {b"OpusHead": _opus, b"\x01vorbis": _vorbis, b"\x7fFLAC": _flac}
"""By the start of a stream's first packet: what makes a track of its header packets, once all are there."""


class OggDemuxer(Demuxer):
    """The first audio stream of an Ogg file, and that of each file chained to it.

    A page that fails its checksum is skipped as garbage, and so is all that is no page.
    """

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._stream: _Stream | None = None
        self._garbage = 0

    def events(self) -> Iterator[Event]:
        """Yield tracks and their packets; see `Demuxer.events`."""
        while (page := self._next_page()) is not None:
            _, _, flags, granule, serial, sequence, _, count = _PAGE.unpack_from(page)
            lacing, body = page[_PAGE.size : _PAGE.size + count], page[_PAGE.size + count :]
            if flags & _BEGIN:
                self._begin(serial, body)
            stream = self._stream
            if stream is not None and stream.serial == serial:
                yield from stream.page(flags, granule, sequence, lacing, body)

    def _begin(self, serial: int, first_packet: bytes) -> None:
        describe = next((known for magic, known in _CODECS.items() if first_packet.startswith(magic)), None)
        if describe is not None and (self._stream is None or self._stream.is_under_way):
            self._stream = _Stream(serial, describe, self._backlog.limit)

    def _next_page(self) -> bytes | None:
        """Use up the next sound page; None if it is not here yet."""
        backlog = self._backlog
        while True:
            at = backlog.find(b"OggS", 0)
            garbage = at if at >= 0 else max(0, len(backlog) - 3)
            self._garbage += garbage
            if self._garbage > _MOST_GARBAGE:
                raise BrokenMedia("a long stretch of the stream holds no Ogg page")
            backlog.skip(garbage)
            if not backlog.has(_PAGE.size):
                return None
            size = _PAGE.size + backlog.peek(1, _PAGE.size - 1)[0]
            if not backlog.has(size):
                return None
            size += sum(backlog.peek(size - _PAGE.size, _PAGE.size))
            if not backlog.has(size):
                return None
            page = backlog.peek(size)
            checksum = int.from_bytes(page[_CHECKSUM], "little")
            if ogg_checksum(page[:22] + bytes(4) + page[26:]) == checksum:
                self._garbage = 0
                return backlog.take(size)
            backlog.skip(4)
            self._garbage += 4


class _Stream:
    """One logical stream: its packets, put together from the segments of its pages."""

    def __init__(self, serial: int, describe: Callable[[list[bytes]], Track | None], limit: int) -> None:
        self.serial = serial
        self._describe = describe
        self._limit = limit
        self._headers: list[bytes] | None = []  # None once the track is described
        self._sequence: int | None = None
        self._partial: bytes | None = b""  # of a packet that goes on in the next page; None if its start is lost

    @property
    def is_under_way(self) -> bool:
        """Whether its headers are through, so that a new stream can only be a chained one."""
        return self._headers is None

    def page(self, flags: int, granule: int, sequence: int, lacing: bytes, body: bytes) -> Iterator[Event]:
        """Yield what a page completes."""
        packets = self._packets(flags, sequence, lacing, body)
        for index, data in enumerate(packets, 1):
            if self._headers is not None:
                self._headers.append(data)
                track = self._describe(self._headers)
                if track is not None:
                    self._headers = None
                    yield track
            elif data:
                last = index == len(packets) and granule != _NO_GRANULE
                yield Packet(0, data, position=granule if last else None, final=last and bool(flags & _END))

    def _packets(self, flags: int, sequence: int, lacing: bytes, body: bytes) -> list[bytes]:
        if not flags & _CONTINUED:
            self._partial = b""
        elif self._sequence is not None and sequence != self._sequence + 1 & 0xFFFF_FFFF:
            self._partial = None
        self._sequence = sequence
        packets: list[bytes] = []
        start = end = 0
        for segment in lacing:
            end += segment
            if segment < 255:  # a packet ends with the first segment that is not full
                if self._partial is not None:
                    packets.append(self._partial + body[start:end])
                self._partial = b""
                start = end
        if self._partial is not None:
            self._partial += body[start:end]
            if len(self._partial) > self._limit:
                raise TooManyBytes(f"one packet has more than {self._limit} bytes", self._limit)
        return packets
