import numpy as np
import pytest
from troupe.codecs.asset import load
from troupe.codecs.encode import encode
from troupe.codecs.pcm import Pcm
from troupe.codecs.soundtrack import Soundtrack

RATE = 8000


def recording(samples):
    return load(encode(Pcm(np.asarray(samples, np.int16)[:, None], RATE), "wav")).as_audio()


def ramp(count):
    """Every sample tells its place."""
    return np.arange(1, count + 1, dtype=np.int16)


def taken(soundtrack, *stops):
    return np.concatenate([soundtrack.take(stop) for stop in stops])[:, 0].tolist()


@pytest.mark.parametrize("stops", [(12,), (1, 2, 5, 12), (0, 4, 4, 11, 12)])
@pytest.mark.parametrize(
    ("at", "start", "stop", "expected"),
    [
        (0, 0, float("inf"), [1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0]),
        (3, 0, float("inf"), [0, 0, 0, 1, 2, 3, 4, 5, 6, 0, 0, 0]),
        (3, 5, 7, [0, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0, 0]),
        (-2, 0, float("inf"), [3, 4, 5, 6, 0, 0, 0, 0, 0, 0, 0, 0]),
        (-2, 2, 3, [0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        (9, 0, float("inf"), [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3]),
        (-9, 0, float("inf"), [0] * 12),
        (5, 3, 2, [0] * 12),
    ],
)
def test_places(at, start, stop, expected, stops):
    soundtrack = Soundtrack(RATE, 1)
    soundtrack.add(recording(ramp(6)), at, start=start, stop=stop)
    assert taken(soundtrack, *stops) == expected
    assert soundtrack.position == 12


def test_long_recordings_come_in_pieces():
    loud = np.random.default_rng(1).integers(-9000, 9000, 3 * RATE).astype(np.int16)
    soundtrack = Soundtrack(RATE, 1)
    soundtrack.add(recording(loud), 100, start=0)
    assert taken(soundtrack, 90, RATE, 2 * RATE + 7, 4 * RATE) == [0] * 100 + loud.tolist() + [0] * (RATE - 100)


def test_levels_add_up_and_are_clamped():
    soundtrack = Soundtrack(RATE, 1)
    soundtrack.add(recording([10000, 20000, 30000, 0]), 0, start=0)
    soundtrack.add(recording([10000, 20000, 30000, 4]), 0, start=0, gain_decibels=-20 * np.log10(2))
    assert taken(soundtrack, 4) == [15000, 30000, 32767, 2]


def test_mono_is_as_loud_in_stereo():
    """3 dB less in each of two channels is the same loudness by EBU R128."""
    soundtrack = Soundtrack(RATE, 2)
    soundtrack.add(recording([10000, -20000]), 0, start=0)
    samples = soundtrack.take(3)
    assert samples.shape == (3, 2)
    np.testing.assert_allclose(samples, [[7071] * 2, [-14142] * 2, [0] * 2], atol=1)


def test_an_end_can_be_set_later():
    soundtrack = Soundtrack(RATE, 1)
    track = soundtrack.add(recording(ramp(9)), 0, start=0)
    soundtrack.add(recording(ramp(9)), 0, start=5)
    first = taken(soundtrack, 3)
    track.stop = 5
    assert first + taken(soundtrack, 10) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]
