from fractions import Fraction

import av
import numpy as np
import pytest
from troupe.codecs.errors import TooManyPixels
from troupe.codecs.filters import Layer, Overlayer, Scaler
from troupe.codecs.geometry import Fit, Size
from troupe.codecs.limits import Limits

LIMITS = Limits()
RATE = Fraction(10)
BT709, SMPTE170M = 1, 6


def flat(width, height, luminance, *, alpha=None):
    """A grey picture."""
    frame = av.VideoFrame(width, height, "yuv420p" if alpha is None else "yuva420p")
    for plane, value in zip(frame.planes, (luminance, 128, 128, alpha), strict=False):
        plane.update(bytes([value]) * plane.buffer_size)
    frame.color_range = 1
    return frame


def quarters(width=64, height=48):
    """A picture whose quarters differ: 40 and 80, and below them 120 and 160."""
    pixels = np.kron(np.array([[40, 80], [120, 160]], np.uint8), np.ones((height // 2, width // 2), np.uint8))
    return av.VideoFrame.from_ndarray(np.stack([pixels] * 3, axis=2), format="rgb24")


def luminance(frame):
    return frame.to_ndarray()[: frame.height].astype(int)


@pytest.mark.parametrize(
    ("box", "fit", "size", "corner"),
    [
        (None, Fit.FIT, (64, 48), 40),
        (Size(32, 32), Fit.FIT, (32, 24), 40),
        (Size(32, 32), Fit.PAD, (32, 32), 0),
        (Size(32, 32), Fit.FILL, (32, 32), 40),
        (Size(33, 51), Fit.PAD, (32, 50), 0),
        (Size(128, 128), Fit.FIT, (128, 96), 40),
    ],
)
def test_pictures_get_to_their_canvas(box, fit, size, corner):
    scaled = Scaler(box, fit, "rgb24", LIMITS).scale(quarters())
    assert (scaled.width, scaled.height, scaled.format.name) == (*size, "rgb24")
    pixels = scaled.to_ndarray()[:, :, 0]
    assert pixels[0, 0] == pytest.approx(corner, abs=2)
    middle, centre = size[1] // 2, size[0] // 2
    near = pixels[np.ix_((middle - 5, middle + 4), (centre - 5, centre + 4))]
    np.testing.assert_allclose(near, [[40, 80], [120, 160]], atol=4)


def test_pixels_that_are_not_square():
    scaler = Scaler(None, Fit.FIT, "yuv420p", LIMITS)
    assert (scaler.scale(quarters(), Fraction(2)).width, scaler.scale(quarters(), Fraction(1)).width) == (128, 128)


def test_what_comes_later_gets_bars():
    scaler = Scaler(Size(32, 32), Fit.FIT, "yuv420p", LIMITS)
    assert (scaler.scale(flat(64, 32, 100)).width, scaler.scale(flat(64, 32, 100)).height) == (32, 16)
    upright = luminance(scaler.scale(flat(32, 64, 100)))
    assert upright.shape == (16, 32)
    assert upright[8].tolist() == [16] * 12 + [100] * 8 + [16] * 12


def test_video_has_the_limited_range():
    white = flat(16, 16, 255)
    white.color_range = 2
    assert luminance(Scaler(None, Fit.FIT, "yuv420p", LIMITS).scale(white))[8, 8] == 235
    assert luminance(Scaler(None, Fit.FIT, "yuv420p", LIMITS).scale(flat(16, 16, 235)))[8, 8] == 235


@pytest.mark.parametrize("matrix", [BT709, SMPTE170M])
def test_colours_stay_what_they_are(matrix):
    """The first picture says how they are coded, and the others follow."""
    green = av.VideoFrame.from_ndarray(np.full((16, 16, 3), (30, 200, 60), np.uint8), format="rgb24")
    names = {BT709: "ITU709", SMPTE170M: "ITU601"}
    coded = {
        one: green.reformat(format="yuv420p", dst_colorspace=name, dst_color_range=1) for one, name in names.items()
    }
    scaler = Scaler(None, Fit.FIT, "yuv420p", LIMITS)
    expected = coded[matrix].to_ndarray()
    assert np.abs(coded[BT709].to_ndarray().astype(int) - coded[SMPTE170M].to_ndarray()).max() > 10
    for frame in (coded[matrix], coded[BT709], coded[SMPTE170M], green):
        scaled = scaler.scale(frame)
        assert scaled.colorspace == matrix
        np.testing.assert_allclose(scaled.to_ndarray().astype(int), expected.astype(int), atol=3)


def test_limits_hold_for_what_is_cut_off_too():
    scaler = Scaler(Size(64, 64), Fit.FILL, "yuv420p", Limits(pixels=10_000))
    scaler.scale(flat(64, 64, 50))
    with pytest.raises(TooManyPixels):  # 64 high, it would be 16384 wide
        scaler.scale(flat(512, 2, 50))
    assert luminance(scaler.scale(flat(64, 64, 50)))[0, 0] == 50
    with pytest.raises(TooManyPixels):
        Scaler(Size(200, 200), Fit.PAD, "yuv420p", Limits(pixels=10_000)).scale(flat(200, 2, 50))


def overlaid(base_frames, layers, feeds):
    """Push a grey base with layers over it; ``feeds`` are their pictures and times."""
    base = flat(32, 32, 50)
    first = [(layer, feed[0][0]) for layer, feed in zip(layers, feeds, strict=True)]
    overlayer = Overlayer(base, RATE, first)
    for number, feed in enumerate(feeds):
        for picture, time in feed:
            overlayer.push_layer(number, picture, time)
        overlayer.push_layer(number, None)
    found = []
    for number in range(base_frames):
        frame = flat(32, 32, 50)
        frame.pts, frame.time_base = number, 1 / RATE
        found += overlayer.push(frame)
    return [luminance(frame) for frame in (*found, *overlayer.push(None))]


def test_a_layer_is_seen_where_and_when_it_shall_be():
    found = overlaid(8, [Layer(4, 8, 0.3, 0.6)], [[(flat(8, 4, 200, alpha=255), 0.3)]])
    assert [frame[10, 6] for frame in found] == [50, 50, 50, 200, 200, 200, 50, 50]
    assert np.argwhere(found[3] == 200).tolist() == [[y, x] for y in range(8, 12) for x in range(4, 12)]


def test_layers_lie_above_each_other_and_shine_through():
    half, full = flat(32, 32, 150, alpha=128), flat(8, 8, 200, alpha=255)
    (frame,) = overlaid(1, [Layer(0, 0, 0, 9), Layer(-4, 28, 0, 9)], [[(half, 0)], [(full, 0)]])
    assert frame[0, 0] == pytest.approx(100, abs=1)
    assert frame[31].tolist()[:5] == pytest.approx([200] * 4 + [100], abs=1)


def test_pictures_of_a_layer_follow_each_other():
    pictures = [(flat(32, 32, 100 + 10 * number, alpha=255), number / 5) for number in range(9)]
    found = overlaid(5, [Layer(0, 0, 0, float("inf"))], [pictures])  # it goes on when the base has ended
    assert [frame[0, 0] for frame in found] == [100, 100, 110, 110, 120]
