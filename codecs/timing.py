"""When the frames of a file are shown, and how they come to a constant rate."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from typing import NamedTuple

import av
import av.error
import av.stream

from .gate import Media
from .streams import VideoStream

USUAL_FRAME_RATE = 25.0
"""Frames per second where a file does not say."""
TOLERANCE = 1e-3
"""Seconds by which a frame may be late: containers round times."""


class Shown(NamedTuple):
    """A decoded frame, and when it is shown."""

    time: float
    """In seconds from the first frame."""
    duration: float
    """In seconds."""
    frame: av.VideoFrame


def start_of(stream: av.stream.Stream) -> float:
    """Return when a stream begins, in seconds on the clock of its file; 0 where the file does not say."""
    if stream.start_time is None or stream.time_base is None:
        return 0.0
    return float(stream.start_time * stream.time_base)


def frames_from(media: Media, stream: VideoStream, start: float) -> tuple[float, Iterator[av.VideoFrame]]:
    """Decode a video stream from a time on, without all that comes before.

    Args:
        media: the file.
        stream: the stream.
        start: in seconds from its first frame.

    Returns:
        When the first frame of all is shown, in seconds on the clock of the file; and frames, which begin at `start` or
        before, if the file lets them.
    """
    frames = media.video_frames(stream)
    first = next(frames, None)
    if first is None:
        return 0.0, iter(())
    origin = first.time or 0.0
    if start <= 0:
        return origin, chain([first], frames)
    back = 0.0
    while True:
        with suppress(av.error.FFmpegError):  # then it stays where it is
            media.container.seek(round((origin + start - back) * av.time_base), backward=True)
        frames = media.video_frames(stream)
        first = next(frames, None)
        found = first is not None and (first.time or 0.0) <= origin + start + TOLERANCE
        if found or back >= start:
            return origin, iter(()) if first is None else chain([first], frames)
        # Some indexes tell when frames are decoded, which is before they are shown: by these it was too late.
        back = min(start, max(1.0, 4 * back))


def shown(frames: Iterable[av.VideoFrame], stream: VideoStream, origin: float | None = None) -> Iterator[Shown]:
    """Yield the frames of a stream with their times.

    Args:
        frames: in order.
        stream: their stream.
        origin: what counts as zero, in seconds on the clock of the file; None for the time of the first frame. A still
            picture has no time: it is the first of its file.
    """
    usual = 1 / (stream.frame_rate or USUAL_FRAME_RATE)
    for frame in frames:
        time = frame.time or 0.0
        origin = time if origin is None else origin
        lasts = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else usual
        yield Shown(time - origin, lasts, frame)


def at_constant_rate(
    frames: Iterable[Shown], rate: Fraction, start: float = 0.0, stop: float | None = None
) -> Iterator[av.VideoFrame]:
    """Yield a frame for each tick of a constant rate: the one that is shown then, give or take half a tick.

    Args:
        frames: in order.
        rate: ticks per second.
        start: when the first tick is, in seconds.
        stop: when they end; None for the end of the last frame.
    """
    half = 0.5 / rate - 1e-6
    tick, present, end = 0, None, 0.0
    for time, duration, frame in frames:
        if stop is not None and time >= stop:
            break
        while present is not None and start + tick / rate < time - half:
            yield present
            tick += 1
        present, end = frame, time + duration
    end = end if stop is None else min(end, stop)
    while present is not None and start + tick / rate < end - half:
        yield present
        tick += 1
