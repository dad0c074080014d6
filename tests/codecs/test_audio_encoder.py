import av
import numpy as np
import pytest
from troupe.codecs.audio_encoder import AudioEncoder
from troupe.codecs.errors import BrokenMedia

RATE = 48000


def context(codec: str, form: str, channels: str = "stereo", rate: int = RATE) -> av.AudioCodecContext:
    made = av.CodecContext.create(codec, "w")
    made.sample_rate, made.layout, made.format = rate, channels, form
    return made


def noise(frames: int) -> np.ndarray:
    return np.random.default_rng(1).integers(-9000, 9000, (frames, 2)).astype(np.int16)


@pytest.mark.parametrize(("codec", "form"), [("flac", "s16"), ("libmp3lame", "s16p"), ("aac", "fltp")])
def test_channels_and_samples_find_their_place(codec, form):
    samples = noise(20_000)
    samples[:, 1] //= 16
    encoder = AudioEncoder(context(codec, form), RATE)
    decoder = av.CodecContext.create({"libmp3lame": "mp3"}.get(codec, codec), "r")
    packets = encoder.encode(samples) + encoder.finish()
    decoder.extradata = encoder._encode.__self__.extradata
    frames = [frame.to_ndarray() for packet in packets if packet.size for frame in decoder.decode(packet)]
    heard = np.concatenate([frame if len(frame) == 2 else frame.reshape(-1, 2).T for frame in frames], axis=1)
    levels = heard.astype(float).std(axis=1)
    assert levels[0] / levels[1] == pytest.approx(16, rel=0.1)


def test_chunks_do_not_matter():
    samples = noise(10_000)
    whole, cut = AudioEncoder(context("libopus", "s16"), RATE), AudioEncoder(context("libopus", "s16"), RATE)
    packets = whole.encode(samples) + whole.finish()
    pieces = [packet for start in range(0, 10_000, 777) for packet in cut.encode(samples[start : start + 777])]
    assert [bytes(packet) for packet in [*pieces, *cut.finish()]] == [bytes(packet) for packet in packets]


@pytest.mark.parametrize("frames", [1, 44_100, 100_001])
def test_another_rate(frames):
    encoder = AudioEncoder(context("pcm_s16le", "s16", "mono"), 44_100)
    mono = noise(frames)[:, :1]
    packets = encoder.encode(mono) + encoder.finish()
    assert sum(packet.size for packet in packets) // 2 == -(-frames * RATE // 44_100)


def test_durations_add_up_to_what_was_pushed():
    for frames in range(30_000, 31_200, 47):
        encoder = AudioEncoder(context("libmp3lame", "s16p"), RATE)
        packets = encoder.encode(noise(frames)) + encoder.finish()
        assert packets[-1].pts + packets[-1].duration == frames


def test_an_impossible_encoder():
    with pytest.raises(BrokenMedia):
        AudioEncoder(context("libopus", "s16", rate=44_100), 44_100)
