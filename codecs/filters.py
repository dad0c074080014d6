"""Filter graphs for pictures, built by hand: one thread each, and nothing in them but what is needed.

Only numbers and fixed words get into a filter's arguments: no text of a user is parsed here.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Any, NamedTuple

import av
import av.error
import av.filter

from .gate import check_pixels, libav_errors
from .geometry import Fit, Placement, Size, place
from .limits import Limits
from .picture import upright

CLOCK = Fraction(1, 90_000)
"""The time base of pictures that are laid over others, in seconds."""

_TURNED = ("sidedata", {"mode": "delete", "type": "DISPLAYMATRIX"})  # which else says that it is still to be turned
_TURNS: dict[int, list[tuple[str, dict[str, str]]]] = {
    1: [("transpose", {"dir": "cclock"}), _TURNED],
    2: [("hflip", {}), ("vflip", {}), _TURNED],
    3: [("transpose", {"dir": "clock"}), _TURNED],
}
"""Filters by quarter turns counterclockwise."""

_MATRICES = frozenset({1, 4, 5, 6, 7, 9})
"""How luminance and colour are made of red, green and blue: those of libav's AVColorSpace that its scaler knows."""


class Scaler:
    """Brings pictures of any size, format and orientation to one canvas, with square pixels.

    Where nothing else is said the first picture decides about the canvas and its colours; what comes after it and has
    another shape gets bars.

    Args:
        box: that pictures get into; None for the size of the first one.
        fit: how.
        form: libav's pixel format of the result; YUV gets the limited range, which video has.
        limits: whose number of pixels holds for all that is made on the way.
        multiple: what the sides of the canvas are to be multiples of.
        matrix: of the result's colours, one of AVColorSpace; None for that of the first picture.
    """

    def __init__(
        self,
        box: Size | None,
        fit: Fit,
        form: str,
        limits: Limits,
        *,
        multiple: int = 2,
        matrix: int | None = None,
    ) -> None:
        self._box = box
        self._fit = fit
        self._form = form
        self._limits = limits
        self._multiple = multiple
        self._matrix = matrix if matrix in _MATRICES else None
        self._taken: tuple[object, ...] | None = None  # what the present graph is for

    def scale(self, frame: av.VideoFrame, pixel_aspect: Fraction = Fraction(1)) -> av.VideoFrame:
        """Return a picture as it shall be.

        Args:
            frame: the picture.
            pixel_aspect: width of one of its pixels by its height.

        Raises:
            TooManyPixels: if it would get too large.
            BrokenMedia: if libav can't do it.
        """
        look = (frame.format.name, frame.colorspace, frame.color_range)
        kind = (frame.width, frame.height, frame.rotation, pixel_aspect, *look)
        with libav_errors():
            if kind != self._taken:  # a file may change its pictures on the way
                self._taken = None
                self._build(frame, pixel_aspect)
                self._taken = kind
            self._source.push(frame)
            scaled: av.VideoFrame = self._sink.pull()
        return scaled

    def _build(self, frame: av.VideoFrame, pixel_aspect: Fraction) -> None:
        seen = upright(frame, pixel_aspect)
        placement = place(seen, self._box or seen, self._fit, multiple=self._multiple)
        for size in (placement.scaled, placement.canvas):
            check_pixels(*size, self._limits)
        self._box = placement.canvas
        if self._fit is Fit.FIT:
            self._fit = Fit.PAD
        if self._matrix is None and frame.colorspace in _MATRICES:
            self._matrix = int(frame.colorspace)
        self._graph = _graph()
        self._source = node = _source(self._graph, frame, CLOCK)
        turns = _TURNS.get(round(frame.rotation / 90) % 4, [])
        for name, arguments in (*turns, *_steps(placement, self._form, self._matrix)):
            following = self._graph.add(name, **arguments)
            node.link_to(following)
            node = following
        self._sink = self._graph.add("buffersink")
        node.link_to(self._sink)
        self._graph.configure()


class Layer(NamedTuple):
    """Where and when something is laid over a picture."""

    x: int
    """Pixels from the left."""
    y: int
    """Pixels from the top."""
    start: float
    """From when on it is seen, in seconds."""
    stop: float
    """Until when; infinity for the end."""


class Overlayer:
    """Lays pictures over others.

    Args:
        base: a frame as they will be pushed.
        rate: frames per second of these.
        layers: with a frame as they will be pushed; the last one lies uppermost.

    Raises:
        BrokenMedia: if libav can't do it.
    """

    def __init__(self, base: av.VideoFrame, rate: Fraction, layers: Sequence[tuple[Layer, av.VideoFrame]]) -> None:
        self._graph = _graph()
        self._held = 0  # frames of the base that have not come out yet
        half = float(0.5 / rate)  # a frame that begins less than that before a layer shows it already
        with libav_errors():
            self._base = node = _source(self._graph, base, 1 / rate)
            self._layers = [_source(self._graph, frame, CLOCK) for _, frame in layers]
            for (layer, _), source in zip(layers, self._layers, strict=True):
                overlay = self._graph.add(
                    "overlay",
                    x=str(layer.x),
                    y=str(layer.y),
                    enable=f"gte(t,{layer.start - half:.6f})*lt(t,{layer.stop - half:.6f})",
                    eof_action="repeat",  # its last picture stays, until `stop`
                    format="yuv420",
                )
                node.link_to(overlay, 0, 0)
                source.link_to(overlay, 0, 1)
                node = overlay
            self._sink = self._graph.add("buffersink")
            node.link_to(self._sink)
            self._graph.configure()

    def push_layer(self, number: int, frame: av.VideoFrame | None, time: float = 0.0) -> None:
        """Give the picture that layer `number` shows from `time` on, in seconds; None if there are no more.

        A base frame comes out once each layer has got one for a later time, or none.
        """
        if frame is not None:
            frame.pts, frame.time_base = round(time / CLOCK), CLOCK
        with libav_errors():
            self._layers[number].push(frame)

    def push(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        """Give the next frame of the base, with its number as its time; yield what is complete. None ends it."""
        self._held += frame is not None
        with libav_errors():
            self._base.push(frame)
            with suppress(av.error.BlockingIOError, av.error.EOFError):
                while self._held:  # where layers go on after the base, so would libav
                    covered: av.VideoFrame = self._sink.pull()
                    self._held -= 1
                    yield covered


def _graph() -> Any:  # PyAV types what takes keyword arguments in part only
    graph = av.filter.Graph()
    graph.threads = 1
    return graph


def _source(graph: Any, frame: av.VideoFrame, time_base: Fraction) -> Any:
    return graph.add(
        "buffer",
        video_size=f"{frame.width}x{frame.height}",
        pix_fmt=frame.format.name,
        time_base=f"{time_base.numerator}/{time_base.denominator}",
        pixel_aspect="1/1",
        colorspace=str(int(frame.colorspace)),
        range=str(int(frame.color_range)),
    )


def _steps(to: Placement, form: str, matrix: int | None) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the filters that bring an upright picture to its canvas."""
    colours: dict[str, str] = {}
    if form.startswith("yuv"):
        colours = {"out_range": "limited"} | ({} if matrix is None else {"out_color_matrix": str(matrix)})
    yield "scale", {"w": str(to.scaled.width), "h": str(to.scaled.height), "flags": "bicubic", **colours}
    cut = Size(min(to.scaled.width, to.canvas.width), min(to.scaled.height, to.canvas.height))
    if cut != to.scaled:
        yield "crop", {"w": str(cut.width), "h": str(cut.height), "x": str(to.crop[0]), "y": str(to.crop[1])}
    yield "format", {"pix_fmts": form}
    if cut != to.canvas:
        sides = {"w": str(to.canvas.width), "h": str(to.canvas.height)}
        yield "pad", {**sides, "x": str(to.offset[0]), "y": str(to.offset[1])}
    yield "setsar", {"sar": "1"}
