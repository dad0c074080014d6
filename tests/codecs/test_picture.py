from fractions import Fraction

import av
import numpy as np
import pytest
from troupe.codecs.asset import load
from troupe.codecs.gate import opened
from troupe.codecs.geometry import Size
from troupe.codecs.picture import Picture, pixel_aspect, upright


def gradient(width=64, height=48):
    """Red grows to the right, green downwards."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // (width - 1), y * 255 // (height - 1), np.full_like(x, 60)], axis=2).astype(np.uint8)


def decoded(data: bytes) -> np.ndarray:
    asset = load(data)
    with opened(asset.source, asset.format, asset.limits) as media:
        return Picture(next(media.video_frames(media.info.video)), 0).rgb()


def test_pixels_come_back():
    picture = Picture.from_rgb(gradient(), 1.5)
    assert np.array_equal(picture.rgb(), gradient())
    assert (picture.width, picture.height, picture.time, picture.change) == (64, 48, 1.5, None)
    assert np.array_equal(decoded(picture.png()), gradient())


def test_quality_is_bought_with_bytes():
    picture = Picture.from_rgb(gradient(160, 120))
    files = [picture.jpeg(quality) for quality in (1, 50, 85, 100)]
    assert sorted(map(len, files)) == [len(file) for file in files]
    errors = [np.abs(decoded(file).astype(float) - gradient(160, 120)).mean() for file in files]
    assert sorted(errors, reverse=True) == errors
    assert errors[2] < 3
    assert picture.jpeg(85) == picture.jpeg(85)


@pytest.mark.parametrize(
    ("box", "size"), [((32, 32), (32, 24)), ((10, 100), (10, 8)), ((640, 480), (64, 48)), ((64, 12), (16, 12))]
)
def test_it_fits_a_box_and_is_never_enlarged(box, size):
    picture = Picture(av.VideoFrame.from_ndarray(gradient(), format="rgb24"), 0, box=Size(*box))
    assert (picture.width, picture.height) == size
    assert picture.rgb().shape == (size[1], size[0], 3)
    assert picture.rgb()[-1, -1] == pytest.approx([255, 255, 60], abs=25)


def test_pixels_that_are_not_square():
    frame = av.VideoFrame.from_ndarray(gradient(), format="rgb24")
    assert upright(frame, Fraction(4, 3)) == Size(85, 48)
    assert Picture(frame, 0, pixel_aspect=Fraction(1, 2)).rgb().shape == (48, 32, 3)


def test_the_file_tells_the_shape_of_its_pixels(made):
    path = made("wide.mp4", "-f lavfi -i testsrc=size=64x48:duration=0.2,setsar=4/3 -pix_fmt yuv420p")
    asset = load(path)
    with opened(asset.source, asset.format, asset.limits) as media:
        assert pixel_aspect(media.container.streams[0]) == Fraction(4, 3)


def turned(data: bytes) -> bytes:
    """Have an MP4 say that its picture is to be turned clockwise by a quarter (ISO/IEC 14496-12, 8.3.2)."""
    matrix, at = bytearray(36), data.index(b"tkhd") + 44
    matrix[4:8], matrix[12:16], matrix[32:36] = b"\0\1\0\0", b"\xff\xff\0\0", b"\x40\0\0\0"
    return data[:at] + bytes(matrix) + data[at + 36 :]


def test_turned_pictures_stand_upright(made):
    path = made(
        "lying.mp4",
        "-f lavfi -i color=red:size=32x48:d=0.2 -f lavfi -i color=lime:size=32x48:d=0.2 "
        "-filter_complex hstack -pix_fmt yuv420p",
    )
    asset = load(turned(path.read_bytes()))
    with opened(asset.source, asset.format, asset.limits) as media:
        picture = Picture(next(media.video_frames(media.info.video)), 0, box=Size(24, 32))
        assert (picture.width, picture.height) == (24, 32)
        for pixels in (picture.rgb(), decoded(picture.jpeg()), decoded(picture.png())):
            assert pixels[4, 12] == pytest.approx([255, 0, 0], abs=12)  # what was left is above
            assert pixels[-4, 12] == pytest.approx([0, 255, 0], abs=12)


def test_no_such_quality():
    with pytest.raises(ValueError, match="1 to 100"):
        Picture.from_rgb(gradient()).jpeg(0)
