import random
import re
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.codecs.asset import load
from troupe.codecs.decode import read_audio
from troupe.codecs.demux.flac import flac_header
from troupe.codecs.errors import (
    BrokenMedia,
    CodecError,
    RefusedFormat,
    RoleError,
    TooLong,
    TooManyBytes,
    TooManyStreams,
    UnsupportedFormat,
)
from troupe.codecs.formats import by_name
from troupe.codecs.incremental import IncrementalDecoder
from troupe.codecs.limits import Limits
from troupe.codecs.pcm import Pcm

STREAMS = [
    *("wav", "s24.wav", "u8.wav", "f32.wav", "mulaw.wav", "rf64.wav", "flac", "s24.flac", "mp3", "aac"),
    *("ogg", "vorbis.ogg", "flac.ogg", "webm", "live.webm", "vorbis.webm", "av.webm"),
    *("mkv", "flac.mka", "aac.mka", "mp3.mka", "pcm.mka", "aac.mp4", "opus.mp4", "flac.mp4", "fragmented.mp4"),
]
OPUS = {"ogg", "webm", "live.webm", "av.webm", "opus.mp4"}


def decode(data: bytes, cuts=(), **options) -> Pcm:
    decoder = IncrementalDecoder(**options)
    pieces = []
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        pieces += decoder.push(data[start:end])
    pieces += decoder.finish()
    return Pcm.concat(pieces)


@pytest.fixture(scope="module")
def native(sample):
    """The whole of a sample as its own decoder gives it, at once."""
    known: dict[str, Pcm] = {}

    def get(name: str) -> Pcm:
        if name not in known:
            known[name] = decode(sample(name).read_bytes(), rate=None, channels=None)
        return known[name]

    return get


@pytest.mark.parametrize("name", [name for name in STREAMS if name not in OPUS])
def test_the_same_samples_as_from_the_whole_file(sample, native, name):
    assert native(name) == read_audio(load(sample(name)), rate=None, channels=None)


@pytest.mark.parametrize("name", sorted(OPUS))
def test_the_same_samples_as_from_the_reference_decoder(sample, native, ffmpeg, tmp_path, name):
    """Opus is decoded by libopus here and by libav's own decoder in whole files, which sounds alike, no more."""
    path = tmp_path / "reference.wav"
    ffmpeg("-c:a", "libopus", "-i", sample(name), "-vn", path)
    reference, ours = read_audio(load(path), rate=None, channels=None), native(name)
    assert (ours.rate, ours.channels, ours.frames) == (48000, reference.channels, reference.frames)
    assert np.abs(ours.samples.astype(int) - reference.samples).max() <= 1
    assert ours.frames == read_audio(load(sample(name)), rate=None).frames


@pytest.mark.parametrize("name", STREAMS)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0), count=st.integers(1, 1000))
def test_any_cuts_give_the_same_samples(sample, native, name, seed, count):
    data = sample(name).read_bytes()
    cuts = sorted(random.Random(seed).choices(range(len(data) + 1), k=count))
    assert decode(data, cuts, rate=None, channels=None) == native(name)


@pytest.mark.parametrize("name", ["live.webm", "aac.mp4", "mp3", "flac"])
def test_any_cuts_give_the_same_resampled_samples(sample, name):
    data = sample(name).read_bytes()
    whole = decode(data)
    assert (whole.rate, whole.channels) == (16000, 1)
    for size in (17, 1000, 4096):
        assert decode(data, range(size, len(data), size)) == whole


@pytest.mark.parametrize("name", ["live.webm", "ogg", "mp3", "aac", "flac", "aac.mp4", "wav"])
def test_cut_in_the_head(sample, native, name):
    data = sample(name).read_bytes()[:30_000]
    whole = decode(data, rate=None, channels=None)
    for at in range(1, 200, 7):
        assert decode(data, [at], rate=None, channels=None) == whole


@pytest.mark.parametrize(("name", "channels"), [("aac", 6), ("aac", 8), ("flac", 8), ("opus", 6), ("wav", 12)])
def test_many_channels(ffmpeg, tmp_path, name, channels):
    """Eight planes are as many as a frame has room for; reading a ninth one was a crash."""
    path = tmp_path / f"many.{name}"
    sound = "|".join(f"0.1*sin({300 + 100 * number}*t)" for number in range(channels))
    ffmpeg("-f", "lavfi", "-i", f"aevalsrc={sound}:d=0.3", path)
    ours, whole = (
        decode(path.read_bytes(), rate=None, channels=None),
        read_audio(load(path), rate=None, channels=None),
    )
    assert (ours.channels, ours.frames) == (channels, whole.frames)
    assert np.abs(ours.samples.astype(int) - whole.samples).max() <= (200 if name == "opus" else 0)
    assert decode(path.read_bytes()).channels == 1


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (24000, 2), (None, 1), (48000, None), (None, None)])
def test_rate_and_channels(sample, rate, channels):
    pcm = decode(sample("live.webm").read_bytes(), rate=rate, channels=channels)
    assert (pcm.rate, pcm.channels) == (rate or 48000, channels or 2)
    assert pcm.frames == pytest.approx(2 * pcm.rate, abs=1)


def chunks_of(webm: bytes) -> list[bytes]:
    """Cut a stream as a recorder sends it: the head with the first cluster, then cluster by cluster."""
    starts = [match.start() for match in re.finditer(b"\x1f\x43\xb6\x75", webm)][1:]
    return [webm[start:end] for start, end in zip([0, *starts], [*starts, len(webm)], strict=True)]


def test_every_chunk_of_a_recorder_comes_out_at_once(sample):
    """All samples of a chunk are out before the next one comes, but for the resampler's lag."""
    decoder = IncrementalDecoder()
    chunks = chunks_of(sample("live.webm").read_bytes())
    assert len(chunks) >= 15
    heard, media_time = 0, 0
    for chunk in chunks:
        heard += sum(pcm.frames for pcm in decoder.push(chunk))
        media_time += 1600 * (len(re.findall(b"\xa3.\x81|\xa3..\x81", chunk, re.DOTALL)) / 5)  # blocks of 20 ms
        assert heard >= media_time - 312 / 3 - 16000 * 0.004 - 1
    assert decoder.format.name == "webm"
    assert decoder.track.codec == "opus"


@pytest.mark.parametrize(("name", "latest"), [("mp3", 1152 + 576), ("aac", 2048), ("flac", 2 * 4608), ("wav", 1)])
def test_elementary_streams_come_out_with_little_delay(sample, native, name, latest):
    data = sample(name).read_bytes()
    decoder = IncrementalDecoder(rate=None)
    heard = 0
    for at in range(0, len(data), 500):
        heard += sum(pcm.frames for pcm in decoder.push(data[at : at + 500]))
    assert native(name).frames - heard <= latest


def test_head_may_come_byte_by_byte(sample):
    decoder = IncrementalDecoder()
    data = sample("live.webm").read_bytes()
    for at in range(400):
        list(decoder.push(data[at : at + 1]))
    assert decoder.format.name == "webm"


def test_id3_tag_of_any_size_before_the_stream(sample):
    data = sample("mp3").read_bytes()
    tag = b"ID3\4\0\0\0\x0f\0\0" + bytes(0xF << 14)
    assert decode(tag + data, range(1000, 300_000, 1000)) == decode(data)


def test_known_format_needs_no_head(sample):
    data = sample("mp3").read_bytes()
    frames = data[data.index(b"\xff\xfb") :]
    decoder = IncrementalDecoder(file_format=by_name("mp3"), rate=None)
    list(decoder.push(frames[:400]))
    assert decoder.track.codec == "mp3float"


def test_pieces_left_in_the_iterator_are_not_lost(sample):
    data = sample("wav").read_bytes()
    whole = decode(data)
    decoder = IncrementalDecoder()
    first = next(decoder.push(data))
    second = next(decoder.push(b""))
    rest = list(decoder.finish())
    assert Pcm.concat([first, second, *rest]) == whole


def test_input_that_waits_is_bounded(sample):
    decoder = IncrementalDecoder(limits=Limits(packet=100_000))
    data = sample("wav").read_bytes()
    with pytest.raises(TooManyBytes):
        for _ in range(3):
            decoder.push(data[:200_000])  # and nobody reads


def test_a_bomb_is_decoded_only_as_fast_as_it_is_read():
    """A FLAC of silence: 14 bytes per 1.5 s. A list of all its samples would take gigabytes."""
    streaminfo = b"\xff\xff\xff\xff" + bytes(6) + b"\x0a\xc4\x40\xf0" + bytes(20)
    frames = []
    for number in range(20_000):
        coded = bytes([number]) if number < 0x80 else chr(number).encode("utf-8", "surrogatepass")
        head = b"\xff\xf8\x79\x08" + coded + b"\xff\xfe"
        head += crc(head, 0x107, 8).to_bytes(1, "big")
        frame = head + b"\0\0\0"
        frames.append(frame + crc(frame, 0x18005, 16).to_bytes(2, "big"))
    assert flac_header(frames[200]) is not None
    bomb = b"fLaC\x80\0\0\x22" + streaminfo + b"".join(frames)
    tracemalloc.start()
    try:
        decoder = IncrementalDecoder(limits=Limits(duration=60))
        heard = 0.0
        with pytest.raises(TooLong):
            for pcm in decoder.push(bomb):
                heard += pcm.duration
        assert 55 < heard <= 60
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def crc(data: bytes, polynomial: int, bits: int) -> int:
    value = 0
    for byte in data:
        value ^= byte << bits - 8
        for _ in range(8):
            value = value << 1 ^ (polynomial if value >> bits - 1 else 0)
    return value


def test_chained_streams_go_on_in_one_output(sample):
    first, second = sample("ogg").read_bytes(), sample("vorbis.ogg").read_bytes()
    both = decode(first + second)
    assert both.frames == pytest.approx(decode(first).frames + decode(second).frames, abs=2)


@pytest.mark.parametrize("name", ["ogg", "live.webm"])
def test_endless_chain_is_given_up(sample, name):
    decoder = IncrementalDecoder(limits=Limits(streams=3))
    with pytest.raises(TooManyStreams):
        for _ in range(4):
            assert list(decoder.push(sample(name).read_bytes()))


def test_rate_that_changes_on_the_way(sample, ffmpeg, tmp_path):
    other = tmp_path / "other.aac"
    ffmpeg("-i", sample("aac"), "-ar", "24000", "-ac", "2", "-t", "1", other)
    data = sample("aac").read_bytes() + other.read_bytes()
    assert decode(data) == decode(data, range(100, len(data), 100))
    assert decode(data).duration == pytest.approx(4.1, abs=0.15)
    decoder = IncrementalDecoder(rate=None, channels=None)
    pieces = [*decoder.push(data), *decoder.finish()]
    assert (pieces[0].rate, pieces[-1].rate, pieces[-1].channels) == (44100, 24000, 2)


@pytest.mark.parametrize("name", ["mp3", "aac", "ogg", "vorbis.ogg"])
def test_streams_of_frames_go_on_behind_garbage(sample, native, name):
    data = sample(name).read_bytes()
    middle = len(data) // 2
    pcm = decode(data[:middle] + bytes(range(256)) * 8 + data[middle:], rate=None, channels=None)
    assert pcm.frames == pytest.approx(native(name).frames, rel=0.4)


@pytest.mark.parametrize("name", ["live.webm", "aac.mp4"])
def test_containers_end_at_garbage_after_what_was_sound(sample, name):
    data = sample(name).read_bytes()
    decoder = IncrementalDecoder()
    heard = sum(pcm.frames for pcm in decoder.push(data))
    assert heard > 16000
    with pytest.raises(BrokenMedia):
        list(decoder.push(bytes(range(256)) * 500))
    with pytest.raises(ValueError, match="finished or failed"):
        decoder.push(b"")
    with pytest.raises(ValueError, match="finished or failed"):
        decoder.finish()


@pytest.mark.parametrize("name", ["live.webm", "ogg", "vorbis.ogg", "mp3", "aac", "flac", "aac.mp4", "wav", "mkv"])
def test_cut_off_at_any_place(sample, native, name):
    data = sample(name).read_bytes()
    for length in [*range(0, 300, 7), *range(300, len(data), len(data) // 12)]:
        decoder = IncrementalDecoder(rate=None, channels=None)
        try:
            frames = sum(pcm.frames for pcm in [*decoder.push(data[:length]), *decoder.finish()])
        except CodecError:
            assert length < 8192  # not enough to be anything
        else:
            assert frames <= native(name).frames


def test_nothing_at_all():
    decoder = IncrementalDecoder()
    assert list(decoder.push(b"")) == []
    assert list(decoder.finish()) == []
    with pytest.raises(ValueError, match="new one"):
        decoder.push(b"")


def test_too_little_to_be_anything():
    decoder = IncrementalDecoder()
    assert list(decoder.push(b"\x1a\x45\xdf\xa3")) == []
    with pytest.raises(UnsupportedFormat):
        decoder.finish()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"#EXTM3U\n#EXTINF:10,\nhttp://169.254.169.254/\n", RefusedFormat),
        (b"just some text, quite a bit of it", UnsupportedFormat),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), UnsupportedFormat),
        (b"\x7fELF" + bytes(9000), UnsupportedFormat),
    ],
)
def test_what_is_no_audio_is_refused(data, error):
    with pytest.raises(error):
        IncrementalDecoder().push(data)


def test_file_with_its_index_at_the_end(sample):
    with pytest.raises(UnsupportedFormat, match="as an asset"):
        list(IncrementalDecoder().push(sample("m4a").read_bytes()))


def test_video_without_audio(sample, ffmpeg, tmp_path):
    path = tmp_path / "silent.webm"
    ffmpeg("-i", sample("av.webm"), "-an", "-c", "copy", path)
    with pytest.raises(RoleError, match="WebM has no audio"):
        list(IncrementalDecoder().push(path.read_bytes()))


def test_codec_that_is_not_decoded_here(sample, ffmpeg, tmp_path):
    path = tmp_path / "x.mka"
    ffmpeg("-i", sample("wav"), "-c:a", "ac3", path)
    with pytest.raises(UnsupportedFormat):
        list(IncrementalDecoder().push(path.read_bytes()))


def test_first_of_several_audio_tracks(sample, ffmpeg, tmp_path):
    path = tmp_path / "two.mka"
    ffmpeg("-i", sample("flac"), "-i", sample("aac"), "-map", "0", "-map", "1", "-c", "copy", path)
    assert decode(path.read_bytes(), rate=None) == decode(sample("flac").read_bytes(), rate=None)


def test_too_many_bytes(sample):
    decoder = IncrementalDecoder(limits=Limits(bytes=1000))
    list(decoder.push(bytes(1000)))
    with pytest.raises(TooManyBytes):
        decoder.push(b"x")


@pytest.mark.parametrize("rate", [1, 47999, 2**32 - 1])
def test_rate_that_is_not_converted(rate):
    header = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0" + struct.pack("<IIHH", rate, rate % 2**31, 2, 16)
    with pytest.raises(UnsupportedFormat, match=f"{rate} Hz"):
        list(IncrementalDecoder().push(header + b"data\0\0\0\0" + bytes(100)))


@pytest.mark.parametrize("output", [8000, 16000, 24000, 44100, 48000])
def test_rates_in_use_are_all_converted(output):
    for rate in (7350, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000, 192000):
        header = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0" + struct.pack("<IIHH", rate, rate * 2, 2, 16)
        wav = header + b"data\0\0\0\0" + bytes(rate // 5)
        assert decode(wav, rate=output).frames == pytest.approx(output / 10, abs=5)


def test_arguments():
    with pytest.raises(ValueError, match="positive"):
        IncrementalDecoder(rate=0)
    with pytest.raises(ValueError, match="1, 2 or None"):
        IncrementalDecoder(channels=3)
    with pytest.raises(UnsupportedFormat):
        IncrementalDecoder(file_format=by_name("png"))


def test_no_thread_is_added(sample):
    before = len(list(Path("/proc/self/task").iterdir()))
    decoders = [IncrementalDecoder() for _ in range(20)]
    for chunk in chunks_of(sample("live.webm").read_bytes()):
        for decoder in decoders:
            list(decoder.push(chunk))
    assert len(list(Path("/proc/self/task").iterdir())) <= before


@pytest.mark.parametrize("name", ["live.webm", "ogg", "mp3", "aac", "flac", "aac.mp4", "wav"])
@settings(max_examples=12, deadline=None)
@given(
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=30),
    size=st.integers(1, 9000),
)
def test_flipped_bytes_never_do_worse_than_an_error(sample, name, changes, size):
    data = bytearray(sample(name).read_bytes()[:25_000])
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value
    decoder = IncrementalDecoder(limits=Limits(duration=60))
    try:
        for at in range(0, len(data), size):
            for pcm in decoder.push(bytes(data[at : at + size])):
                assert pcm.rate == 16000
        list(decoder.finish())
    except CodecError:
        pass
