from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.geometry import Corner, Fit, Placement, Size, place

sizes = st.builds(Size, st.integers(2, 4000), st.integers(2, 4000))
fits = st.sampled_from(Fit)


@pytest.mark.parametrize(
    ("picture", "box", "fit", "expected"),
    [
        ((160, 120), (80, 80), Fit.FIT, Placement(Size(80, 60), (0, 0), (0, 0), Size(80, 60))),
        ((160, 120), (80, 80), Fit.PAD, Placement(Size(80, 60), (0, 0), (0, 10), Size(80, 80))),
        ((160, 120), (60, 60), Fit.FILL, Placement(Size(80, 60), (10, 0), (0, 0), Size(60, 60))),
        ((120, 160), (60, 60), Fit.FILL, Placement(Size(60, 80), (0, 10), (0, 0), Size(60, 60))),
        ((160, 120), (320, 240), Fit.FIT, Placement(Size(320, 240), (0, 0), (0, 0), Size(320, 240))),
        ((161, 121), (161, 121), Fit.FIT, Placement(Size(160, 120), (0, 0), (0, 0), Size(160, 120))),
    ],
)
def test_known_cases(picture, box, fit, expected):
    assert place(Size(*picture), Size(*box), fit) == expected


@given(sizes, sizes, fits, st.sampled_from([1, 2]))
def test_laws(picture, box, fit, multiple):
    scaled, crop, offset, canvas = place(picture, box, fit, multiple=multiple)
    for side in range(2):
        assert 0 <= canvas[side] - box[side] // multiple * multiple <= 0 or fit is Fit.FIT
        assert multiple <= canvas[side] <= box[side]
        assert crop[side] == 0 or offset[side] == 0
        assert 0 <= crop[side] <= scaled[side] - min(scaled[side], canvas[side])
        assert 0 <= offset[side] <= canvas[side] - min(scaled[side], canvas[side])
        assert all(value % multiple == 0 for value in (scaled[side], crop[side], offset[side], canvas[side]))
        assert (scaled[side] >= canvas[side]) if fit is Fit.FILL else (scaled[side] <= canvas[side])
    if fit is Fit.FIT:
        assert scaled == canvas


@given(sizes, sizes, fits)
def test_shapes_are_kept_to_the_pixel(picture, box, fit):
    scaled = place(picture, box, fit, multiple=1).scaled
    exact = Fraction(picture.height * scaled.width, picture.width)
    assert abs(scaled.height - exact) <= 1 + exact / scaled.width


def test_a_box_that_holds_nothing():
    with pytest.raises(ValueError, match="1 x 100"):
        place(Size(10, 10), Size(1, 100), Fit.FIT)


@pytest.mark.parametrize(
    ("corner", "expected"),
    [
        (Corner.TOP_LEFT, (5, 7)),
        (Corner.TOP_RIGHT, (75, 7)),
        (Corner.BOTTOM_LEFT, (5, 33)),
        (Corner.BOTTOM_RIGHT, (75, 33)),
        (Corner.CENTRE, (45, 27)),
    ],
)
def test_corners(corner, expected):
    assert corner.position(Size(20, 10), Size(100, 50), 5, 7) == expected


def test_aspect_ratio():
    assert Size(1920, 1080).aspect_ratio == Fraction(16, 9)
