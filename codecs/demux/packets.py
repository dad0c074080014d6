"""What the demuxers of this package have in common: tracks, packets, and a bounded backlog of bytes."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Literal, TypeAlias

import msgspec

from ..errors import TooManyBytes
from ..limits import Limits
from ..source import Buffer

UNKNOWN = "unknown"
"""The codec of a track that nothing here decodes."""


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """A track of a container. It comes before its packets; one that comes later replaces it (chained streams)."""

    number: int
    """Its number, which its packets carry."""
    kind: Literal["audio", "video"]
    """What it is."""
    codec: str
    """Name of libav's decoder for it, or `UNKNOWN`."""
    extradata: bytes | None = None
    """Configuration of the decoder."""
    rate: int = 0
    """Audio: samples per second, as far as the container knows."""
    channels: int = 0
    """Audio: number of channels, as far as the container knows."""
    width: int = 0
    """Video: in pixels."""
    height: int = 0
    """Video: in pixels."""
    skip: int = 0
    """Audio: samples to cut from the start of what is decoded."""
    stop: int | None = None
    """Audio: position among the decoded samples, the skipped ones included, from which on all are to be cut."""


class Packet(msgspec.Struct, frozen=True, gc=False):
    """One encoded frame, or what the codec calls so."""

    track: int
    """Number of its track."""
    data: bytes
    """The encoded bytes."""
    time: float | None = None
    """When it is to be presented, in seconds; None where the container leaves it to counting."""
    key: bool = True
    """Whether decoding can start here."""
    trim: int = 0
    """Audio: samples to cut from the end of what this packet decodes to."""
    position: int | None = None
    """Audio: the position on the track's own time line, in samples, at which what this packet decodes to ends."""
    final: bool = False
    """Audio: whether what lies beyond `position` is padding."""


Event: TypeAlias = Track | Packet


class Backlog:
    """Bytes that have arrived and were not used yet, as few as possible.

    Attributes:
        offset: position of the first of them in the whole stream.
        limit: most bytes that `has` waits for.
    """

    __slots__ = ("_data", "_to_skip", "limit", "offset")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.offset = 0
        self._data = bytearray()
        self._to_skip = 0

    def __len__(self) -> int:
        return len(self._data)

    def feed(self, data: Buffer) -> None:
        """Append bytes.

        Raises:
            TooManyBytes: if more than `limit` are here already: nobody has used them.
        """
        if len(self._data) > self.limit:
            raise TooManyBytes(f"more than {self.limit} bytes wait to be read", self.limit)
        if self._to_skip:
            dropped = min(self._to_skip, len(data))
            self._to_skip -= dropped
            self.offset += dropped
            data = memoryview(data)[dropped:]
        self._data += data

    def has(self, count: int) -> bool:
        """Whether `count` bytes are here.

        Raises:
            TooManyBytes: if that is more than `limit`.
        """
        if count > self.limit:
            raise TooManyBytes(f"one piece of the stream has more than {self.limit} bytes", self.limit)
        return len(self._data) >= count

    def peek(self, count: int, at: int = 0) -> bytes:
        """Return up to `count` bytes from `at` on, without using them."""
        return bytes(self._data[at : at + count])

    def find(self, part: bytes, start: int) -> int:
        """Return the first place at or behind `start` where `part` is, or -1."""
        return self._data.find(part, start)

    def take(self, count: int) -> bytes:
        """Use `count` bytes, which must be here."""
        data = bytes(self._data[:count])
        del self._data[:count]
        self.offset += len(data)
        return data

    def skip(self, count: int) -> None:
        """Drop `count` bytes from the present ones on, those to come included."""
        present = min(count, len(self._data))
        del self._data[:present]
        self.offset += present
        self._to_skip = count - present


class Demuxer(ABC):
    """A container taken apart as its bytes arrive: `feed` bytes, use the `events` up, feed more; at the end `finish`.

    Bytes may also be fed while an iterator over events is half used; make a new one when the last one has ended.
    """

    def __init__(self, limits: Limits) -> None:
        self._backlog = Backlog(limits.packet)
        self._finished = False

    def feed(self, data: Buffer) -> None:
        """Add bytes.

        Raises:
            TooManyBytes: if too many wait for `events` to be used up.
        """
        self._backlog.feed(data)

    def finish(self) -> None:
        """Say that no more bytes come, so that what waits for them can go on without."""
        self._finished = True

    @abstractmethod
    def events(self) -> Iterator[Event]:
        """Yield tracks and packets as far as the bytes go.

        Raises:
            BrokenMedia: if the stream is too damaged to go on.
            UnsupportedFormat: if it can't be taken apart while it arrives.
            TooManyBytes: if one piece of it is larger than ``limits.packet``.
        """
