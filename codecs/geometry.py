"""Sizes and places of pictures: how one of some size gets into a box of another."""

from enum import Enum
from fractions import Fraction
from typing import NamedTuple


class Fit(Enum):
    """How a picture of one shape gets into a box of another."""

    FIT = "fit"
    """All of it is seen, as large as the box allows; the result is as small as the picture then is."""
    PAD = "pad"
    """All of it is seen, as large as the box allows, in the middle, with bars where the box is larger."""
    FILL = "fill"
    """The whole box is filled; what is too much at two of the sides is cut off."""


class Size(NamedTuple):
    """Width and height, in pixels."""

    width: int
    height: int

    @property
    def aspect_ratio(self) -> Fraction:
        """Width by height."""
        return Fraction(self.width, self.height)


class Corner(Enum):
    """What a position is counted from: inwards, or, from the centre, to the right and down."""

    TOP_LEFT = "top left"
    TOP_RIGHT = "top right"
    BOTTOM_LEFT = "bottom left"
    BOTTOM_RIGHT = "bottom right"
    CENTRE = "centre"

    def position(self, picture: Size, canvas: Size, x: int, y: int) -> tuple[int, int]:
        """Return where the upper left corner of a picture comes, in pixels of the canvas."""
        free = Size(canvas.width - picture.width, canvas.height - picture.height)
        if self is Corner.CENTRE:
            return free.width // 2 + x, free.height // 2 + y
        left = self in {Corner.TOP_LEFT, Corner.BOTTOM_LEFT}
        top = self in {Corner.TOP_LEFT, Corner.TOP_RIGHT}
        return x if left else free.width - x, y if top else free.height - y


class Placement(NamedTuple):
    """What to do with a picture: scale all of it, cut that down, and place it on a larger canvas."""

    scaled: Size
    """Size of the whole picture."""
    crop: tuple[int, int]
    """What is cut off at the left and the top, in pixels; the right and the bottom end with the canvas."""
    offset: tuple[int, int]
    """Where the picture begins on the canvas, in pixels."""
    canvas: Size
    """Size of the result."""


def place(picture: Size, box: Size, fit: Fit, *, multiple: int = 2) -> Placement:
    """Compute how a picture gets into a box.

    Args:
        picture: its size as it is to be seen: with square pixels and upright.
        box: that it is to get into.
        fit: how.
        multiple: what all sizes and offsets shall be multiples of; 2 for the usual video, whose colours have half the
            resolution.

    Raises:
        ValueError: if the box is smaller than `multiple`.
    """
    if min(box) < multiple:
        raise ValueError(f"a picture of {box.width} x {box.height} can't be made; the least is {multiple} x {multiple}")
    inside = Size(*(_near(Fraction(side), multiple, down=True) for side in box))
    ratios = (Fraction(inside.width, picture.width), Fraction(inside.height, picture.height))
    ratio = max(ratios) if fit is Fit.FILL else min(ratios)
    scaled = Size(*(max(multiple, _near(side * ratio, multiple)) for side in picture))
    canvas = scaled if fit is Fit.FIT else inside
    left, top = (_near(Fraction(large - small, 2), multiple) for large, small in zip(scaled, canvas, strict=True))
    return Placement(scaled, (max(0, left), max(0, top)), (max(0, -left), max(0, -top)), canvas)


def _near(value: Fraction, multiple: int, *, down: bool = False) -> int:
    """The nearest multiple, or the next lower one."""
    steps = value / multiple
    return multiple * (int(steps) if down else round(steps))
