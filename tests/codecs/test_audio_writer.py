import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.codecs.asset import load
from troupe.codecs.audio_writer import audio_writer, wav_header
from troupe.codecs.decode import read_audio
from troupe.codecs.encodings import ENCODINGS

WRITTEN = [name for name in ENCODINGS if name != "pcm"]
EXACT = {"file": ["wav", "flac", "mp3", "ogg", "webm"], "stream": ["wav", "flac", "ogg", "webm"]}
DELAYS = {("mp3", "stream"): 1105, ("aac", "file"): 1024, ("aac", "stream"): 1024}
"""Samples at the codec's rate in front of the audio, where the format has no place to say so."""
MODES = ["file", "stream"]


def sound(frames: int, rate: int, channels: int) -> np.ndarray:
    time = np.arange(frames) / rate
    tones = [9000 * np.sin(2 * np.pi * (300 + 200 * channel + 150 * time) * time) for channel in range(channels)]
    return np.rint(np.stack(tones, axis=1)).astype(np.int16)


def written(name: str, mode: str, rate: int, pieces: list[np.ndarray], bit_rate: int | None = None) -> bytes:
    """What a writer makes of pieces of shape (n, channels)."""
    file = io.BytesIO()
    writer = audio_writer(ENCODINGS[name], rate, pieces[0].shape[1], bit_rate, file if mode == "file" else None)
    returned = b"".join([*(writer.encode(piece) for piece in pieces), writer.finish()])
    assert returned == b"" or mode == "stream"
    return file.getvalue() or returned


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ENCODINGS)
@settings(max_examples=4, deadline=None)
@given(cuts=st.lists(st.integers(0, 9000), max_size=12), channels=st.integers(1, 2))
def test_chunks_do_not_matter(name, mode, cuts, channels):
    samples = sound(9000, 24000, channels)
    whole, cut = (written(name, mode, 24000, np.split(samples, at)) for at in ([], sorted(cuts)))
    if name == "ogg":  # a page for what there is
        assert read_audio(load(cut), channels=None) == read_audio(load(whole), channels=None)
    else:
        assert cut == whole


@pytest.mark.parametrize(("mode", "name"), [(mode, name) for mode in MODES for name in EXACT[mode]])
@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
def test_lengths_are_exact(name, mode, rate):
    for frames in (rate // 50 + 1, rate // 4 + 17):
        data = written(name, mode, rate, np.split(sound(frames, rate, 1), [100, 101, 150]))
        own = ENCODINGS[name].rate_for(rate)
        assert read_audio(load(data), rate=own).frames == math.ceil(frames * own / rate)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", WRITTEN)
def test_each_sample_is_in_its_place_and_channel(name, mode):
    samples = np.zeros((24_000, 2), np.int16)
    samples[5000, 0] = samples[20_000, 1] = 30_000
    back = read_audio(load(written(name, mode, 24000, [samples])), rate=24000, channels=2).samples
    places = np.argmax(np.abs(back.astype(int)), axis=0) - DELAYS.get((name, mode), 0)
    assert places.tolist() == [5000, 20_000]


@pytest.mark.parametrize("name", ENCODINGS)
def test_it_writes_from_where_the_file_is(name):
    samples = sound(5000, 24000, 2)
    file = io.BytesIO(b"something before" + bytes(30))
    file.seek(16)
    writer = audio_writer(ENCODINGS[name], 24000, 2, None, file)
    writer.encode(samples)
    writer.finish()
    assert file.getvalue() == b"something before" + written(name, "file", 24000, [samples])
    assert file.tell() == len(file.getvalue())


@pytest.mark.parametrize("name", ENCODINGS)
def test_what_is_not_finished_writes_nothing_more(name):
    file = io.BytesIO()
    writer = audio_writer(ENCODINGS[name], 24000, 1, None, file)
    writer.encode(sound(24_000, 24000, 1))
    size = len(file.getvalue())
    del writer
    assert len(file.getvalue()) == size


@pytest.mark.parametrize("name", WRITTEN)
def test_a_stream_goes_out_as_it_comes(name):
    writer = audio_writer(ENCODINGS[name], 24000, 1)
    sizes = [len(writer.encode(piece)) for piece in np.split(sound(48_000, 24000, 1), 20)]
    assert sum(sizes[5:10]) > 0  # half a second
    assert sum(sizes[10:15]) > 0
    assert len(writer.finish()) < sum(sizes) / 3


def test_a_wav_says_its_length_where_it_can():
    samples = sound(1000, 8000, 2)
    assert written("wav", "file", 8000, [samples]) == wav_header(8000, 2, 4000) + samples.tobytes()
    assert written("wav", "stream", 8000, [samples]) == wav_header(8000, 2) + samples.tobytes()


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize(
    ("rate", "channels", "text"),
    [
        (0, 1, "rate is 0 Hz"),
        (-8000, 1, "rate is -8000 Hz"),
        (2**32, 1, "384000 Hz"),
        (8000, 0, "not 0"),
        (8000, 300, "300"),
    ],
)
def test_what_can_not_be_written(name, rate, channels, text):
    with pytest.raises(ValueError, match=text):
        audio_writer(ENCODINGS[name], rate, channels)


@pytest.mark.parametrize("name", [name for name, encoding in ENCODINGS.items() if encoding.bit_rate is None])
def test_no_bit_rate_where_there_is_nothing_to_choose(name):
    with pytest.raises(ValueError, match="no bit rate"):
        audio_writer(ENCODINGS[name], 8000, 1, 64_000)
