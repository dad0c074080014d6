"""Packets of video as a client sends them, one after the other, to frames.

A damaged or missing packet damages all that refers to it. So after an error everything is skipped up to the next key
frame, and counted: a model is better shown nothing than grey smears.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import av
import av.error

from .errors import BrokenMedia, TooManyFrames, TooManyPixels, UnsupportedFormat
from .gate import check_pixels, create_decoder, packet_of
from .limits import Limits

_CLOCK = Fraction(1, 1_000_000)
_MOST_TIME = 1e12
"""Seconds that fit 64 bits on this clock."""
_IDR, _SLICES, _PARAMETERS = 5, frozenset(range(1, 6)), frozenset({7, 8})  # ITU-T H.264, table 7-1


def _nal_units(data: bytes) -> Iterator[int]:
    """Yield the types of the NAL units in Annex B."""
    at = data.find(b"\0\0\1")
    while 0 <= at < len(data) - 3:
        yield data[at + 3] & 0x1F
        at = data.find(b"\0\0\1", at + 3)


def _vp9_key(data: bytes) -> bool:
    """VP9 bitstream, 6.2: two bits of marker, two of the profile, a reserved one in profile 3; then it says so."""
    shift = 2 if data[0] >> 4 & 3 == 3 else 3
    shows_existing, is_inter = data[0] >> shift & 1, data[0] >> shift - 1 & 1
    return not shows_existing and not is_inter


_KEYS: dict[str, Callable[[bytes], bool]] = {
    "h264": lambda data: _IDR in _nal_units(data),
    "vp8": lambda data: data[0] & 1 == 0,  # RFC 6386, 9.1
    "vp9": _vp9_key,
    "mjpeg": lambda _: True,
}


def is_key(codec: str, packet: bytes) -> bool:
    """Whether decoding can begin with a packet of ``h264`` (Annex B), ``vp8``, ``vp9`` or ``mjpeg``.

    Raises:
        ValueError: if packets of this codec don't tell.
    """
    if codec not in _KEYS:
        raise ValueError("packets of this codec don't tell whether they are key frames; pass `key`")
    return bool(packet) and _KEYS[codec](packet)


def is_picture(codec: str, packet: bytes) -> bool:
    """Whether a packet claims to hold a picture: of ``h264`` (Annex B) a slice of one, of others anything."""
    return any(unit in _SLICES for unit in _nal_units(packet)) if codec == "h264" else bool(packet)


class VideoDecoder:
    """Decodes the packets of one video stream, in order, in the calling thread.

    Args:
        codec: ``h264`` (Annex B, unless `extradata` says that lengths stand in front), ``vp8``, ``vp9`` or ``mjpeg``;
            others of `gate.DECODERS` if each packet is known to be a key frame or not.
        limits: whose ``pixels`` and ``frame_rate`` hold.
        extradata: the decoder's configuration, as a container carries it.
        live: whether frames shall come out at once. The stream must not reorder them: what is sent for the sake of
            speed never does.

    Attributes:
        frames: how many came out.
        damaged: packets that the decoder did not understand.
        skipped: packets that were left out because there was no key frame to begin with, or none since the last damage.

    Raises:
        UnsupportedFormat: if there is no such decoder here.
    """

    def __init__(self, codec: str, limits: Limits, *, extradata: bytes | None = None, live: bool = True) -> None:
        self._context: Any = create_decoder(codec, limits, extradata=extradata)
        if self._context.type != "video":
            raise UnsupportedFormat(f"{codec} is no codec of video")
        self._limits = limits
        self._codec = codec
        self._annex_b = codec == "h264" and extradata is None
        if live and codec == "h264":
            self._context.options = {**self._context.options, "flags": "+low_delay"}
        self._waiting = True
        self._latest = float("-inf")
        self._allowed = 0.0  # packets that may come now
        self.frames = self.damaged = self.skipped = 0

    def decode(self, data: bytes, time: float, *, key: bool | None = None) -> Iterator[av.VideoFrame]:
        """Yield the frames that come out with a packet: mostly one.

        Args:
            data: the packet: all of one frame. The parameter sets of H.264 may also come in packets of their own.
            time: when that frame is shown, in seconds; ``frame.time`` of what comes out.
            key: whether decoding can begin here; None to look into the packet.

        Raises:
            ValueError: if `key` is None and packets of this codec don't tell.
            BrokenMedia: if there is no such time.
            TooManyPixels: if a frame is too large.
            TooManyFrames: if there are more per second than allowed, after one second's worth of them at once.
        """
        if not abs(time) < _MOST_TIME:
            raise BrokenMedia(f"no frame can be shown at {time:g} s")
        if not data:
            return
        if key is None:
            key = is_key(self._codec, data)
        if self._waiting and not key and not self._is_configuration(data):
            self.skipped += 1
            return
        self._count(time)
        packet = packet_of(data)
        packet.pts = round(time / _CLOCK)
        packet.time_base = _CLOCK
        try:
            frames: list[av.VideoFrame] = self._context.decode(packet)
        except av.error.FFmpegError as error:
            self._fail(data, error)
            return
        self._waiting = self._waiting and not key
        yield from self._sound(frames)

    def lose(self) -> None:
        """Say that packets are missing: what follows is skipped up to the next key frame.

        Decoders can't be relied on to notice: that of VP8 never does.
        """
        self._context.flush_buffers()
        self._waiting = True

    def finish(self) -> Iterator[av.VideoFrame]:
        """Yield the frames that were held back; after this it is used up."""
        try:
            frames: list[av.VideoFrame] = self._context.decode(None)
        except av.error.FFmpegError:
            self.damaged += 1
            return
        yield from self._sound(frames)

    def _is_configuration(self, data: bytes) -> bool:
        """Whether a packet of H.264 has no picture: the decoder keeps its parameter sets, although it complains."""
        units = frozenset(_nal_units(data)) if self._annex_b else frozenset[int]()
        return bool(units & _PARAMETERS) and not units & _SLICES

    def _count(self, time: float) -> None:
        """Hold the frame rate: each second of the stream's clock allows so many packets, and none are saved longer."""
        rate = self._limits.frame_rate
        self._allowed = min(rate, self._allowed + max(0.0, time - self._latest) * rate) - 1
        self._latest = max(time, self._latest)
        if self._allowed < -1e-3:  # times are rounded
            raise TooManyFrames(f"there are more than {rate:g} frames/s", rate)

    def _fail(self, data: bytes, error: av.error.FFmpegError) -> None:
        """Count what can't be decoded, unless that is so because the picture is too large."""
        check_pixels(self._context.width, self._context.height, self._limits)
        if isinstance(error, av.error.ArgumentError) and not self._context.width:  # others say it so, and forget it
            raise TooManyPixels(f"a picture has more than {self._limits.pixels} pixels, or none", self._limits.pixels)
        if not self._is_configuration(data):
            self.damaged += 1
            self.lose()

    def _sound(self, frames: list[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        for frame in frames:
            check_pixels(frame.width, frame.height, self._limits)
            if frame.is_corrupt:
                self.damaged += 1
                self.lose()
                return
            frame.time_base = _CLOCK  # those that were held back to the end have none
            self.frames += 1
            yield frame
