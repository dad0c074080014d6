"""Single pictures of a video: upright, scaled, as RGB arrays, JPEG or PNG."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, TypeAlias, cast

import av
import av.codec
import av.stream
import numpy as np
from numpy.typing import NDArray

from .gate import libav_errors
from .geometry import Fit, Size, place

UInt8: TypeAlias = NDArray[np.uint8]

_MOST_ASPECT = 4  # of a pixel, either way
_LARGEST = Size(1 << 15, 1 << 15)
_SCALE_PER_QUALITY = 0.22
"""libav's quantiser scale 8 is about the quality 64 of others, and 2 about 91: it falls by this for each step."""


class Picture:
    """One picture of a video. What it costs to convert it is spent when it is asked for.

    Args:
        frame: the decoded frame.
        time: when it is shown, in seconds.
        box: which it shall fit into; None for its own size. It is never made larger.
        pixel_aspect: width of a pixel by its height.
        change: how much it differs from the one before; see `sampling.Sampler`.

    Attributes:
        time: when it is shown, in seconds.
        width: in pixels, upright and scaled.
        height: in pixels, likewise.
        change: how much it differs from the one that was taken before, from 0 to 1; None where nobody has compared.
    """

    __slots__ = ("_frame", "_turns", "change", "height", "time", "width")

    def __init__(
        self,
        frame: av.VideoFrame,
        time: float,
        *,
        box: Size | None = None,
        pixel_aspect: Fraction = Fraction(1),
        change: float | None = None,
    ) -> None:
        self._frame = frame
        self._turns = round(frame.rotation / 90) % 4
        self.time = time
        self.change = change
        seen = upright(frame, pixel_aspect)
        limit = box or _LARGEST
        inside = Size(min(limit.width, seen.width), min(limit.height, seen.height))
        self.width, self.height = place(seen, inside, Fit.FIT, multiple=1).canvas

    @classmethod
    def from_rgb(cls, pixels: UInt8, time: float = 0.0, *, change: float | None = None) -> "Picture":
        """Make one of RGB pixels, shape ``(height, width, 3)``."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        return cls(frame, time, change=change)

    def __repr__(self) -> str:
        return f"<Picture {self.width} x {self.height} at {self.time:.3f} s>"

    def rgb(self) -> UInt8:
        """Return its pixels, shape ``(height, width, 3)``, uint8."""
        return np.ascontiguousarray(np.rot90(self._scaled("rgb24"), self._turns))

    def jpeg(self, quality: int = 85) -> bytes:
        """Return it as a JPEG file.

        Args:
            quality: from 1 to 100, about what it means to other encoders; 75 to 90 is usual for vision models.

        Raises:
            ValueError: for another quality.
        """
        if not 1 <= quality <= 100:
            raise ValueError(f"quality is {quality}; it goes from 1 to 100")
        scale = max(1, min(31, round((100 - quality) * _SCALE_PER_QUALITY)))
        return _encoded(self._upright("yuvj420p"), "mjpeg", {"qmin": str(scale), "qmax": str(scale)})

    def png(self) -> bytes:
        """Return it as a PNG file."""
        return _encoded(self._upright("rgb24"), "png", {})

    def _scaled(self, form: str) -> UInt8:
        return cast("UInt8", self._reformatted(form).to_ndarray())

    def _reformatted(self, form: str) -> av.VideoFrame:
        width, height = (self.height, self.width) if self._turns % 2 else (self.width, self.height)
        with libav_errors():
            return self._frame.reformat(width, height, form, threads=1)

    def _upright(self, form: str) -> av.VideoFrame:
        if not self._turns:
            return self._reformatted(form)
        turned: Any = av.VideoFrame.from_ndarray(self.rgb(), format="rgb24")
        return cast("av.VideoFrame", turned.reformat(format=form, threads=1))


def pixel_aspect(stream: av.stream.Stream) -> Fraction:
    """Return the width of a video stream's pixels by their height; 1 where its file does not say, or makes no sense."""
    assert isinstance(stream, av.VideoStream)
    ratio = stream.sample_aspect_ratio
    if not ratio:
        return Fraction(1)
    aspect = Fraction(ratio.numerator, ratio.denominator)
    return aspect if 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT else Fraction(1)


def upright(frame: av.VideoFrame, pixel_aspect: Fraction = Fraction(1)) -> Size:
    """Return the size at which a frame is to be seen: with square pixels, and turned as its file says."""
    width, height = max(1, round(frame.width * pixel_aspect)), frame.height
    return Size(height, width) if round(frame.rotation / 90) % 2 else Size(width, height)


def _encoded(frame: av.VideoFrame, codec: str, options: Mapping[str, str]) -> bytes:
    context: Any = av.codec.CodecContext.create(codec, "w")  # PyAV types what `encode` returns in part only
    context.width, context.height, context.pix_fmt = frame.width, frame.height, frame.format.name
    context.time_base = Fraction(1, 25)
    context.thread_count = 1
    context.options = {"flags": "+bitexact", **options}
    frame.pts, frame.time_base = 0, context.time_base
    with libav_errors():
        return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])
