"""WebM and Matroska (RFC 9559): EBML elements down to blocks, and the frames in them.

Segments and clusters are entered, not collected, so that it doesn't matter whether their size is known: a browser's
recorder leaves it open. What is used is taken whole, and what is not is skipped.
"""

import struct
from collections.abc import Iterator
from typing import Literal

from ..errors import BrokenMedia
from ..limits import Limits
from .flac import STREAMINFO_SIZE, streaminfo_track
from .opus import RATE as OPUS_RATE
from .opus import opus_track
from .packets import UNKNOWN, Demuxer, Event, Packet, Track


class _Id:
    """IDs of elements (RFC 9559, 5.1; RFC 8794, 11.2)."""

    EBML, VOID, CRC_32 = 0x1A45DFA3, 0xEC, 0xBF
    SEGMENT, SEEK_HEAD, INFO, TRACKS, CLUSTER = 0x18538067, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1F43B675
    CUES, CHAPTERS, ATTACHMENTS, TAGS = 0x1C53BB6B, 0x1043A770, 0x1941A469, 0x1254C367
    TIMESTAMP_SCALE = 0x2AD7B1
    TRACK_ENTRY, TRACK_NUMBER, TRACK_TYPE = 0xAE, 0xD7, 0x83
    CODEC_ID, CODEC_PRIVATE, CODEC_DELAY = 0x86, 0x63A2, 0x56AA
    VIDEO, PIXEL_WIDTH, PIXEL_HEIGHT = 0xE0, 0xB0, 0xBA
    AUDIO, SAMPLING_FREQUENCY, CHANNELS, BIT_DEPTH = 0xE1, 0xB5, 0x9F, 0x6264
    CONTENT_ENCODINGS, COMPRESSION, ALGORITHM, SETTINGS = 0x6D80, 0x5034, 0x4254, 0x4255
    TIMESTAMP, SILENT_TRACKS, POSITION, PREVIOUS_SIZE, ENCRYPTED_BLOCK = 0xE7, 0x5854, 0xA7, 0xAB, 0xAF
    SIMPLE_BLOCK, BLOCK_GROUP, BLOCK, DISCARD_PADDING, REFERENCE = 0xA3, 0xA0, 0xA1, 0x75A2, 0xFB


_ENTERED = {_Id.SEGMENT, _Id.CLUSTER}
_USED = {_Id.INFO, _Id.TRACKS, _Id.TIMESTAMP, _Id.SIMPLE_BLOCK, _Id.BLOCK_GROUP}
_SKIPPED = {
    *(_Id.EBML, _Id.VOID, _Id.CRC_32, _Id.SEEK_HEAD, _Id.CUES, _Id.CHAPTERS, _Id.ATTACHMENTS, _Id.TAGS),
    *(_Id.SILENT_TRACKS, _Id.POSITION, _Id.PREVIOUS_SIZE, _Id.ENCRYPTED_BLOCK),
}
_MOST_UNKNOWN = 1 << 16
"""Bytes of unknown elements that are skipped, in all; more are taken for garbage."""
_LONGEST_HEAD = 12

_HEADER_STRIPPING = 3
_NO_LACING, _XIPH_LACING, _FIXED_LACING = 0, 1, 2
_KINDS: dict[int, Literal["video", "audio"]] = {1: "video", 2: "audio"}
_SECOND = 1_000_000_000


_DECODERS = {
    "A_AAC": "aac",
    "A_FLAC": "flac",
    "A_MPEG/L3": "mp3float",
    "A_OPUS": "opus",
    "A_PCM/FLOAT/IEEE": "pcm_f{bits}le",
    "A_PCM/INT/LIT": "pcm_s{bits}le",
    "A_VORBIS": "vorbis",
    "V_AV1": "libdav1d",
    "V_MPEG4/ISO/AVC": "h264",
    "V_MPEGH/ISO/HEVC": "hevc",
    "V_VP8": "vp8",
    "V_VP9": "vp9",
}
"""libav's decoders by CodecID."""


def _vint(data: bytes, at: int) -> tuple[int, int] | None:
    """Read a number of variable length (RFC 8794, 4); return it and where it ends, or None if it is cut short."""
    if at >= len(data):
        return None
    length = 9 - data[at].bit_length()
    if length > 8:
        raise BrokenMedia("the WebM stream has a number that is no number")
    end = at + length
    if end > len(data):
        return None
    return int.from_bytes(data[at:end], "big") & (1 << 7 * length) - 1, end


def _element(data: bytes, at: int) -> tuple[int, int | None, int] | None:
    """Read the head of an element: its ID, its size (None if left open), and where its content starts."""
    if at >= len(data):
        return None
    length = 9 - data[at].bit_length()
    if length > 4:
        raise BrokenMedia("the WebM stream has an element that is no element")
    sized = _vint(data, at + length)
    if sized is None:
        return None
    size, end = sized
    is_open = size == (1 << 7 * (end - at - length)) - 1
    return int.from_bytes(data[at : at + length], "big"), None if is_open else size, end


def _children(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the ID and content of each element in a master element's content."""
    at = 0
    while at < len(data):
        name, size, start = _element(data, at) or (0, None, 0)
        if size is None or start + size > len(data):
            raise BrokenMedia("the WebM stream has an element that is larger than what it is in")
        at = start + size
        yield name, data[start:at]


def _master(data: bytes) -> dict[int, bytes]:
    """Map the IDs in a master element to their contents; of several the last one counts."""
    return dict(_children(data))


def _number(data: bytes | None, default: int = 0, *, signed: bool = False) -> int:
    """Read a number of up to eight bytes (RFC 8794, 7.1 and 7.2)."""
    if data is None:
        return default
    if len(data) > 8:
        raise BrokenMedia("the WebM stream has a number that is no number")
    return int.from_bytes(data, "big", signed=signed)


def _frequency(data: bytes | None) -> int:
    """Read a sampling frequency, which is a float; 8000 Hz is what the format assumes."""
    if data is None or len(data) not in {4, 8}:
        return 8000
    (value,) = struct.unpack(">f" if len(data) == 4 else ">d", data)
    return round(value) if 1 <= value <= 10_000_000 else 8000


class WebmDemuxer(Demuxer):
    """All audio and video tracks of a WebM or Matroska stream."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._scale = 1_000_000  # nanoseconds per tick
        self._cluster = 0  # ticks
        self._unknown = 0  # bytes
        self._prefixes: dict[int, bytes] = {}  # by track: what its frames were stripped of
        self._rates: dict[int, int] = {}

    def events(self) -> Iterator[Event]:
        """Yield tracks, then packets; see `Demuxer.events`."""
        backlog = self._backlog
        while (head := _element(backlog.peek(_LONGEST_HEAD), 0)) is not None:
            name, size, start = head
            if name in _ENTERED:
                backlog.skip(start)
                continue
            if name not in _USED and name not in _SKIPPED:
                self._unknown += size or 1
            if size is None or self._unknown > _MOST_UNKNOWN:
                raise BrokenMedia("the WebM stream has an element that is no element")
            if name not in _USED:
                backlog.skip(start + size)
                continue
            if not backlog.has(start + size):
                return
            content = backlog.take(start + size)[start:]
            match name:
                case _Id.SIMPLE_BLOCK:
                    yield from self._block(content)
                case _Id.BLOCK_GROUP:
                    yield from self._block_group(content)
                case _Id.TIMESTAMP:
                    self._cluster = _number(content)
                case _Id.INFO:
                    self._scale = _number(_master(content).get(_Id.TIMESTAMP_SCALE), 1_000_000)
                case _:
                    yield from self._tracks(content)

    def _tracks(self, content: bytes) -> Iterator[Event]:
        for name, entry in _children(content):
            if name == _Id.TRACK_ENTRY:
                fields = _master(entry)
                prefix = _stripped(fields.get(_Id.CONTENT_ENCODINGS, b""))
                track = _track(fields)
                if track is not None and prefix is not None:
                    self._rates[track.number] = track.rate
                    self._prefixes[track.number] = prefix
                    yield track

    def _block_group(self, content: bytes) -> Iterator[Event]:
        group = _master(content)
        padding = _number(group.get(_Id.DISCARD_PADDING), signed=True)
        return self._block(group.get(_Id.BLOCK, b""), key=_Id.REFERENCE not in group, padding=padding)

    def _block(self, content: bytes, *, key: bool | None = None, padding: int = 0) -> Iterator[Event]:
        """Yield the frames of a block (RFC 9559, 10): track number, 16-bit time, flags, lacing, frames."""
        numbered = _vint(content, 0)
        if numbered is None or numbered[1] + 3 > len(content):
            raise BrokenMedia("the WebM stream has a block without a head")
        number, at = numbered
        if number not in self._prefixes:
            return
        relative = int.from_bytes(content[at : at + 2], "big", signed=True)
        flags = content[at + 2]
        time = (self._cluster + relative) * self._scale / _SECOND
        trim = round(max(0, padding) * self._rates[number] / _SECOND)
        frames = _laced(content, at + 3, flags >> 1 & 3)
        for index, frame in enumerate(frames, 1):
            yield Packet(
                number,
                self._prefixes[number] + frame,
                time=time,
                key=bool(flags & 0x80) if key is None else key,
                trim=trim if index == len(frames) else 0,
            )


def _laced(content: bytes, at: int, lacing: int) -> list[bytes]:
    """Cut the frames of a block apart (RFC 9559, 10.3)."""
    if lacing == _NO_LACING:
        return [content[at:]]
    if at >= len(content):
        raise BrokenMedia("the WebM stream has a block without frames")
    count = content[at] + 1
    at += 1
    if lacing == _FIXED_LACING:
        size = (len(content) - at) // count
        return [content[at + index * size : at + (index + 1) * size] for index in range(count)]
    sizes: list[int] = []
    for index in range(count - 1):
        if lacing == _XIPH_LACING:
            size = 0
            while at < len(content) and content[at] == 255:
                size, at = size + 255, at + 1
            size += content[at] if at < len(content) else 0
            at += 1
        else:
            coded = _vint(content, at)
            if coded is None:
                break
            size, end = coded
            if index:  # the first one is plain, the others are differences, shifted to be positive
                size += sizes[-1] - ((1 << 7 * (end - at) - 1) - 1)
            at = end
        sizes.append(size)
    last = len(content) - at - sum(sizes)
    if len(sizes) < count - 1 or min([last, *sizes]) < 0:
        raise BrokenMedia("the WebM stream has a block whose frames don't fit it")
    frames: list[bytes] = []
    for size in (*sizes, last):
        frames.append(content[at : at + size])
        at += size
    return frames


def _track(fields: dict[int, bytes]) -> Track | None:
    """Describe a track by its TrackEntry; None if it is neither audio nor video."""
    kind = _KINDS.get(_number(fields.get(_Id.TRACK_TYPE)))
    if kind is None:
        return None
    number = _number(fields.get(_Id.TRACK_NUMBER))
    codec = fields.get(_Id.CODEC_ID, b"").rstrip(b"\0").decode("latin-1")
    private = fields.get(_Id.CODEC_PRIVATE, b"")
    if kind == "video":
        video = _master(fields.get(_Id.VIDEO, b""))
        return Track(
            number=number,
            kind="video",
            codec=_DECODERS.get(codec, UNKNOWN),
            extradata=private or None,
            width=_number(video.get(_Id.PIXEL_WIDTH)),
            height=_number(video.get(_Id.PIXEL_HEIGHT)),
        )
    delay = _number(fields.get(_Id.CODEC_DELAY))
    if codec == "A_OPUS":
        return opus_track(number, private, skip=round(delay * OPUS_RATE / _SECOND) if delay else None)
    if codec == "A_FLAC" and len(private) >= 8 + STREAMINFO_SIZE:  # "fLaC", the head of the first block, STREAMINFO
        return streaminfo_track(number, private[8:])
    audio = _master(fields.get(_Id.AUDIO, b""))
    rate = _frequency(audio.get(_Id.SAMPLING_FREQUENCY))
    return Track(
        number=number,
        kind="audio",
        codec=_DECODERS.get(codec, UNKNOWN).format(bits=_number(audio.get(_Id.BIT_DEPTH))),
        extradata=private or None,
        rate=rate,
        channels=_number(audio.get(_Id.CHANNELS), 1),
        skip=round(delay * rate / _SECOND),
    )


def _stripped(encodings: bytes) -> bytes | None:
    """Return what the frames of a track were stripped of (often nothing); None if they are compressed or encrypted."""
    prefix = b""
    for _, encoding in _children(encodings):
        compression = _master(encoding).get(_Id.COMPRESSION)
        if compression is None:
            return None
        fields = _master(compression)
        if _number(fields.get(_Id.ALGORITHM)) != _HEADER_STRIPPING:
            return None
        prefix = fields.get(_Id.SETTINGS, b"") + prefix
    return prefix
