from fractions import Fraction

import numpy as np
import pytest
from troupe.codecs.asset import load
from troupe.codecs.decode import read_audio
from troupe.codecs.errors import CodecError, RoleError, TooManyPixels, UnsupportedFormat
from troupe.codecs.gate import opened
from troupe.codecs.geometry import Corner, Fit, Size
from troupe.codecs.limits import Limits
from troupe.codecs.picture import Picture
from troupe.codecs.sandbox import Sandbox
from troupe.codecs.video import Overlay, PlacedOverlay, compose, scale, thumbnail

WHITE = "-f lavfi -i color=white:size=32x16:rate=25:duration=1,format=yuv420p -c:v libx264"
LOUD = f"-f lavfi -i aevalsrc=0.25*sin(2*PI*1000*t):s=48000:d=1 {WHITE} -c:a aac"


@pytest.fixture
def numbered(sample):
    return load(sample("numbered.mp4"))


@pytest.fixture
def white(made):
    """A second of white, 32 x 16, silent."""
    return load(made("white.mp4", WHITE))


@pytest.fixture(scope="module")
def mark(ffmpeg, tmp_path_factory):
    """An image of 16 x 16: opaque white, its lower half transparent."""
    pixels = np.full((16, 16, 4), 255, np.uint8)
    pixels[8:, :, 3] = 0
    raw, path = (tmp_path_factory.mktemp("mark") / name for name in ("pixels", "mark.png"))
    raw.write_bytes(pixels.tobytes())
    ffmpeg("-f", "rawvideo", "-pix_fmt", "rgba", "-s", "16x16", "-i", raw, path)
    return load(path)


def rgb(asset):
    with opened(asset.source, asset.format, asset.limits) as media:
        return Picture(next(media.video_frames(media.info.video)), 0).rgb()


def bounds(picture):
    """Left, top, right and bottom of what is bright in a picture."""
    rows, columns = np.nonzero(picture > 225)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_what_is_known_of_a_composition(numbered, white, luminance):
    made = compose(
        numbered,
        [
            Overlay(what=white, start=0.4, duration=0.6, corner=Corner.BOTTOM_RIGHT, x=4, y=2, width=16),
            Overlay(what=white, start=1.6, x=6, y=8),
            Overlay(what=white, start=5.0, corner=Corner.CENTRE, height=8),
        ],
        size=Size(128, 96),
    )
    assert (made.duration, made.width, made.height) == (2.0, 128, 96)
    assert (made.aspect_ratio, made.frame_rate, made.damaged) == (Fraction(4, 3), 25, 0)
    assert made.overlays == (
        PlacedOverlay(index=0, start=0.4, duration=0.6, x=108, y=86, width=16, height=8),
        PlacedOverlay(index=1, start=1.6, duration=pytest.approx(0.4), x=6, y=8, width=32, height=16),
        PlacedOverlay(index=2, start=5.0, duration=0.0, x=56, y=44, width=16, height=8),
    )
    video = made.asset.info.video
    assert (made.asset.duration, video.width, video.height, video.frame_rate) == (2.0, 128, 96, 25)
    pictures = luminance(made.asset)
    seen = [number for number, picture in enumerate(pictures) if (picture > 225).any()]
    assert seen == [*range(10, 25), *range(40, 50)]
    assert bounds(pictures[12]) == pytest.approx((108, 86, 124, 94), abs=1)
    assert bounds(pictures[45]) == pytest.approx((6, 8, 38, 24), abs=1)


def test_an_image_with_transparency(numbered, mark, luminance):
    made = compose(numbered, [Overlay(what=mark, x=10, y=10, height=32)])
    assert made.overlays == (PlacedOverlay(index=0, start=0, duration=2.0, x=10, y=10, width=32, height=32),)
    pictures = luminance(made.asset)
    assert bounds(pictures[0]) == pytest.approx((10, 10, 42, 26), abs=1)
    assert bounds(pictures[-1]) == pytest.approx((10, 10, 42, 26), abs=1)


@pytest.mark.parametrize(("audible", "gain", "expected"), [(False, 0, 0), (True, 0, 0.25), (True, -6.02, 0.125)])
def test_overlays_are_heard_if_they_shall_be(sample, made, audible, gain, expected):
    """Of a silent video, whose result is silent, and of mono, which is as loud in stereo."""
    silent, loud = load(sample("silent.mp4")), load(made("loud.mp4", LOUD))
    made_of_it = compose(silent, [Overlay(what=loud, start=0.5, audible=audible, gain_decibels=gain)])
    if not audible:
        assert made_of_it.asset.info.audio is None
        return
    sound = read_audio(made_of_it.asset, rate=48000, channels=2).samples[:, 0] / 32768
    level = [np.abs(sound[round(at * 48000) :][:4800]).max() for at in (0.2, 0.7, 1.3, 1.7)]
    assert level == pytest.approx([0, expected * 0.7071, expected * 0.7071, 0], abs=0.01)


@pytest.mark.parametrize(
    ("size", "fit", "expected"),
    [
        (Size(32, 32), Fit.FIT, (32, 24)),
        (Size(32, 32), Fit.PAD, (32, 32)),
        (Size(33, 17), Fit.FILL, (32, 16)),
        (Size(128, 128), Fit.FIT, (128, 96)),
    ],
)
def test_scale(numbered, numbers, size, fit, expected):
    made = scale(numbered, size, fit)
    assert (made.width, made.height) == expected
    assert (made.asset.info.video.width, made.asset.info.video.height) == expected
    assert numbers(made.asset) == pytest.approx(list(range(50)), abs=2)  # lossy, and small
    assert made.asset.info.audio is not None


@pytest.mark.parametrize(("matrix", "turns"), [((0, 1, -1, 0), 3), ((-1, 0, 0, -1), 2), ((0, -1, 1, 0), 1)])
def test_what_a_turned_camera_took_stands_upright(made, matrix, turns):
    path = made("plain.mp4", "-f lavfi -i testsrc=size=64x32:rate=25:duration=0.2 -c:v libx264 -pix_fmt yuv420p")
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44  # ISO/IEC 14496-12, 8.3.2: nine numbers, here with 16 bits behind the point
    for number, value in zip((0, 1, 3, 4), matrix, strict=True):
        data[at + 4 * number : at + 4 * number + 4] = (value << 16).to_bytes(4, "big", signed=True)
    asset = load(bytes(data))
    expected = np.rot90(rgb(load(path)), turns).astype(int)
    whole = scale(asset, Size(64, 64))
    assert (whole.width, whole.height) == expected.shape[1::-1]
    for image in (rgb(whole.asset), rgb(thumbnail(asset, form="png"))):
        assert image.shape == expected.shape
        assert np.abs(image - expected).mean() < 6


@pytest.mark.parametrize(("at", "number"), [(0, 0), (0.5, 12), (0.52, 13), (1.0, 25), (1.99, 49), (100, 49)])
def test_a_thumbnail_is_the_picture_of_its_time(numbered, at, number):
    image = thumbnail(numbered, at, form="png")
    assert (image.format.name, image.as_image().width) == ("png", 64)
    # full range: 255 for 235, 0 for 16
    assert rgb(image)[24, 32, 1] == pytest.approx(4 * number * 255 / 219, abs=3)


def test_key_frames_are_enough_for_a_look(numbered):
    number = rgb(thumbnail(numbered, 0.9, form="png", exact=False))[24, 32, 1].astype(float) * 219 / 255 / 4
    assert number == pytest.approx(20, abs=0.6)


def test_thumbnails_of_images_and_sizes(numbered, mark, tmp_path):
    for what in (numbered, numbered.as_video(), mark, mark.as_image()):
        image = thumbnail(what, size=Size(20, 20), to=tmp_path / "image.jpg")
        assert image.format.name == "jpeg"
        assert image.info.video.width == 20
        assert (tmp_path / "image.jpg").exists()
    assert thumbnail(numbered, size=Size(20, 20), fit=Fit.PAD).info.video.height == 20
    assert len(thumbnail(numbered, quality=10).read()) < len(thumbnail(numbered, quality=95).read())


def test_the_result_goes_to_a_file(numbered, tmp_path):
    made = compose(numbered, stop=0.2, form="webm", to=tmp_path / "new.webm")
    assert load(tmp_path / "new.webm").read() == made.asset.read()


def test_part_of_the_base_at_another_rate(numbered, numbers):
    made = compose(numbered, start=0.4, stop=1.2, frame_rate=50)
    assert (made.duration, made.frame_rate) == (0.8, 50)
    assert numbers(made.asset) == [number for number in range(10, 30) for _ in range(2)]


def test_damage_is_counted(sample, numbered, numbers):
    data = bytearray(numbered.read())
    with opened(numbered.source, numbered.format, numbered.limits) as media:
        packets = [packet for packet in media.packets(0) if packet.size]
        for at in (packet.pos for packet in packets[12:15]):
            data[at + 4 : at + 10] = b"\xff" * 6  # behind the length of the NAL unit
    hurt = load(bytes(data))
    made = compose(hurt, [Overlay(what=hurt, x=32, y=24)])
    assert made.damaged == 6
    assert made.duration == 2.0
    assert numbers(made.asset)[30:] == list(range(30, 50))


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"form": "gif"}, UnsupportedFormat, "known are mp4"),
        ({"start": 1.0, "stop": 1.0}, ValueError, "nothing between"),
        ({"start": -1.0}, ValueError, "nothing between"),
        ({"size": Size(1, 100)}, ValueError, "1 x 100"),
        ({"size": Size(10_000, 10_000)}, TooManyPixels, "10000 x 10000"),
        ({"frame_rate": 0.0}, ValueError, "from 1 to 240"),
        ({"frame_rate": 1000}, ValueError, "from 1 to 240"),
        ({"frame_rate": float("nan")}, ValueError, "from 1 to 240"),
    ],
)
def test_what_makes_no_sense(numbered, arguments, error, text):
    with pytest.raises(error, match=text):
        compose(numbered, **arguments)


@pytest.mark.parametrize(
    ("field", "value"),
    [("start", -0.1), ("duration", 0), ("width", 1), ("height", 0), ("gain_decibels", 99), ("gain_decibels", np.nan)],
)
def test_overlays_that_make_no_sense(numbered, white, field, value):
    with pytest.raises(ValueError, match=r"overlay|gain"):
        compose(numbered, [Overlay(what=white, **{field: value})])


def test_what_is_no_video(numbered, sample):
    sound = load(sample("mp3"))
    with pytest.raises(RoleError, match="needs a video stream"):
        compose(sound)
    with pytest.raises(RoleError, match="needs a video stream"):
        compose(numbered, [Overlay(what=sound)])
    with pytest.raises(RoleError):
        thumbnail(sound)
    with pytest.raises(UnsupportedFormat, match="jpeg, png"):
        thumbnail(numbered, form="bmp")
    with pytest.raises(ValueError, match="counts from"):
        thumbnail(numbered, -1)
    with pytest.raises(ValueError, match="quality"):
        thumbnail(numbered, quality=0)


def test_overlays_keep_the_limit_of_pixels(numbered, white):
    small = load(white.read(), limits=Limits(pixels=100_000))
    with pytest.raises(TooManyPixels):
        compose(numbered, [Overlay(what=small, width=2000)])
    with pytest.raises(TooManyPixels):
        thumbnail(small, size=Size(2000, 2000))


@pytest.mark.parametrize("sandboxed", [False, True])
@pytest.mark.parametrize("name", ["numbered.mp4", "av.webm"])
def test_broken_files_end_in_our_errors(sample, numbered, name, sandboxed):
    data = sample(name).read_bytes()
    random = np.random.default_rng(len(data))
    broken = [data[: len(data) * part // 8] for part in ((4,) if sandboxed else (1, 7))]
    for _ in range(1 if sandboxed else 3):
        noisy = bytearray(data)
        for at in random.integers(0, len(data), 20):
            noisy[at] = random.integers(256)
        broken.append(bytes(noisy))
    outcomes = set()
    works = (
        thumbnail,
        lambda asset: compose(asset, stop=0.4),
        lambda asset: compose(numbered, [Overlay(what=asset)], stop=0.2),
    )
    with Sandbox(preload=["troupe.codecs.video"]) as sandbox:
        for content in broken:
            for work in works:
                try:
                    work(load(content, sandbox=sandbox if sandboxed else None))
                    outcomes.add("done")
                except CodecError as error:
                    outcomes.add(type(error).__name__)
    assert "done" in outcomes
    assert "SandboxDied" not in outcomes


def test_in_a_sandbox_it_is_the_same(numbered, mark):
    """As WebM: x264's macroblock tree depends on what was in memory before, with nothing but PyAV round it, too."""
    wanted = {"overlays": [Overlay(what=mark, start=0.1)], "stop": 0.4, "form": "webm"}
    with Sandbox() as sandbox:
        caged = load(numbered.read(), sandbox=sandbox)
        one = compose(caged, **wanted)
        assert one.asset.sandbox is sandbox
        assert one.asset.read() == compose(numbered, **wanted).asset.read()
        assert thumbnail(caged, 1.0).read() == thumbnail(numbered, 1.0).read()
