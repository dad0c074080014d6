import subprocess
from pathlib import Path

import numpy as np
import pytest
from troupe.codecs.asset import load
from troupe.codecs.audio_writer import wav_header
from troupe.codecs.decode import decode_audio, read_audio
from troupe.codecs.errors import BrokenMedia, RoleError, TooLong
from troupe.codecs.limits import Limits

WITH_AUDIO = [
    *("wav", "flac", "mp3", "aac", "m4a", "ogg", "vorbis.ogg", "flac.ogg", "webm"),
    *("mp4", "mov", "3gp", "mkv", "avi", "av.webm", "fragmented.mp4"),
]


def by_ffmpeg(path, *arguments) -> np.ndarray:
    """Decode with the command line."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", path, "-vn", *arguments, "-f", "s16le", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.int16)


@pytest.mark.parametrize("name", WITH_AUDIO)
def test_every_format_gives_what_ffmpeg_gives(sample, name):
    ours = read_audio(load(sample(name)))
    theirs = by_ffmpeg(sample(name), "-ar", "16000", "-ac", "1")
    assert (ours.rate, ours.channels) == (16000, 1)
    if name in {"m4a", "mp4", "mov", "3gp"}:  # newer versions cut the padding of the last packet, older ones don't
        assert abs(ours.frames - len(theirs)) < 16000 * 1024 // 44100
    else:
        assert ours.frames == len(theirs)
    common = min(ours.frames, len(theirs)) - 20  # up to where the resampler's filter sees the end
    difference = ours.samples[:common, 0].astype(int) - theirs[:common]
    assert np.abs(difference).max() <= 2  # other versions of decoder and resampler round differently


@pytest.mark.parametrize("name", ["wav", "flac", "flac.ogg"])
def test_lossless_audio_is_exact(sample, name):
    ours = read_audio(load(sample(name)), rate=None, channels=None)
    assert np.array_equal(ours.samples.ravel(), by_ffmpeg(sample(name)))


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (24000, 2), (48000, 2), (44100, None), (None, 1)])
def test_rate_and_channels(sample, rate, channels):
    pcm = read_audio(load(sample("webm")), rate=rate, channels=channels)
    assert (pcm.rate, pcm.channels) == (rate or 48000, channels or 2)
    assert pcm.frames == pytest.approx(2 * pcm.rate, abs=2)


def test_pieces_are_of_one_second(sample):
    pieces = list(decode_audio(load(sample("mp3"))))
    assert [piece.frames for piece in pieces[:-1]] == [16000] * (len(pieces) - 1)
    assert 0 < pieces[-1].frames <= 16000


def test_accepts_a_role(sample):
    asset = load(sample("mp4"))
    assert read_audio(asset.as_speech()) == read_audio(asset)


def test_role_and_arguments_are_checked_at_once(sample):
    with pytest.raises(RoleError, match="needs an audio stream"):
        decode_audio(load(sample("silent.mp4")))
    with pytest.raises(ValueError, match="384000"):
        decode_audio(load(sample("wav")), rate=0)
    with pytest.raises(ValueError, match="1, 2 or None"):
        decode_audio(load(sample("wav")), channels=3)


@pytest.mark.parametrize("channels", [3, 6, 9, 32])
def test_many_channels(tmp_path, ffmpeg, channels):
    path = tmp_path / "many.wav"
    ffmpeg("-f", "lavfi", "-i", "|".join(["aevalsrc=0.25"] + ["0.25"] * (channels - 1)) + ":d=1", path)
    asset = load(path)
    assert read_audio(asset, rate=None, channels=None).channels == channels
    mono = read_audio(asset)
    assert (mono.channels, mono.frames) == (1, 16000)
    assert mono.samples[8000] > 1000
    assert read_audio(asset, channels=2).channels == 2


def test_a_file_that_changes_its_rate_and_channels_on_the_way(sample, tmp_path, ffmpeg):
    other = tmp_path / "other.aac"
    ffmpeg("-i", sample("aac"), "-ar", "24000", "-ac", "2", "-t", "1", other)
    joined = sample("aac").read_bytes() + other.read_bytes()
    pcm = read_audio(load(joined))
    assert pcm.duration == pytest.approx(4.1, abs=0.15)
    pieces = list(decode_audio(load(joined), rate=None, channels=None))
    assert [(piece.rate, piece.channels) for piece in (pieces[0], pieces[-1])] == [(44100, 1), (24000, 2)]


def test_no_thread_is_added(sample):
    before = threads()
    for _ in decode_audio(load(sample("mp4"))):
        assert threads() <= before  # fewer, when the last test's watchdog was still about to end


def threads() -> int:
    """Count the threads of this process as the kernel does."""
    with Path("/proc/self/status").open() as status:
        return next(int(line.split()[1]) for line in status if line.startswith("Threads:"))


def test_decoding_can_be_left_at_any_time(sample):
    pieces = decode_audio(load(sample("mp3")))
    assert next(pieces).frames == 16000
    pieces.close()


def test_damage_is_left_out(sample):
    data = bytearray(sample("mp3").read_bytes())
    whole = read_audio(load(bytes(data))).frames
    data[20_000:20_100] = bytes(100)
    assert read_audio(load(bytes(data))).frames == pytest.approx(whole, abs=3000)


def test_nothing_to_hear(sample):
    data = sample("flac").read_bytes()
    with pytest.raises(BrokenMedia):
        read_audio(load(data[:100]))


def test_no_sample_at_all():
    asset = load(wav_header(16000, 1))  # a stream of which only the head has come
    assert list(decode_audio(asset)) == []
    with pytest.raises(BrokenMedia, match="not one sample"):
        read_audio(asset)


def test_too_long(sample):
    with pytest.raises(TooLong) as caught:
        read_audio(load(sample("flac"), limits=Limits(duration=2.5)))
    assert caught.value.limit == 2.5
