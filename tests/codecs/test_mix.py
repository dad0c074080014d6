"""Mixing against a sum sample by sample; the limiter against its promises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from troupe.codecs.mix import Overload, Track, limit, mix
from troupe.codecs.pcm import Pcm, from_decibels

RATE = 1000
mono = arrays(np.int16, st.integers(0, 30)).map(lambda samples: Pcm.from_mono(samples, RATE))
tracks = st.builds(Track, mono, st.integers(0, 40).map(lambda frame: frame / RATE), st.sampled_from([0.0, -6.0, 6.0]))


@given(st.lists(tracks, min_size=1, max_size=5))
def test_a_mix_is_the_sum_sample_by_sample(parts: list[Track]) -> None:
    mixed = mix(parts)
    assert mixed.frames == max(round(part.start * RATE) + part.pcm.frames for part in parts)
    for frame in range(mixed.frames):
        exact = 0.0
        for part in parts:
            index = frame - round(part.start * RATE)
            if 0 <= index < part.pcm.frames:
                exact += float(part.pcm.samples[index, 0]) * from_decibels(part.gain_decibels)
        assert abs(mixed.samples[frame, 0] - min(32767, max(-32768, exact))) <= 0.52


def test_one_track_comes_out_as_it_went_in() -> None:
    samples = np.arange(-32768, 32768).astype(np.int16)
    assert mix([Track(Pcm.from_mono(samples, RATE))]) == Pcm.from_mono(samples, RATE)


def test_mono_sounds_in_all_channels() -> None:
    stereo = Pcm(np.array([[100, -100], [100, -100]], np.int16), RATE)
    mixed = mix([Track(stereo), Track(Pcm.from_mono(np.array([10], np.int16), RATE), start=0.001)])
    assert mixed.samples.tolist() == [[100, -100], [110, -90]]


levels = st.floats(-4, 4, width=32, allow_subnormal=False)
loud = arrays(np.float32, st.tuples(st.integers(0, 60), st.integers(1, 2)), elements=levels)


@given(loud, st.sampled_from([0.0, -1.0, -6.0]))
def test_a_limited_sample_never_exceeds_the_ceiling_nor_changes_its_sign(
    samples: NDArray[np.float32], ceiling: float
) -> None:
    limited = limit(Pcm(samples, RATE), ceiling).samples
    assert np.abs(limited).max(initial=0) <= from_decibels(ceiling) * (1 + 1e-6)
    assert np.array_equal(np.sign(limited), np.sign(samples))
    assert (np.abs(limited) <= np.abs(samples)).all()


def test_a_limiter_acts_from_10_ms_before_a_peak_until_10_ms_after_in_ramps() -> None:
    samples = np.full((100, 2), 0.5, np.float32)
    samples[50, 1] = 2.0
    gain = limit(Pcm(samples, RATE)).samples / samples
    expected = np.interp(np.arange(100), [40, 50, 60], [1.0, 0.5, 1.0])
    assert gain == pytest.approx(np.stack((expected, expected), axis=1), abs=1e-6)


def test_what_is_not_too_loud_stays_as_it_is() -> None:
    quiet = Pcm(np.linspace(-1, 1, 200, dtype=np.float32)[:, None], RATE)
    assert limit(quiet) == quiet
    halves = [Track(quiet.gain(0.5)), Track(quiet.gain(0.5))]
    assert mix(halves, overload=Overload.LIMIT) == mix(halves)


def test_a_limited_mix_keeps_the_shape_that_saturation_cuts_off() -> None:
    time = np.arange(RATE) / RATE
    sine = Pcm.from_mono(np.rint(20000 * np.sin(2 * np.pi * 5 * time)).astype(np.int16), RATE)
    saturated, limited = mix([Track(sine)] * 2), mix([Track(sine)] * 2, overload=Overload.LIMIT)
    assert np.mean(saturated.samples >= 32767) > 0.15
    assert np.mean(limited.samples >= 32766) < 0.15
    assert np.abs(np.diff(limited.samples[:, 0].astype(np.int32))).max() < 2000


def test_what_does_not_go_together_is_refused() -> None:
    one = Track(Pcm.silence(1, RATE))
    for parts, text in [
        ([], "at least one track"),
        ([one, Track(Pcm.silence(1, 2 * RATE))], "tracks of one rate"),
        ([one, Track(Pcm.silence(1, RATE, 2)), Track(Pcm.silence(1, RATE, 6))], r"\[2, 6\] channels"),
        ([one, Track(Pcm.silence(1, RATE), start=-0.1)], "can't begin before"),
    ]:
        with pytest.raises(ValueError, match=text):
            mix(parts)
