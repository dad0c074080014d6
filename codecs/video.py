"""Videos out of videos: thumbnails, other sizes, pictures in pictures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

import av
import msgspec

from .asset import Asset
from .encodings import video_encoding_named
from .errors import BrokenMedia, UnsupportedFormat
from .filters import Scaler
from .gate import check_pixels, opened
from .geometry import Corner, Fit, Size
from .operation import Operation, Target
from .picture import Picture, pixel_aspect
from .render import LEAST_FRAME_RATE, RENDER, Cover, Made, Part, Plan
from .roles import Image, Video
from .streams import VideoStream
from .timing import TOLERANCE, frames_from

_IMAGES = ("jpeg", "png")
_MOST_GAIN = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """Something that is laid over a video.

    Attributes:
        what: an image, whose transparency counts, or a video.
        start: from when on it is seen, in seconds of the result.
        duration: how long, in seconds; None for all of a video, or, for an image, until the end.
        corner: what its position is counted from.
        x: distance from there, in pixels; from the centre to the right.
        y: distance from there, in pixels; from the centre to below.
        width: in pixels; None for its own, or for what `height` makes of it. It keeps its shape: with both given it is
            as large as they allow.
        height: in pixels, likewise.
        audible: whether a video is heard, too.
        gain_decibels: change of its level.
    """

    what: Asset
    start: float = 0.0
    duration: float | None = None
    corner: Corner = Corner.TOP_LEFT
    x: int = 0
    y: int = 0
    width: int | None = None
    height: int | None = None
    audible: bool = False
    gain_decibels: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedOverlay:
    """What became of an overlay.

    Attributes:
        index: its place in the list, from 0.
        start: from when on it is seen, in seconds.
        duration: how long it is seen, in seconds; 0 if the video had ended before.
        x: pixels from the left of the result to its left side.
        y: pixels from the top of the result to its upper side.
        width: in pixels.
        height: in pixels.
    """

    index: int
    start: float
    duration: float
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """A video that was made.

    Attributes:
        asset: the file.
        duration: in seconds.
        width: in pixels.
        height: in pixels.
        frame_rate: frames per second.
        overlays: where each overlay came.
        damaged: packets of pictures that no decoder understood and that were left out.
    """

    asset: Asset
    duration: float
    width: int
    height: int
    frame_rate: Fraction
    overlays: tuple[PlacedOverlay, ...]
    damaged: int

    @property
    def aspect_ratio(self) -> Fraction:
        """Width by height."""
        return Fraction(self.width, self.height)


def compose(
    base: Asset | Video,
    overlays: Sequence[Overlay] = (),
    *,
    form: str = "mp4",
    size: Size | None = None,
    fit: Fit = Fit.PAD,
    frame_rate: float | None = None,
    start: float = 0.0,
    stop: float | None = None,
    to: Target | None = None,
) -> Composition:
    """Make a video of a video: of another size, shorter, with others laid over it.

    The result has square pixels, stands upright, and has a constant frame rate. Its sound is stereo at 48 kHz, mixed of
    that of the base and that of the overlays that are audible; it is as long as the pictures are.

    Args:
        base: the video below.
        overlays: what is laid over it, the last one uppermost.
        form: of the result: ``mp4`` (H.264 and AAC), ``mov``, ``mkv``, or ``webm`` (VP9 and Opus).
        size: that the pictures get; None for their own. Both sides become even.
        fit: how they get into `size`.
        frame_rate: frames per second; None for those of the base.
        start: what is left out of the base at its beginning, in seconds.
        stop: where it ends, in seconds of the base; None for its end.
        to: a path; None for memory.

    Raises:
        RoleError: if the base has no pictures, or an overlay is neither image nor video.
        ValueError: if a time, size or rate makes no sense.
        UnsupportedFormat: if video is not written in this format.
        BrokenMedia, LimitExceeded, SandboxDied, OSError: as for `operation.Operation.perform`.
    """
    video = base if isinstance(base, Video) else base.as_video()
    plan = Plan(
        form=form,
        parts=[Part(file=0, video=video.stream, audio=video.audio, start=start, stop=stop)],
        covers=[_cover(number, overlay) for number, overlay in enumerate(overlays, 1)],
        size=size,
        fit=fit,
        frame_rate=frame_rate,
    )
    asset, made = render([video.asset, *(overlay.what for overlay in overlays)], plan, to)
    duration = float(made.frames / Fraction(*made.frame_rate))
    return Composition(
        asset=asset,
        duration=duration,
        width=made.size.width,
        height=made.size.height,
        frame_rate=Fraction(*made.frame_rate),
        overlays=tuple(
            PlacedOverlay(
                index=index,
                start=cover.start,
                duration=max(0.0, min(cover.stop, duration) - cover.start),
                x=x,
                y=y,
                width=width,
                height=height,
            )
            for index, (cover, (x, y, width, height)) in enumerate(zip(plan.covers, made.covers, strict=True))
        ),
        damaged=made.damaged,
    )


def scale(
    what: Asset | Video, size: Size, fit: Fit = Fit.FIT, *, form: str = "mp4", to: Target | None = None
) -> Composition:
    """Bring a video to another size: `compose` without anything laid over it."""
    return compose(what, form=form, size=size, fit=fit, to=to)


def thumbnail(
    what: Asset | Video | Image,
    at: float = 0.0,
    *,
    size: Size | None = None,
    fit: Fit = Fit.FIT,
    form: str = "jpeg",
    quality: int = 85,
    exact: bool = True,
    to: Target | None = None,
) -> Asset:
    """Make an image of one picture of a video, or of an image.

    Args:
        what: the video or image.
        at: which picture: the one that is shown at this time, in seconds; the last one if the video is shorter.
        size: that it gets; None for its own.
        fit: how it gets into `size`.
        form: ``jpeg`` or ``png``.
        quality: of a JPEG, as for `picture.Picture.jpeg`.
        exact: False to take the key frame before instead: in long videos that is much less work.
        to: a path; None for memory.

    Raises:
        RoleError: if it is neither a video nor an image.
        ValueError: if the time or quality makes no sense.
        UnsupportedFormat: if images are not written in this format.
        BrokenMedia, LimitExceeded, SandboxDied, OSError: as for `operation.Operation.perform`.
    """
    asset = what if isinstance(what, Asset) else what.asset
    if form not in _IMAGES:
        raise UnsupportedFormat(f"images are not written in this format; known are {', '.join(_IMAGES)}")
    if at < 0:
        raise ValueError(f"the time is {at} s; it counts from the first picture")
    request = _Thumbnail(_seen(asset), at, size, fit, form, quality, exact)
    return THUMBNAIL.perform([asset], request, to)[0]


class _Thumbnail(msgspec.Struct, frozen=True):
    """The arguments of `thumbnail`."""

    stream: VideoStream
    at: float
    size: Size | None
    fit: Fit
    form: str
    quality: int
    exact: bool


def _thumbnail(assets: Sequence[Asset], request: _Thumbnail, file: BinaryIO) -> None:
    (asset,) = assets
    with opened(asset.source, asset.format, asset.limits) as media:
        stream = media.container.streams[request.stream.index]
        if not request.exact:
            stream.codec_context.skip_frame = "NONKEY"
        origin, frames = frames_from(media, request.stream, request.at)
        found: av.VideoFrame | None = None
        for frame in frames:
            if found is not None and (frame.time or 0.0) - origin > request.at + TOLERANCE:
                break
            found = frame
        if found is None:
            raise BrokenMedia("there is not one picture in it")
        scaler = Scaler(request.size, request.fit, "rgb24", asset.limits, multiple=1)
        picture = Picture(scaler.scale(found, pixel_aspect(stream)), request.at)
    file.write(picture.png() if request.form == "png" else picture.jpeg(request.quality))


THUMBNAIL = Operation("troupe.codecs.video:THUMBNAIL", _Thumbnail, type(None), _thumbnail)
"""`thumbnail` as an operation, for sandboxes."""


def render(assets: Sequence[Asset], plan: Plan, to: Target | None) -> tuple[Asset, Made]:
    """Carry out a plan, after a look at it.

    Raises:
        As `compose`.
    """
    video_encoding_named(plan.form)
    for part in plan.parts:
        if part.start < 0 or (part.stop is not None and part.stop <= part.start):
            raise ValueError(f"there is nothing between {part.start} and {part.stop} s")
    limits = assets[0].limits
    if plan.size is not None:
        if min(plan.size) < 2:
            raise ValueError(f"a video of {plan.size.width} x {plan.size.height} pixels can't be made")
        check_pixels(*plan.size, limits)
    if plan.frame_rate is not None and not LEAST_FRAME_RATE <= plan.frame_rate <= limits.frame_rate:
        raise ValueError(
            f"frame rates go from {LEAST_FRAME_RATE:g} to {limits.frame_rate:g}; this is {plan.frame_rate}"
        )
    return RENDER.perform(assets, plan, to)


def _cover(number: int, overlay: Overlay) -> Cover:
    if overlay.start < 0 or (overlay.duration is not None and overlay.duration <= 0):
        raise ValueError("an overlay begins at 0 or later, and lasts")
    if any(side is not None and side < 2 for side in (overlay.width, overlay.height)):
        raise ValueError("an overlay has 2 x 2 pixels at least")
    if not overlay.gain_decibels < _MOST_GAIN:
        raise ValueError(f"a gain of {overlay.gain_decibels} dB is too much; the most is {_MOST_GAIN:g}")
    still = "image" in overlay.what.format.types
    stream = _seen(overlay.what)
    own = math.inf if still else (stream.duration or overlay.what.duration or math.inf)
    return Cover(
        file=number,
        video=stream,
        audio=overlay.what.info.audio if overlay.audible else None,
        gain_decibels=overlay.gain_decibels,
        start=overlay.start,
        stop=overlay.start + min(own, overlay.duration or math.inf),
        corner=overlay.corner,
        x=overlay.x,
        y=overlay.y,
        box=(overlay.width, overlay.height),
    )


def _seen(asset: Asset) -> VideoStream:
    """Return what is seen of an image or a video."""
    if "image" in asset.format.types:
        asset.as_image()
        assert asset.info.video is not None
        return asset.info.video
    return asset.as_video().stream
