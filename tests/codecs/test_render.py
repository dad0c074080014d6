import math

import numpy as np
import pytest
from troupe.codecs.asset import load
from troupe.codecs.decode import read_audio
from troupe.codecs.errors import BrokenMedia
from troupe.codecs.geometry import Corner, Fit, Size
from troupe.codecs.limits import Limits
from troupe.codecs.render import RENDER, Cover, Part, Plan

NUMBERED = "color=size=64x48:rate=25:duration=2,format=yuv420p,geq=lum=16+4*N:cb=128:cr=128"
CHIRP = "aevalsrc=0.4*sin(2*PI*(200+60*t)*t):s=48000:d=2"
SLOW = "-f lavfi -i color=size=48x64:rate=10:duration=1,format=yuv420p,geq=lum=16+4*N:cb=128:cr=128 -c:v libx264 -g 5"


@pytest.fixture
def numbered(sample):
    return load(sample("numbered.mp4"))


@pytest.fixture
def slow(made):
    """Upright, ten pictures a second, silent."""
    return load(made("slow.mp4", SLOW))


def part(asset, file=0, **times):
    return Part(file=file, video=asset.info.video, audio=asset.info.audio, **times)


def cover(asset, file, *, start, stop, x=0, box=(None, None)):
    return Cover(
        file=file,
        video=asset.info.video,
        audio=None,
        gain_decibels=0,
        start=start,
        stop=stop,
        corner=Corner.TOP_LEFT,
        x=x,
        y=0,
        box=box,
    )


def render(assets, parts, *, covers=(), form="mp4", size=None, fit=Fit.PAD, frame_rate=None):
    plan = Plan(form=form, parts=parts, covers=list(covers), size=size, fit=fit, frame_rate=frame_rate)
    return RENDER.perform(assets, plan, None)


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (0.0, None, range(50)),
        (0.0, 0.4, range(10)),
        (0.72, 1.2, range(18, 30)),  # in the middle of a group of pictures
        (1.6, None, range(40, 50)),
        (1.96, 9.0, [49]),
    ],
)
def test_a_part_has_its_pictures(numbered, numbers, start, stop, expected):
    asset, made = render([numbered], [part(numbered, start=start, stop=stop)])
    assert numbers(asset) == list(expected)
    assert (made.frames, made.size, made.frame_rate) == (len(expected), (64, 48), (25, 1))


def test_parts_follow_each_other(numbered, slow, numbers):
    parts = [part(numbered, start=1.0, stop=1.2), part(slow, 1, start=0.3), part(numbered, stop=0.2)]
    asset, made = render([numbered, slow], parts)
    tens = [number for number in range(3, 10) for _ in range(3 - number % 2)]  # 2.5 of each on average
    found = numbers(asset)
    assert found[:5] == [25, 26, 27, 28, 29]
    assert [number for number, _ in zip(found[5:], tens, strict=False)] == pytest.approx(tens, abs=1)
    assert found[-5:] == [0, 1, 2, 3, 4]
    assert made.begins == pytest.approx([0, 0.2, 0.2 + round(0.7 * 25) / 25], abs=0.021)
    assert made.frames == len(found)


@pytest.mark.parametrize("container", ["mp4", "mkv", "webm"])
@pytest.mark.parametrize("start", [0, 8, 21])
def test_sound_and_pictures_stay_together(made, numbers, container, start):
    """Wherever a part begins, and on whatever clock its file has them."""
    codecs = "libvpx -c:a libopus -b:a 128k" if container == "webm" else "libx264 -bf 2 -c:a aac"
    options = f"-c:v {codecs} -g 10 -output_ts_offset 5"
    asset = load(made(f"later.{container}", f"-f lavfi -i {NUMBERED} -f lavfi -i {CHIRP} {options}"))
    result, _ = render([asset], [part(asset, start=start / 25, stop=start / 25 + 0.6)])
    assert numbers(result) == list(range(start, start + 15))
    heard = read_audio(result, rate=48000).samples[4800:24000, 0]
    times = start / 25 + 0.1 + np.arange(-480, len(heard) + 480) / 48000
    tone = np.sin(2 * np.pi * (200 + 60 * times) * times)
    likeness = [np.corrcoef(heard, tone[lag : lag + len(heard)])[0, 1] for lag in range(0, 960, 12)]
    assert abs(int(np.argmax(likeness)) * 12 - 480) <= (8 if container == "webm" else 1) * 48  # in WebM itself 7 ms
    assert max(likeness) > 0.97


def test_sound_belongs_to_its_pictures(numbered, slow):
    """The pitch tells the time: 200 Hz + 120 Hz/s."""
    parts = [part(numbered, start=1.0), part(slow, 1), part(numbered, start=0.5, stop=1.0)]
    asset, made = render([numbered, slow], parts)
    sound = read_audio(asset, rate=48000).samples[:, 0].astype(float)
    original = read_audio(numbered, rate=48000).samples[:, 0].astype(float)
    for (at, begin), length in zip([(made.begins[0], 1.0), (made.begins[2], 0.5)], (0.9, 0.4), strict=True):
        inside = slice(round((at + 0.05) * 48000), round((at + length) * 48000))
        expected = original[round((begin + 0.05) * 48000) :][: inside.stop - inside.start]
        assert np.corrcoef(sound[inside], expected)[0, 1] > 0.98
    silence = slice(round((made.begins[1] + 0.05) * 48000), round((made.begins[2] - 0.05) * 48000))
    assert np.abs(sound[silence]).max() < 300
    assert len(sound) == pytest.approx(made.frames / 25 * 48000, abs=1100)


@pytest.mark.parametrize("rate", [5, 12.5, 30, 60])
def test_frame_rates(numbered, numbers, rate):
    asset, made = render([numbered], [part(numbered)], frame_rate=rate)
    assert made.frames == 2 * rate
    assert asset.info.video.frame_rate == rate
    expected = [min(49, math.ceil(25 * (tick + 0.5) / rate) - 1) for tick in range(made.frames)]
    assert numbers(asset) == expected  # the last one that begins before the middle of the tick


def test_the_rate_of_television(made):
    asset = load(made("ntsc.mp4", "-f lavfi -i testsrc=size=64x48:rate=30000/1001:duration=1 -c:v libx264"))
    assert render([asset], [part(asset)])[1].frame_rate == (30000, 1001)


@pytest.mark.parametrize(
    ("form", "codecs"), [("mp4", "h264 aac"), ("mov", "h264 aac"), ("mkv", "h264 aac"), ("webm", "vp9 opus")]
)
def test_formats(numbered, numbers, form, codecs):
    asset, _ = render([numbered], [part(numbered, stop=0.4)], form=form)
    assert asset.format.name == form
    assert [stream.codec for stream in asset.streams] == codecs.split()
    assert numbers(asset) == list(range(10))


def test_covers_lie_over_the_joint_of_parts(numbered, slow, luminance):
    parts = [part(numbered, stop=0.4), part(numbered, stop=0.4)]
    covers = [cover(slow, 1, start=0.2, stop=0.6, x=40, box=(24, None))]
    asset, made = render([numbered, slow], parts, covers=covers)
    assert made.covers == [(40, 0, 24, 32)]
    pictures = luminance(asset)[:, 16].astype(int)
    assert ((pictures[:, 20] - 16) / 4).round().tolist() == [*range(10)] * 2
    covered = ((pictures[5:15, 52] - 16) / 4).round().tolist()
    assert covered == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]
    np.testing.assert_allclose(pictures[:5, 52], pictures[:5, 20], atol=2)
    np.testing.assert_allclose(pictures[15:, 52], pictures[15:, 20], atol=2)


def test_a_picture_that_never_ends(made):
    """What the last picture of a file says about its duration is not believed beyond the limit."""
    path = made("long.mp4", "-f lavfi -i color=size=16x16:rate=25:duration=0.04 -c:v libx264 -video_track_timescale 25")
    data = path.read_bytes()
    at = data.index(b"stts") + 16  # ISO/IEC 14496-12, 8.6.1.2: version, number of entries, number of frames, duration
    assert data[at : at + 4] == b"\0\0\0\1"
    asset = load(data[:at] + b"\x7f\0\0\0" + data[at + 4 :], limits=Limits(duration=2.0))
    _, found = render([asset], [part(asset)])
    assert found.frames == 50


def test_nothing_to_show(numbered):
    with pytest.raises(BrokenMedia, match="not one picture"):
        render([numbered], [part(numbered, start=5.0)])


def test_pads(numbered, slow, luminance):
    asset, made = render([slow], [part(slow)], size=Size(64, 64))
    assert made.size == (64, 64)
    pictures = luminance(asset)
    assert np.abs(pictures[:, :, :6].astype(int) - 16).max() <= 3
    assert pictures[9, 32, 32] == pytest.approx(52, abs=2)
