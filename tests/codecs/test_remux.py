import subprocess

import numpy as np
import pytest
from troupe.codecs.asset import load
from troupe.codecs.decode import read_audio
from troupe.codecs.errors import RoleError, UnsupportedFormat
from troupe.codecs.remux import copy_all, copy_part, extract_audio, remux
from troupe.codecs.sandbox import Sandbox

TONE = "-f lavfi -i aevalsrc=0.4*sin(2*PI*(200+60*t)*t):s=48000:d=2"
PICTURE = "-f lavfi -i testsrc=size=160x120:rate=25:duration=2"
B_FRAMES = f"{PICTURE} {TONE} -c:v libx264 -bf 2 -g 10 -pix_fmt yuv420p -c:a aac"


@pytest.fixture(scope="module")
def b_frames(made):
    """A video whose frames are stored in another order than they are shown in."""
    return lambda container: load(made(f"reordered.{container}", B_FRAMES))


@pytest.fixture
def shown(tmp_path):
    """Time and checksum of each picture that ffmpeg shows, of each packet of sound that it decodes."""

    def look(asset, kind="v"):
        path = tmp_path / "file"
        path.write_bytes(asset.read())
        command = ["ffmpeg", "-v", "error", "-i", path, "-map", f"0:{kind}", "-f", "framemd5", "-"]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        assert done.stderr == ""
        base = next(line for line in done.stdout.splitlines() if line.startswith("#tb")).split()[-1]
        over, under = map(int, base.split("/"))
        lines = [line.split(",") for line in done.stdout.splitlines() if not line.startswith("#")]
        return [(round(int(line[2]) * over / under, 2), line[-1].strip()) for line in lines]

    return look


@pytest.mark.parametrize(("source", "target"), [("mp4", "mkv"), ("mp4", "mov"), ("mkv", "mp4"), ("mkv", "mkv")])
def test_pictures_stay_what_they_are_and_when(b_frames, shown, source, target):
    before = b_frames(source)
    after = remux(before, target)
    assert after.format.name == target
    one, other = shown(before), shown(after)
    assert [checksum for _, checksum in one] == [checksum for _, checksum in other]
    assert [time - one[0][0] for time, _ in one] == pytest.approx([time - other[0][0] for time, _ in other], abs=0.011)
    assert [stream.codec for stream in after.streams] == ["h264", "aac"]
    assert after.duration == pytest.approx(before.duration, abs=0.06)


@pytest.mark.parametrize("name", ["mp3", "aac", "m4a", "flac", "wav", "ogg"])
def test_sound_stays_what_it_is(sample, name):
    before = load(sample(name))
    after = remux(before, "mkv")
    one, other = (read_audio(asset, rate=None, channels=None).samples for asset in (before, after))
    length = min(len(one), len(other))
    assert length > 2.9 * 44100
    assert any(np.array_equal(one[: length - skip], other[skip:length]) for skip in (0, 1024, 1105))


@pytest.mark.parametrize(
    ("source", "container", "codec"),
    [
        ("mp4", "m4a", "aac"),
        ("av.webm", "webm", "opus"),
        ("vorbis.ogg", "ogg", "vorbis"),
        ("avi", "mp3", "mp3"),
        ("mp3", "mp3", "mp3"),
        ("wav", "wav", "pcm_s16le"),
        ("flac.ogg", "flac", "flac"),
    ],
)
def test_the_sound_of_a_file(sample, source, container, codec):
    asset = load(sample(source))
    sound = extract_audio(asset)
    assert (sound.format.name, [stream.codec for stream in sound.streams]) == (container, [codec])
    one, other = (read_audio(each, rate=None, channels=None).samples for each in (asset, sound))
    assert len(one) == pytest.approx(len(other), abs=0 if source != "avi" else 1105)
    skip = max(0, len(one) - len(other))  # AVI does not tell of the encoder's delay, MP3 does
    assert np.array_equal(one[skip:], other)


def test_streams_are_chosen(sample):
    asset = load(sample("mp4"))
    assert [stream.codec for stream in remux(asset, "mkv", streams=[1, 0]).streams] == ["aac", "h264"]
    assert remux(asset, "mp4", streams=[0]).info.audio is None
    assert extract_audio(asset.as_speech(), "aac").format.name == "aac"
    with pytest.raises(RoleError, match="no such audio or video stream"):
        remux(asset, "mp4", streams=[2])
    with pytest.raises(RoleError, match="needs an audio stream"):
        extract_audio(load(sample("silent.mp4")))


def test_what_a_container_can_not_hold(sample, b_frames):
    with pytest.raises(UnsupportedFormat, match="encode it anew"):
        remux(load(sample("mp4")), "webm")
    with pytest.raises(UnsupportedFormat, match="known are mp4"):
        remux(load(sample("mp4")), "exe")
    with pytest.raises(UnsupportedFormat, match="when frames"):
        remux(b_frames("avi"), "mp4")


def test_the_same_packets_make_the_same_file(sample):
    asset = load(sample("av.webm"))
    assert remux(asset, "mkv").read() == remux(asset, "mkv").read()


def test_a_part_begins_at_a_key_frame(b_frames, shown):
    whole = b_frames("mp4")
    part, start = copy_part(whole, 1.05, 1.5, "mp4", None)
    assert start == pytest.approx(0.8)
    checksums = [checksum for _, checksum in shown(whole)]
    assert [checksum for _, checksum in shown(part)] == checksums[20:38]
    assert part.duration == pytest.approx(1.5 - 0.8, abs=0.07)
    assert len(shown(part, "a")) == pytest.approx(0.7 * 48000 / 1024, abs=3)


def test_a_part_of_a_recording(sample):
    part, start = copy_part(load(sample("mp3")), 1.0, 2.0, "mp3", None)
    assert 0.96 < start <= 1.0
    assert part.duration == pytest.approx(2 - start, abs=0.06)


def test_files_behind_each_other(b_frames, shown):
    one = b_frames("mp4")
    whole, starts = copy_all([one, one, one], "mp4", None)
    assert starts == pytest.approx([0, 2, 4])
    assert whole.duration == pytest.approx(6, abs=0.05)
    pictures = shown(whole)
    assert [checksum for _, checksum in pictures] == [checksum for _, checksum in shown(one)] * 3
    assert [time for time, _ in pictures] == pytest.approx([number / 25 for number in range(150)], abs=0.011)
    heard = read_audio(whole, rate=48000).samples[:, 0].astype(float)
    once = read_audio(one, rate=48000).samples[:, 0].astype(float)
    for start in starts:  # the padding behind the last packet of each is heard by libav, not so by players
        lag, likeness = alignment(once[4800:48000], heard[round(start * 48000) + 4800 :])
        assert 0 <= lag < 600
        assert likeness > 0.99


def alignment(part, whole):
    """How many samples later a part is in a whole, and how much alike they are there."""
    size = len(part) + 4800
    whole = whole[:size]
    products = np.fft.irfft(np.fft.rfft(whole, 2 * size) * np.conj(np.fft.rfft(part, 2 * size)))[:4800]
    lag = int(np.argmax(products))
    return lag, np.corrcoef(part[: len(whole) - lag], whole[lag : lag + len(part)])[0, 1]


def test_files_that_only_look_alike(made):
    common = f"{PICTURE} -c:v libx264 -pix_fmt yuv420p -profile:v"
    files = [load(made("one.mp4", f"{common} {profile}")) for profile in ("main", "baseline")]
    with pytest.raises(UnsupportedFormat, match="not encoded alike"):
        copy_all(files, "mp4", None)


def test_untrusted_files_are_copied_in_a_sandbox(sample, b_frames):
    with Sandbox() as sandbox:
        caged = load(sample("mp4"), sandbox=sandbox)
        assert remux(caged, "mkv").read() == remux(load(sample("mp4")), "mkv").read()
        assert (
            copy_all([caged, caged], "mp4", None)[0].read()
            == copy_all([load(sample("mp4"))] * 2, "mp4", None)[0].read()
        )
