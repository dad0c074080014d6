"""MP3 and AAC (ADTS): frames that follow each other, each with a header that tells its size."""

from abc import abstractmethod
from collections.abc import Callable, Iterator

from ..errors import BrokenMedia
from ..limits import Limits
from .headers import ADTS_HEADER, MOST_GARBAGE, MP3_HEADER, FrameHeader, adts_header, id3_size, mp3_header
from .packets import Demuxer, Event, Packet, Track

_ID3_HEADER = 10
_DECODER_DELAY = 528 + 1
"""Samples by which an MP3 decoder is late, which the LAME tag leaves out of its count."""


class ElementaryDemuxer(Demuxer):
    """Frames in a row. What lies between them is skipped: an ID3 tag by its size, garbage byte by byte.

    Behind garbage a frame is believed only if another one follows it.
    """

    _header: Callable[[bytes], FrameHeader | None]
    _header_size: int

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._in_step = True  # the next byte should begin a frame
        self._garbage = 0
        self._track: Track | None = None

    def events(self) -> Iterator[Event]:
        """Yield one track, then its packets; see `Demuxer.events`."""
        while (frame := self._next_frame()) is not None:
            data = self._backlog.take(frame.size)
            if self._track is None:
                self._track, is_audio = self._begin(frame, data)
                yield self._track
                if not is_audio:
                    continue
            yield Packet(0, data)

    @abstractmethod
    def _begin(self, frame: FrameHeader, data: bytes) -> tuple[Track, bool]:
        """Describe the track by its first frame, and say whether that is audio: it may be a tag in disguise."""

    def _next_frame(self) -> FrameHeader | None:
        """Skip to the next frame that is here as a whole; None if there is none."""
        backlog = self._backlog
        while True:
            if not self._in_step and not self._find_step():
                return None
            head = backlog.peek(_ID3_HEADER)
            if head.startswith(b"ID3"):
                if len(head) < _ID3_HEADER:
                    return None
                backlog.skip(id3_size(head) or 1)
                continue
            if len(head) < self._header_size:
                return None
            frame = self._header(head)
            if frame is not None:
                self._garbage = 0
                return frame if backlog.has(frame.size) else None
            self._in_step = False

    def _find_step(self) -> bool:
        """Skip to a frame that is followed by another one; False if more bytes are needed to tell."""
        backlog = self._backlog
        while True:
            at = backlog.find(b"\xff", 0)
            self._garbage += at if at >= 0 else len(backlog)
            if self._garbage > MOST_GARBAGE:
                raise BrokenMedia("a long stretch of the stream holds no frame")
            backlog.skip(at if at >= 0 else len(backlog))
            head = backlog.peek(self._header_size)
            if len(head) < self._header_size:
                return False
            frame = self._header(head)
            if frame is not None:
                following = backlog.peek(self._header_size, frame.size)
                if self._header(following) is not None or (self._finished and len(backlog) == frame.size):
                    self._in_step = True
                    return True
                if len(following) < self._header_size and not self._finished:
                    return False
            backlog.skip(1)
            self._garbage += 1


class AdtsDemuxer(ElementaryDemuxer):
    """AAC in ADTS frames."""

    _header = staticmethod(adts_header)
    _header_size = ADTS_HEADER

    def _begin(self, frame: FrameHeader, data: bytes) -> tuple[Track, bool]:  # noqa: ARG002
        return Track(number=0, kind="audio", codec="aac", rate=frame.rate, channels=frame.channels), True


class Mp3Demuxer(ElementaryDemuxer):
    """MPEG audio layer III. A leading frame with a Xing, Info or VBRI tag is not audio."""

    _header = staticmethod(mp3_header)
    _header_size = MP3_HEADER

    def _begin(self, frame: FrameHeader, data: bytes) -> tuple[Track, bool]:
        at = MP3_HEADER + frame.side_info
        is_xing = data[at : at + 4] in {b"Xing", b"Info"}
        is_audio = not is_xing and data[MP3_HEADER + 32 : MP3_HEADER + 36] != b"VBRI"
        skip, stop = _padding(data[at:], frame.samples) if is_xing else (0, None)
        track = Track(
            number=0, kind="audio", codec="mp3float", rate=frame.rate, channels=frame.channels, skip=skip, stop=stop
        )
        return track, is_audio


def _padding(tag: bytes, samples_per_frame: int) -> tuple[int, int | None]:
    """Read how many samples to skip and where to stop from a Xing tag with LAME's extension (gabriel.mp3-tech.org).

    It goes: ``Xing``, flags, and if flagged the number of frames (4), of bytes (4), a table (100) and a quality (4);
    then the encoder's name (9), and 12 bytes later delay and padding, 12 bits each.
    """
    flags = tag[7] if len(tag) > 7 else 0
    frames = int.from_bytes(tag[8:12], "big") if flags & 1 else 0
    at = 8 + sum(size for bit, size in ((1, 4), (2, 4), (4, 100), (8, 4)) if flags & bit)
    if tag[at : at + 4] not in {b"LAME", b"Lavf", b"Lavc"} or len(tag) < at + 24:
        return 0, None
    both = int.from_bytes(tag[at + 21 : at + 24], "big")
    stop = frames * samples_per_frame - (both & 0xFFF) + _DECODER_DELAY if frames else None
    return (both >> 12) + _DECODER_DELAY, stop
