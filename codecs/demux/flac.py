"""FLAC (RFC 9639): metadata, then frames that don't tell their size.

A frame ends where the next one starts: where a frame header with a valid checksum carries the number that comes next.
libav's own parser wants to see ten headers before it gives out the first frame, which is a second of audio; here one is
enough.
"""

from collections.abc import Iterator
from typing import NamedTuple

from ..errors import BrokenMedia
from ..limits import Limits
from .headers import MOST_GARBAGE, id3_size
from .packets import Demuxer, Event, Packet, Track

STREAMINFO_SIZE = 34
_LONGEST_HEADER = 16
_ID3_HEADER = 10
_STREAMINFO = 0
_BLOCK_SIZES = {1: 192, **{code: 144 << code for code in range(2, 6)}, **{code: 1 << code for code in range(8, 16)}}


def _crc8_of(byte: int) -> int:
    for _ in range(8):
        byte = byte << 1 ^ (0x107 if byte & 0x80 else 0)  # x^8 + x^2 + x + 1
    return byte


_CRC8 = bytes(map(_crc8_of, range(256)))


class FlacHeader(NamedTuple):
    """What a frame header says."""

    number: int
    """Of the frame; of its first sample if block sizes vary."""
    following: int
    """The number of the frame that comes next."""
    samples: int
    """Per channel."""
    channels: int
    """Number of channels."""


def flac_header(head: bytes) -> FlacHeader | None:
    """Read the frame header that `head` starts with (RFC 9639, 9.1); None if there is none, or its checksum is wrong.

    16 bytes are enough for any header.
    """
    if len(head) < 6 or head[0] != 0xFF or head[1] & 0xFE != 0xF8 or head[3] & 1:
        return None
    size_code, rate_code, layout, depth = head[2] >> 4, head[2] & 15, head[3] >> 4, head[3] >> 1 & 7
    if size_code == 0 or rate_code == 15 or layout > 10 or depth == 3:
        return None
    ones = 8 - (head[4] ^ 0xFF).bit_length()  # the number is coded as UTF-8 would, with up to seven bytes
    if ones in {1, 8}:
        return None
    number, at = head[4] & 0x7F >> ones, 5
    for byte in head[at : at + ones - 1]:
        if byte >> 6 != 2:
            return None
        number = number << 6 | byte & 0x3F
    at += max(0, ones - 1)
    width = {6: 1, 7: 2}.get(size_code, 0)
    samples = _BLOCK_SIZES.get(size_code) or int.from_bytes(head[at : at + width], "big") + 1
    at += width + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    crc = 0
    for byte in head[: at + 1]:
        crc = _CRC8[crc ^ byte]
    if crc or len(head) <= at:  # over header and checksum together it is zero
        return None
    following = number + (samples if head[1] & 1 else 1)
    return FlacHeader(number, following, samples, 2 if layout > 7 else layout + 1)


def streaminfo_track(number: int, streaminfo: bytes) -> Track:
    """Describe a track by its STREAMINFO block (RFC 9639, 8.2), which is the decoder's configuration."""
    packed = int.from_bytes(streaminfo[10:18], "big")  # 20 bits rate, 3 channels - 1, 5 depth - 1, 36 samples
    return Track(
        number=number,
        kind="audio",
        codec="flac",
        extradata=streaminfo[:STREAMINFO_SIZE],
        rate=packed >> 44,
        channels=(packed >> 41 & 7) + 1,
    )


class FlacDemuxer(Demuxer):
    """FLAC as a stream of its own, with or without an ID3 tag before it."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._magic_seen = False
        self._in_frames = False
        self._largest = 0  # bytes of a frame, as STREAMINFO says; 0 if it doesn't
        self._frame: FlacHeader | None = None  # of the frame at the start of the backlog
        self._searched = 0  # bytes of it in which no other one starts
        self._garbage = 0

    def events(self) -> Iterator[Event]:
        """Yield one track, then its packets; see `Demuxer.events`."""
        yield from self._metadata()
        backlog = self._backlog
        while self._in_frames and (self._frame is not None or self._find_frame()):
            end = self._find_end()
            if end is None:
                return
            yield Packet(0, backlog.take(end))
            self._frame, self._searched = None, 0

    def _metadata(self) -> Iterator[Event]:
        backlog = self._backlog
        while not self._in_frames:
            head = backlog.peek(_ID3_HEADER)
            if len(head) < _ID3_HEADER:
                return
            if not self._magic_seen:
                if not head.startswith((b"fLaC", b"ID3")):
                    raise BrokenMedia("the FLAC stream doesn't start as one")
                self._magic_seen = head.startswith(b"fLaC")
                backlog.skip(4 if self._magic_seen else id3_size(head) or 1)
                continue
            kind, size = head[0] & 0x7F, int.from_bytes(head[1:4], "big")
            if kind != _STREAMINFO:
                backlog.skip(4 + size)
            elif size != STREAMINFO_SIZE:
                raise BrokenMedia("the FLAC stream's description has the wrong size")
            elif not backlog.has(4 + size):
                return
            else:
                backlog.skip(4)
                streaminfo = backlog.take(size)
                self._largest = int.from_bytes(streaminfo[7:10], "big")
                yield streaminfo_track(0, streaminfo)
            self._in_frames = bool(head[0] & 0x80)

    def _find_frame(self) -> bool:
        """Skip to a frame header; False if there is none yet."""
        backlog = self._backlog
        while True:
            head = backlog.peek(_LONGEST_HEADER)
            if len(head) < _LONGEST_HEADER and not self._finished:
                return False
            self._frame = flac_header(head)
            if self._frame is not None:
                self._garbage = 0
                return True
            at = backlog.find(b"\xff", 1)
            step = at if at >= 0 else len(backlog)
            self._garbage += step
            if step == 0:
                return False
            if self._garbage > MOST_GARBAGE:
                raise BrokenMedia("a long stretch of the stream holds no frame")
            backlog.skip(step)

    def _find_end(self) -> int | None:
        """Return the size of the frame at the start of the backlog; None if it is not known yet."""
        backlog, frame = self._backlog, self._frame
        assert frame is not None
        largest = self._largest or 5 * frame.samples * frame.channels + 64  # more than the samples themselves take
        at = backlog.find(b"\xff", max(self._searched, 6))
        while at >= 0:
            head = backlog.peek(_LONGEST_HEADER, at)
            if len(head) < _LONGEST_HEADER and not self._finished:
                break
            header = flac_header(head)
            if header is not None and (header.number == frame.following or at > largest):
                return at
            at = backlog.find(b"\xff", at + 1)
        if self._finished:
            return len(backlog) or None
        self._searched = at if at >= 0 else len(backlog)
        backlog.has(self._searched + 1)  # or raises: no frame is that long
        return None
