"""Fragmented MP4 (ISO/IEC 14496-12): boxes, and the samples that each movie fragment points at.

A file that is not fragmented has one index for all of it, mostly at its end: it can't be decoded while it arrives.
"""

import struct
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from ..errors import BrokenMedia, UnsupportedFormat
from ..limits import Limits
from .flac import STREAMINFO_SIZE, streaminfo_track
from .opus import opus_head, opus_track
from .packets import UNKNOWN, Demuxer, Event, Packet, Track

_HEAD = struct.Struct(">I4s")
_LONG_HEAD = 16
_NOT_FRAGMENTED = "this MP4 is not fragmented; its index is for the whole file, so decode it as an asset"
_MOST_SAMPLES = 1 << 16
"""In one fragment; a hostile file could claim four billion of no size."""
_ENDLESS = 2**63
_IS_NO_SYNC_SAMPLE = 0x1_0000
_AUDIO_ENTRY, _VIDEO_ENTRY = 28, 78
"""Bytes of a sample entry before its boxes."""
_OBJECT_TYPES = {0x40: "aac", 0x66: "aac", 0x67: "aac", 0x68: "aac", 0x69: "mp3float", 0x6B: "mp3float"}
"""libav's decoders by MPEG-4 object type (mp4ra.org)."""
_VIDEO_CODECS = {
    b"avc1": ("h264", b"avcC"),
    b"avc3": ("h264", b"avcC"),
    b"hvc1": ("hevc", b"hvcC"),
    b"hev1": ("hevc", b"hvcC"),
    b"av01": ("libdav1d", b"av1C"),
    b"vp08": ("vp8", b""),
    b"vp09": ("vp9", b""),
}
"""libav's decoders by sample entry, and the box with the decoder's configuration."""


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and content of each box in `data`."""
    at = 0
    while at + _HEAD.size <= len(data):
        size, name = _HEAD.unpack_from(data, at)
        start = at + _HEAD.size
        if size == 1 and start + 8 <= len(data):
            (size,) = struct.unpack_from(">Q", data, start)
            start += 8
        elif size == 0:
            size = len(data) - at
        if size < start - at or at + size > len(data):
            raise BrokenMedia("the MP4 stream has a box that is larger than what it is in")
        yield name, data[start : at + size]
        at += size


def _box(data: bytes, *path: bytes) -> bytes:
    """Return the content of the first box on a path down from `data`, or nothing."""
    for name in path:
        data = next((content for found, content in _boxes(data) if found == name), b"")
    return data


class _Fields:
    """Big-endian numbers read one after the other; reading past the end is the stream's fault."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def unsigned(self, size: int) -> int:
        """Read an unsigned number of `size` bytes."""
        return int.from_bytes(self._take(size), "big")

    def signed(self, size: int) -> int:
        """Read a signed number of `size` bytes."""
        return int.from_bytes(self._take(size), "big", signed=True)

    def rest(self) -> bytes:
        """Return what is left."""
        return self._data[self._at :]

    def _take(self, size: int) -> bytes:
        part = self._data[self._at : self._at + size]
        if len(part) < size:
            raise BrokenMedia("the MP4 stream has a box that is cut short")
        self._at += size
        return part


class _Sample(NamedTuple):
    """A sample that a fragment has announced."""

    offset: int
    """Where it starts in the whole stream."""
    size: int
    """In bytes."""
    track: int
    """Number of its track."""
    time: float
    """When it is presented, in seconds."""
    key: bool
    """Whether decoding can start here."""


class _Defaults(NamedTuple):
    """What holds for samples whose run doesn't say otherwise."""

    duration: int
    size: int
    flags: int


class Mp4Demuxer(Demuxer):
    """All audio and video tracks of a fragmented MP4."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._is_fragmented = False  # as far as has been seen
        self._scales: dict[int, int] = {}  # by track: ticks per second
        self._defaults: dict[int, _Defaults] = {}
        self._clocks: dict[int, int] = {}  # by track: when the next sample is decoded, in ticks
        self._samples: deque[_Sample] = deque()
        self._media_end = 0  # of the media data that is being read

    def events(self) -> Iterator[Event]:
        """Yield tracks, then packets; see `Demuxer.events`."""
        backlog = self._backlog
        while True:
            while self._samples and self._samples[0].offset + self._samples[0].size <= self._media_end:
                sample = self._samples[0]
                if sample.offset < backlog.offset:
                    raise BrokenMedia("the MP4 stream points back at what has gone by")
                backlog.skip(sample.offset - backlog.offset)
                if not backlog.has(sample.size):
                    return
                self._samples.popleft()
                yield Packet(sample.track, backlog.take(sample.size), time=sample.time, key=sample.key)
            if backlog.offset < self._media_end:
                backlog.skip(self._media_end - backlog.offset)
            head = backlog.peek(_LONG_HEAD)
            if len(head) < _HEAD.size or (head[:4] == b"\0\0\0\1" and len(head) < _LONG_HEAD):
                return
            size, name = _HEAD.unpack_from(head)
            start = _HEAD.size
            if size == 1:
                size, start = int.from_bytes(head[8:], "big"), _LONG_HEAD
            elif size == 0:
                size = _ENDLESS
            if size < start or not name.isalnum():
                raise BrokenMedia("the MP4 stream has a box that is no box")
            if name == b"mdat":
                if not self._is_fragmented:
                    raise UnsupportedFormat(_NOT_FRAGMENTED)
                self._media_end = backlog.offset + size
                backlog.skip(start)
            elif name in {b"moov", b"moof"}:
                if not backlog.has(size):
                    return
                offset = backlog.offset
                content = backlog.take(size)[start:]
                if name == b"moov":
                    yield from self._movie(content)
                else:
                    self._fragment(content, offset)
            else:
                backlog.skip(size)

    def _movie(self, moov: bytes) -> Iterator[Event]:
        extends = _box(moov, b"mvex")
        if not extends:
            raise UnsupportedFormat(_NOT_FRAGMENTED)
        self._is_fragmented = True
        for name, content in _boxes(moov):
            if name == b"trak":
                track = self._describe(content)
                if track is not None:
                    yield track
        for name, content in _boxes(extends):
            if name == b"trex":
                fields = _Fields(content[4:])
                number, _ = fields.unsigned(4), fields.unsigned(4)
                if number in self._scales:
                    self._defaults[number] = _Defaults(fields.unsigned(4), fields.unsigned(4), fields.unsigned(4))

    def _describe(self, trak: bytes) -> Track | None:
        """Describe a track, and remember its clock; None if it is neither audio nor video."""
        header = _Fields(_box(trak, b"tkhd"))
        header.unsigned(16 if header.unsigned(4) >> 24 else 8)
        number = header.unsigned(4)
        header = _Fields(_box(trak, b"mdia", b"mdhd"))
        header.unsigned(16 if header.unsigned(4) >> 24 else 8)
        scale = header.unsigned(4)
        handler = _box(trak, b"mdia", b"hdlr")[8:12]
        entries = _boxes(_box(trak, b"mdia", b"minf", b"stbl", b"stsd")[8:])
        name, entry = next(entries, (b"", b""))
        if handler not in {b"soun", b"vide"} or scale == 0:
            return None
        self._scales[number] = scale
        if handler == b"vide":
            return _video(number, name, entry)
        track = _audio(number, name, entry)
        edited_out = _edited_out(trak) * track.rate // scale
        return msgspec.structs.replace(track, skip=edited_out) if edited_out else track

    def _fragment(self, moof: bytes, start: int) -> None:
        """Take in what a movie fragment announces; `start` is where it began in the stream."""
        samples: list[_Sample] = []
        end = start  # of the data of the track fragment before
        for name, traf in _boxes(moof):
            if name == b"traf":
                number, base, defaults = self._fragment_header(_Fields(_box(traf, b"tfhd")), start, end)
                if number not in self._scales:
                    continue
                self._set_clock(number, _box(traf, b"tfdt"))
                end = base
                for kind, run in _boxes(traf):
                    if kind == b"trun":
                        end = self._run(_Fields(run), number, base, end, defaults, samples)
        self._samples = deque(sorted(samples))

    def _fragment_header(self, fields: _Fields, start: int, end: int) -> tuple[int, int, _Defaults]:
        """Read a ``tfhd`` box: the track's number, where its offsets count from, and its defaults."""
        flags, number = fields.unsigned(4), fields.unsigned(4)
        base = fields.unsigned(8) if flags & 0x1 else start if flags & 0x20000 else end
        if flags & 0x2:
            fields.unsigned(4)
        usual = self._defaults.get(number, _Defaults(0, 0, 0))
        return (
            number,
            base,
            _Defaults(
                fields.unsigned(4) if flags & 0x8 else usual.duration,
                fields.unsigned(4) if flags & 0x10 else usual.size,
                fields.unsigned(4) if flags & 0x20 else usual.flags,
            ),
        )

    def _set_clock(self, number: int, tfdt: bytes) -> None:
        if tfdt:
            fields = _Fields(tfdt)
            self._clocks[number] = fields.unsigned(8 if fields.unsigned(4) >> 24 else 4)

    def _run(
        self, fields: _Fields, number: int, base: int, end: int, defaults: _Defaults, samples: list[_Sample]
    ) -> int:
        """Read a ``trun`` box into `samples`; return where the data of the run ends."""
        flags, count = fields.unsigned(4), fields.unsigned(4)
        if len(samples) + count > _MOST_SAMPLES:
            raise BrokenMedia("the MP4 stream announces more samples than a fragment can have")
        offset = base + fields.signed(4) if flags & 0x1 else end
        first_flags = fields.unsigned(4) if flags & 0x4 else None
        scale, clock = self._scales[number], self._clocks.get(number, 0)
        for index in range(count):
            duration = fields.unsigned(4) if flags & 0x100 else defaults.duration
            size = fields.unsigned(4) if flags & 0x200 else defaults.size
            own_flags = fields.unsigned(4) if flags & 0x400 else defaults.flags
            if index == 0 and first_flags is not None:
                own_flags = first_flags
            shift = fields.signed(4) if flags & 0x800 else 0
            samples.append(_Sample(offset, size, number, (clock + shift) / scale, not own_flags & _IS_NO_SYNC_SAMPLE))
            offset += size
            clock += duration
        self._clocks[number] = clock
        return offset


def _edited_out(trak: bytes) -> int:
    """Return the ticks that an edit list cuts from the start (ISO/IEC 14496-12, 8.6.6); encoders put delays there."""
    fields = _Fields(_box(trak, b"edts", b"elst") or bytes(8))
    size = 8 if fields.unsigned(4) >> 24 else 4
    for _ in range(min(fields.unsigned(4), 2)):  # an empty edit, which only delays, may come first
        fields.unsigned(size)
        time = fields.signed(size)
        fields.unsigned(4)
        if time >= 0:
            return time
    return 0


def _video(number: int, name: bytes, entry: bytes) -> Track:
    """Describe a video track by its sample entry (8.5.2 and 12.1.3)."""
    fields = _Fields(entry)
    fields.unsigned(24)
    codec, configuration = _VIDEO_CODECS.get(name, (UNKNOWN, b""))
    return Track(
        number=number,
        kind="video",
        codec=codec,
        extradata=_box(entry[_VIDEO_ENTRY:], configuration) or None if configuration else None,
        width=fields.unsigned(2),
        height=fields.unsigned(2),
    )


def _audio(number: int, name: bytes, entry: bytes) -> Track:
    """Describe an audio track by its sample entry (8.5.2 and 12.2.3)."""
    fields = _Fields(entry)
    fields.unsigned(8)
    version = fields.unsigned(2)  # of QuickTime; zero in MP4
    fields.unsigned(6)
    channels = fields.unsigned(2)
    fields.unsigned(6)
    rate = fields.unsigned(4) >> 16
    boxes = entry[_AUDIO_ENTRY + {1: 16, 2: 36}.get(version, 0) :]
    if name == b"Opus":
        return opus_track(number, opus_head(_box(boxes, b"dOps")))
    if name == b"fLaC":
        blocks = _box(boxes, b"dfLa")[8:]  # version and flags, then the head of the first block, STREAMINFO
        if len(blocks) < STREAMINFO_SIZE:
            raise BrokenMedia("the FLAC header in MP4 is cut short")
        return streaminfo_track(number, blocks)
    codec, configuration = UNKNOWN, None
    if name == b"mp4a":
        kind, configuration = _elementary_stream(_box(boxes, b"esds")[4:])
        codec = _OBJECT_TYPES.get(kind, UNKNOWN)
    elif name == b".mp3":
        codec = "mp3float"
    return Track(number=number, kind="audio", codec=codec, extradata=configuration, rate=rate, channels=channels)


def _elementary_stream(descriptor: bytes) -> tuple[int, bytes | None]:
    """Return object type and decoder configuration of an ES descriptor (ISO/IEC 14496-1, 7.2.6)."""
    fields = _Fields(_descriptor(descriptor, 3))
    fields.unsigned(2)
    flags = fields.unsigned(1)
    if flags & 0x80:
        fields.unsigned(2)
    if flags & 0x40:
        fields.unsigned(fields.unsigned(1))
    if flags & 0x20:
        fields.unsigned(2)
    fields = _Fields(_descriptor(fields.rest(), 4))
    kind = fields.unsigned(1)
    fields.unsigned(12)
    return kind, _descriptor(fields.rest(), 5) or None


def _descriptor(data: bytes, tag: int) -> bytes:
    """Return the content of the descriptor at the start of `data` if it has this tag, else nothing."""
    if not data or data[0] != tag:
        return b""
    size, at = 0, 1
    for byte in data[1:5]:  # seven bits each, as long as the highest one is set
        size, at = size << 7 | byte & 0x7F, at + 1
        if not byte & 0x80:
            break
    return data[at : at + size]
