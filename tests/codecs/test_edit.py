import gc

import numpy as np
import pytest
from troupe.codecs.asset import load
from troupe.codecs.decode import read_audio
from troupe.codecs.edit import concat, trim
from troupe.codecs.encode import encode
from troupe.codecs.errors import BrokenMedia, CodecError, RoleError, SandboxDied, UnsupportedFormat
from troupe.codecs.gate import PYAV
from troupe.codecs.pcm import Pcm
from troupe.codecs.remux import remux
from troupe.codecs.sandbox import Sandbox

RATE = 16000
NOISE = np.random.default_rng(1).integers(-9000, 9000, 3 * RATE).astype(np.int16)


def recording(form="wav", samples=NOISE, rate=RATE):
    return load(encode(Pcm(samples[:, None], rate), form))


def sound(asset, rate=None):
    return read_audio(asset, rate=rate).samples[:, 0]


def chirp(seconds, rate=RATE):
    time = np.arange(round(seconds * rate)) / rate
    return (9000 * np.sin(2 * np.pi * (200 + 60 * time) * time)).astype(np.int16)


@pytest.mark.parametrize("form", ["wav", "flac"])
@pytest.mark.parametrize(
    ("start", "stop", "first", "last"),
    [(0.0, None, 0, None), (0.5, 1.25, 8000, 20000), (1.99999, 2.0, 32000, 32000), (0.00003, 0.0001, 0, 2)],
)
def test_recordings_are_cut_at_the_sample(form, start, stop, first, last):
    if first == last:
        with pytest.raises(BrokenMedia, match="no sound"):
            trim(recording(form), start, stop)
        return
    part = trim(recording(form), start, stop)
    assert (part.asset.format.name, part.start) == (form, start)
    assert np.array_equal(sound(part.asset), NOISE[first:last])


@pytest.mark.parametrize("form", ["mp3", "ogg", "webm", "m4a", "aac"])
def test_compressed_recordings_are_cut_as_exactly(form):
    """As far as the format tells its padding: as long as the samples, and at the same place."""
    whole = recording(form, chirp(3))
    part = trim(whole, 1.0, 2.5)
    assert part.asset.format.name == form
    heard, expected = sound(part.asset, 16000).astype(float), sound(whole, 16000)[16000:40000].astype(float)
    padding = {"aac": 3 * 1024, "m4a": 1024}.get(form, 0)  # libav decodes that of MP4, players don't
    assert 0 <= len(heard) - len(expected) <= padding
    delay = 1024 if form == "aac" else 0  # ADTS has no place to tell it
    assert np.corrcoef(heard[delay + 1600 : delay + 22400], expected[1600:22400])[0, 1] > 0.98


@pytest.mark.parametrize("form", ["mp3", "wav", "ogg"])
def test_packets_are_copied_if_that_is_enough(form):
    whole = recording(form, chirp(3))
    part = trim(whole, 1.0, 2.0, exact=False)
    assert 0.85 < part.start <= 1.0
    assert part.asset.info.audio.codec == whole.info.audio.codec
    assert part.asset.duration == pytest.approx(2 - part.start, abs=0.13)
    assert part.asset.size < whole.size / 2


def test_flac_is_never_copied():
    """Its header would tell the length of the whole."""
    part = trim(recording("flac"), 0.5, 1.0, exact=False)
    assert (part.start, part.asset.duration) == (0.5, 0.5)
    assert np.array_equal(sound(part.asset), NOISE[8000:16000])


@pytest.mark.parametrize(("start", "stop", "expected"), [(0.52, 1.0, range(13, 25)), (1.2, None, range(30, 50))])
def test_videos_are_cut_at_the_frame(sample, numbers, start, stop, expected):
    whole = load(sample("numbered.mp4"))
    part = trim(whole, start, stop)
    assert numbers(part.asset) == list(expected)
    assert part.asset.duration == pytest.approx(len(expected) / 25, abs=0.001)
    heard, original = (sound(asset, 48000).astype(float) for asset in (part.asset, whole))
    inside = slice(2400, round((len(expected) / 25 - 0.05) * 48000))
    assert np.corrcoef(heard[inside], original[round(start * 48000) :][inside])[0, 1] > 0.98


@pytest.mark.parametrize("container", ["mp4", "mkv"])
@pytest.mark.parametrize(("start", "first"), [(1.0, 20), (0.8, 20), (0.78, 10)])
def test_videos_are_copied_from_the_key_frame_before(sample, numbers, container, start, first):
    part = trim(remux(load(sample("numbered.mp4")), container), start, 1.4, exact=False)
    assert part.start == pytest.approx(first / 25, abs=0.002)
    assert numbers(part.asset) == [*range(first, 35)]


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("name", ["numbered.mp4", "mp3"])
def test_nothing_between(sample, name, exact):
    for times in ((-1.0, 2.0), (1.0, 1.0), (1.0, 0.5), (9.0, None)):
        with pytest.raises(ValueError, match="nothing between"):
            trim(load(sample(name)), *times, exact=exact)


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_recordings_behind_each_other(form):
    whole = concat([recording(form), recording(form, NOISE[:5000]), recording(form)])
    assert np.array_equal(sound(whole.asset), np.concatenate([NOISE, NOISE[:5000], NOISE]))
    assert whole.starts == pytest.approx((0, 3, 3 + 5000 / RATE), abs=1e-6)
    assert whole.copied == (form == "wav")


def test_what_is_alike_is_copied():
    files = [recording("mp3", chirp(seconds)) for seconds in (1, 2)]
    whole = concat(files)
    assert whole.copied
    assert whole.starts[1] == pytest.approx(1, abs=0.1)
    assert whole.asset.size == pytest.approx(sum(file.size for file in files), rel=0.1)
    exact = concat(files, exact=True)
    assert not exact.copied
    assert exact.starts == pytest.approx((0, 1), abs=1e-4)
    assert len(sound(exact.asset)) == 3 * RATE


def test_the_padding_of_mp4_is_not_heard():
    files = [recording("m4a", chirp(1.2345, rate), rate) for rate in (16000, 44100)]
    whole = concat(files, form="wav")
    assert whole.starts == pytest.approx((0, 1.2345), abs=1e-4)
    assert len(sound(whole.asset)) == pytest.approx(2 * 1.2345 * RATE, abs=1)
    assert files[1].info.audio.duration == pytest.approx(round(1.2345 * 44100) / 44100, abs=1e-6)


def test_recordings_of_all_kinds():
    """What comes later gets the rate and format of the first."""
    others = [recording("ogg", chirp(1, 48000), 48000), recording("m4a", chirp(1, 44100), 44100)]
    whole = concat([recording("wav", chirp(1)), *others])
    assert not whole.copied
    assert (whole.asset.format.name, whole.asset.info.audio.rate) == ("wav", RATE)
    assert whole.starts == pytest.approx((0, 1, 2), abs=1e-3)
    heard = sound(whole.asset)
    for start in (0, RATE, 2 * RATE):
        piece = heard[start + 800 : start + 15200].astype(float)
        assert np.corrcoef(piece, chirp(1)[800:15200])[0, 1] > 0.97


def test_videos_of_all_kinds(sample, made, numbers, luminance):
    upright = load(made("up.webm", "-f lavfi -i color=white:size=24x48:rate=10:duration=0.6 -c:v libvpx -b:v 200k"))
    numbered = load(sample("numbered.mp4"))
    whole = concat([numbered, upright, numbered])
    assert not whole.copied
    assert whole.starts == pytest.approx((0, 2, 2.6), abs=0.041)
    video = whole.asset.info.video
    assert (video.width, video.height, video.frame_rate) == (64, 48, 25)
    found = numbers(whole.asset)
    assert (found[:50], found[-50:]) == ([*range(50)], [*range(50)])
    between = luminance(whole.asset)[55, 24]
    assert between[32] > 225
    assert between[[4, 60]].tolist() == pytest.approx([16, 16], abs=2)
    assert np.abs(sound(whole.asset, 48000)[round(2.1 * 48000) : round(2.5 * 48000)]).max() < 300


def test_alike_videos_are_copied(sample, numbers):
    whole = concat([load(sample("numbered.mp4"))] * 2)
    assert whole.copied
    assert whole.starts == pytest.approx((0, 2))
    assert numbers(whole.asset) == [*range(50)] * 2


def test_captions_are_left_out(sample, ffmpeg, tmp_path):
    captions, captioned = tmp_path / "captions.srt", tmp_path / "captioned.mp4"
    captions.write_text("1\n00:00:00,500 --> 00:00:01,500\nNo matter.\n")
    ffmpeg("-i", sample("numbered.mp4"), "-i", captions, "-c", "copy", "-c:s", "mov_text", captioned)
    whole = concat([load(captioned), load(sample("numbered.mp4"))])
    assert whole.copied
    assert [stream.codec for stream in whole.asset.streams] == ["h264", "aac"]


def test_the_result_has_the_format_that_is_wanted(sample, tmp_path):
    part = trim(load(sample("av.webm")), 0.2, 0.6, form="mp4", to=tmp_path / "part.mp4")
    assert part.asset.format.name == "mp4"
    assert (tmp_path / "part.mp4").stat().st_size == part.asset.size
    assert trim(recording(), 1.0, form="ogg").asset.info.audio.codec == "opus"
    assert trim(load(sample("avi")), 1.0).asset.format.name == "mp4"
    assert concat([recording("mp3")] * 2, form="mkv").asset.format.name == "mkv"


def test_what_can_not_be_edited(sample):
    video, audio, text = load(sample("silent.mp4")), load(sample("mp3")), load(b"only words")
    with pytest.raises(RoleError, match="some files have pictures"):
        concat([video, audio])
    with pytest.raises(RoleError):
        concat([audio, text])
    with pytest.raises(RoleError):
        trim(text, 1.0)
    with pytest.raises(RoleError):
        trim(load(sample("png")))
    with pytest.raises(ValueError, match="at least one"):
        concat([])
    for form in ("exe", "png"):
        with pytest.raises(UnsupportedFormat, match="known are"):
            trim(audio, 1.0, form=form)
        with pytest.raises(UnsupportedFormat, match="known are"):
            concat([video], form=form)


def test_a_rate_that_nobody_believes():
    data = bytearray(recording().read())
    data[24:28] = (500).to_bytes(4, "little")
    part = trim(load(bytes(data)), 0.0, 1.0)
    assert part.asset.info.audio.rate == 8000


WORKS = {
    "exactly": lambda asset: trim(asset, 0.1, 1.0),
    "copied": lambda asset: trim(asset, 0.1, 1.0, exact=False),
    "joined": lambda asset: concat([asset, asset]),
}


@pytest.mark.parametrize("sandboxed", [False, True])
@pytest.mark.parametrize("name", ["numbered.mp4", "av.webm", "mp3", "flac"])
def test_broken_files_end_in_our_errors(sample, name, sandboxed):
    data = sample(name).read_bytes()
    random = np.random.default_rng(len(data))
    broken = [data[: len(data) * part // 8] for part in ((6,) if sandboxed else (1, 6))]
    for _ in range(1 if sandboxed else 3):
        noisy = np.frombuffer(data, np.uint8).copy()
        noisy[random.integers(0, len(data), 20)] = random.integers(0, 256, 20)
        broken.append(noisy.tobytes())
    outcomes = set()
    with Sandbox(preload=["troupe.codecs.edit"]) as sandbox:
        for content in broken:
            for work in WORKS.values():
                asset = load(content, sandbox=sandbox if sandboxed else None)
                try:
                    work(asset)
                except CodecError as error:
                    outcomes.add(type(error))
                except ValueError as error:
                    outcomes.add(str(error))
    assert SandboxDied not in outcomes
    assert outcomes <= {BrokenMedia, UnsupportedFormat, RoleError, "there is nothing between 0.1 and 1.0 s"}


def opened_things():
    """libav's containers and graphs in memory; in PyAV 19 a graph and its filters refer to each other."""
    names = {"InputContainer", "OutputContainer"} | ({"Graph"} if PYAV < 19 else set())
    return sum(type(thing).__name__ in names for thing in gc.get_objects())


def test_nothing_is_left_to_the_garbage_collector(sample, made):
    """Neither of what succeeds nor of what is given up half-way."""
    picture = "-f lavfi -i testsrc=size=64x48:rate=25:duration=0.4 -c:v libx264 -pix_fmt yuv420p -profile:v"
    unlike = [load(made("one.mp4", f"{picture} {profile}")) for profile in ("main", "baseline")]
    files = [load(sample(name)) for name in ("numbered.mp4", "mp3")]
    gc.collect()
    gc.disable()
    try:
        before = opened_things()
        for work in WORKS.values():
            for file in files:
                work(file)
        assert not concat(unlike).copied  # it was tried
        assert opened_things() == before
    finally:
        gc.enable()


def test_in_a_sandbox_it_is_the_same(sample):
    with Sandbox() as sandbox:
        for name in ("numbered.mp4", "mp3"):
            free, caged = load(sample(name)), load(sample(name), sandbox=sandbox)
            for work in WORKS.values():
                one, other = work(caged), work(free)
                assert one.asset.sandbox is sandbox
                assert one.asset.read() == other.asset.read()
