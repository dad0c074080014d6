"""Which frames of a video are worth looking at."""

from typing import cast

import av
import msgspec
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from .gate import libav_errors
from .picture import UInt8

_GRID = (64, 48)
_TOLERANCE = 1.5e-3
"""Seconds by which a frame may be early: containers round times to milliseconds, this one's and the last one's."""

_BACK = 1.0
"""Seconds by which times may go back and still be those of the same stream."""


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """Which frames of a video are taken.

    Raises:
        ValueError: for rates that are not positive, a change that is not between 0 and 1, or if nothing is to be taken.
    """

    per_second: float | None = 1.0
    """Take so many per second, regularly; None for none without a change."""
    change: float | None = None
    """Take those, too, that differ by this much from the last one taken: 0.05 is a movement, 0.15 another scene."""
    most_per_second: float = 5.0
    """Take no more than this because of changes: what has changed less than 0.2 s after the last one taken waits."""

    def __post_init__(self) -> None:
        if self.per_second is None and self.change is None:
            raise ValueError("nothing would be taken; give per_second or change")
        if (self.per_second is not None and not self.per_second > 0) or not self.most_per_second > 0:
            raise ValueError("rates must be positive")
        if self.change is not None and not 0 < self.change < 1:
            raise ValueError(f"a change of {self.change} is not between 0 and 1")


class Sampler:
    """Decides frame by frame.

    The change of a picture is the mean absolute difference of its luma to that of the last one taken, over a grid of
    64 x 48 points, as a part of full scale. It costs 20 to 50 µs whatever the size of the picture. It knows no
    motion: a pan looks like another scene.

    Attributes:
        change: of the last frame asked for, from 0 to 1; 1 if there was none before; None if it was not compared.
    """

    def __init__(self, sampling: Sampling) -> None:
        self.change: float | None = None
        self._sampling = sampling
        self._last: float | None = None  # time of the last one taken
        self._due = float("-inf")
        self._grid: UInt8 | None = None  # of the last one taken
        self._reformatter = VideoReformatter()  # it keeps what it has prepared for one size

    def wants(self, frame: av.VideoFrame, time: float) -> bool:
        """Whether to take this frame, which is shown at `time`; if so the next ones are compared with it."""
        if self._last is not None and time < self._last - _BACK:  # the stream has begun anew
            self._last, self._due = None, float("-inf")
        sampling, self.change = self._sampling, None
        due = sampling.per_second is not None and time >= self._due - _TOLERANCE
        rested = self._last is None or time >= self._last + 1 / sampling.most_per_second - _TOLERANCE
        if sampling.change is not None and (due or rested):
            grid = self._luma(frame)
            self.change = _difference(grid, self._grid)
            if due or self.change >= sampling.change:
                self._grid = grid
            else:
                return False
        elif not due:
            return False
        self._last = time
        if sampling.per_second is not None:  # on a regular grid, or from here on if there was a gap or a change
            regular = self._due + 1 / sampling.per_second
            self._due = regular if due and regular > time else time + 1 / sampling.per_second
        return True

    def _luma(self, frame: av.VideoFrame) -> UInt8:
        """Pick the luma of points all over a frame."""
        with libav_errors():
            grid = self._reformatter.reformat(frame, *_GRID, "gray", interpolation=Interpolation.POINT, threads=1)
        return cast("UInt8", grid.to_ndarray())


def _difference(one: UInt8, other: UInt8 | None) -> float:
    return 1.0 if other is None else float((np.maximum(one, other) - np.minimum(one, other)).mean()) / 255
