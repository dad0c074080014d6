"""The resampler: its law of lengths, its indifference to chunks, its filter, and streams that change."""

import math
import threading
from pathlib import Path

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from troupe.codecs.pcm import Pcm
from troupe.codecs.resample import Resampler, resample

RATES = [8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000]
COMMON = [(24000, 16000), (48000, 16000), (8000, 16000), (16000, 24000), (24000, 8000), (44100, 16000), (22050, 24000)]

rates = st.sampled_from([*RATES, 7999, 12345])


def noise(frames: int, channels: int = 1) -> NDArray[np.int16]:
    shape = (frames,) if channels == 1 else (frames, channels)
    return np.random.default_rng(frames).integers(-32768, 32768, shape).astype(np.int16)


def sine(frequency: float, rate: int, seconds: float = 0.5, amplitude: float = 16384) -> NDArray[np.int16]:
    time = np.arange(round(rate * seconds)) / rate
    return np.rint(amplitude * np.sin(2 * np.pi * frequency * time)).astype(np.int16)


def convert(samples: NDArray[np.int16], input_rate: int, output_rate: int) -> NDArray[np.int16]:
    resampler = Resampler(input_rate, output_rate, channels=samples.shape[1] if samples.ndim == 2 else 1)
    return np.concatenate((resampler.push(samples), resampler.finish()))


def decibels(ratio: float) -> float:
    return 20 * math.log10(max(ratio, 1e-9))


def rms(samples: NDArray[np.generic]) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))


@settings(deadline=None)  # uncommon ratios make their filters anew for each chunk
@given(rates, rates, st.lists(st.integers(0, 500), max_size=8), st.integers(1, 3))
def test_any_chunking_gives_the_same_samples_and_as_many_as_the_law_says(
    input_rate: int, output_rate: int, chunks: list[int], channels: int
) -> None:
    whole = noise(sum(chunks), channels)
    resampler = Resampler(input_rate, output_rate, channels=channels)
    pieces: list[NDArray[np.int16]] = []
    given = returned = 0
    for chunk in chunks:
        pieces.append(resampler.push(whole[given : given + chunk]))
        given += chunk
        returned += len(pieces[-1])
        assert given - returned * input_rate / output_rate <= resampler.lag
    pieces.append(resampler.finish())
    joined = np.concatenate(pieces)
    assert joined.shape == (-(-len(whole) * output_rate // input_rate), *whole.shape[1:])
    assert np.array_equal(joined, convert(whole, input_rate, output_rate))


@settings(deadline=None)
@given(rates, rates, st.integers(1, 300))
def test_it_says_how_much_input_an_output_takes(input_rate: int, output_rate: int, outputs: int) -> None:
    needed = Resampler(input_rate, output_rate).needed(outputs)
    assert len(Resampler(input_rate, output_rate).push(noise(needed))) >= outputs
    assert len(Resampler(input_rate, output_rate).push(noise(max(0, needed - 1)))) < outputs


@settings(deadline=None)
@given(rates, rates, st.integers(1, 300))
def test_samples_are_those_of_the_formula(input_rate: int, output_rate: int, frames: int) -> None:
    """Every output from its definition, one by one: the sum of inputs times a Kaiser-windowed sinc."""
    samples = noise(frames)
    expected: list[float] = []
    for k in range(0, -(-frames * output_rate // input_rate), 7):
        around = k * input_rate // output_rate + np.arange(-200, 201)
        crossings = (k * input_rate - around * output_rate) / max(input_rate, output_rate)
        inside = np.abs(crossings) < 32
        weights = np.sinc(0.93 * crossings[inside]) * np.i0(8 * np.sqrt(1 - (crossings[inside] / 32) ** 2))
        heard = (around[inside] >= 0) & (around[inside] < frames)
        expected.append(float(weights[heard] @ samples[around[inside][heard]] / weights.sum()))
    if input_rate != output_rate:
        got = convert(samples, input_rate, output_rate)[::7]
        assert np.abs(got - np.clip(expected, -32768, 32767)).max() <= 0.501


@pytest.mark.parametrize(("input_rate", "output_rate"), COMMON)
def test_speech_passes_and_what_would_fold_back_does_not(input_rate: int, output_rate: int) -> None:
    nyquist = min(input_rate, output_rate) / 2
    for share in (0.02, 0.3, 0.6, 0.87):
        got = convert(sine(share * nyquist, input_rate), input_rate, output_rate)
        middle = slice(len(got) // 4, 3 * len(got) // 4)
        expected = sine(share * nyquist, output_rate)[: len(got)]
        assert abs(decibels(rms(got[middle]) / rms(expected[middle]))) < 0.2
        gain = rms(got[middle]) / rms(expected[middle])
        assert decibels(rms(got[middle] - gain * expected[middle]) / 16384) < -80  # in time to the sample, and clean
    for share in (1.02, 1.2, 1.45):
        if share * nyquist < input_rate / 2:
            got = convert(sine(share * nyquist, input_rate), input_rate, output_rate)
            assert decibels(rms(got[len(got) // 4 : 3 * len(got) // 4]) / rms(sine(1000, 8000))) < -80


@pytest.mark.parametrize(("input_rate", "output_rate"), COMMON)
def test_it_agrees_with_soxr(input_rate: int, output_rate: int) -> None:
    tones = np.sum([sine(f, input_rate, amplitude=3000) for f in (150, 440, 997, 1800, 2600, 3300)], axis=0)
    speechlike = tones.astype(np.int16)
    ours = convert(speechlike, input_rate, output_rate)
    theirs = soxr.resample(speechlike / 32768, input_rate, output_rate, quality="VHQ") * 32768
    assert len(ours) == len(theirs)
    middle = slice(len(ours) // 4, 3 * len(ours) // 4)
    assert decibels(rms(ours[middle] - theirs[middle]) / rms(theirs[middle])) < -70


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("level", [-32768, -1, 0, 12345, 32767])
def test_a_constant_stays_itself(rate: int, level: int) -> None:
    got = convert(np.full(4000, level, np.int16), rate, 16000)
    assert np.array_equal(np.unique(got[1500 * 16000 // rate : 2500 * 16000 // rate]), [level])


def test_peaks_between_samples_saturate() -> None:
    square = np.where(np.arange(2000) // 4 % 2, 32767, -32768).astype(np.int16)
    got = convert(square, 8000, 48000)
    assert got.max() == 32767
    assert got.min() == -32768
    assert np.mean(np.abs(np.diff(got.astype(np.int32))) > 40000) == 0  # nothing wrapped around


def test_equal_rates_pass_through() -> None:
    samples = noise(50)
    resampler = Resampler(16000, 16000)
    assert resampler.push(samples) is samples
    assert resampler.lag == 0
    assert resampler.finish().shape == (0,)


@settings(deadline=None)
@given(st.lists(st.tuples(rates, st.integers(0, 400)), min_size=1, max_size=5), st.sampled_from([8000, 16000, 48000]))
def test_the_input_rate_may_change(stretches: list[tuple[int, int]], output_rate: int) -> None:
    resampler = Resampler(stretches[0][0], output_rate)
    joined = [resampler.push(noise(frames), rate=rate) for rate, frames in stretches]
    joined.append(resampler.finish())
    merged: list[tuple[int, list[NDArray[np.int16]]]] = []
    for rate, frames in stretches:
        if not merged or merged[-1][0] != rate:
            merged.append((rate, []))
        merged[-1][1].append(noise(frames))
    expected = [convert(np.concatenate(parts), rate, output_rate) for rate, parts in merged]
    assert np.array_equal(np.concatenate(joined), np.concatenate(expected))


def test_a_refused_rate_changes_nothing() -> None:
    resampler, undisturbed = Resampler(24000, 16000), Resampler(24000, 16000)
    first = noise(500)
    resampler.push(first)
    undisturbed.push(first)
    with pytest.raises(ValueError, match="rates must be positive"):
        resampler.push(first, rate=0)
    assert np.array_equal(resampler.push(first), undisturbed.push(first))
    assert np.array_equal(resampler.finish(), undisturbed.finish())


def test_it_is_spent_after_finish_until_reset() -> None:
    resampler = Resampler(24000, 16000)
    expected = np.concatenate((resampler.push(noise(700)), resampler.finish()))
    for use in (lambda: resampler.push(noise(1)), resampler.finish):
        with pytest.raises(ValueError, match=r"finished; reset\(\) it"):
            use()
    resampler.reset()
    assert np.array_equal(np.concatenate((resampler.push(noise(700)), resampler.finish())), expected)
    resampler.reset()
    resampler.push(noise(9))
    resampler.reset()
    assert np.array_equal(np.concatenate((resampler.push(noise(700)), resampler.finish())), expected)


def test_channels_do_not_touch() -> None:
    left, right = noise(5000), noise(5001)[:5000]
    both = convert(np.stack((left, right), axis=1), 48000, 22050)
    assert np.array_equal(both[:, 0], convert(left, 48000, 22050))
    assert np.array_equal(both[:, 1], convert(right, 48000, 22050))


@pytest.mark.parametrize("frames", [1, 100, 700, 5000])
def test_what_comes_out_is_packed(frames: int) -> None:
    resampler = Resampler(48000, 44100, channels=2)
    assert resampler.push(noise(frames, 2)).flags.c_contiguous
    assert resampler.finish().flags.c_contiguous


def test_a_long_push_is_the_same_as_short_ones() -> None:
    samples = noise(100_000)
    resampler = Resampler(44100, 16000)
    pieces = [resampler.push(samples[i : i + 882]) for i in range(0, len(samples), 882)]
    assert np.array_equal(np.concatenate((*pieces, resampler.finish())), convert(samples, 44100, 16000))


def test_input_that_is_a_strided_or_read_only_view() -> None:
    stereo = noise(3000, 2)
    assert np.array_equal(convert(stereo[:, 0], 24000, 16000), convert(stereo[:, 0].copy(), 24000, 16000))
    assert np.array_equal(convert(stereo[::-1], 24000, 16000), convert(stereo[::-1].copy(), 24000, 16000))
    frozen = np.frombuffer(stereo.tobytes(), np.int16)
    assert len(convert(frozen, 24000, 16000)) == 4000


@pytest.mark.parametrize(
    ("channels", "samples", "error", "text"),
    [
        (1, np.zeros(3, np.float32), TypeError, "float32, not int16"),
        (1, np.zeros((3, 1), np.int16), ValueError, r"shape \(3, 1\), not \(n,\)"),
        (2, np.zeros(4, np.int16), ValueError, r"shape \(4,\), not \(n, 2\)"),
        (2, np.zeros((4, 3), np.int16), ValueError, r"shape \(4, 3\), not \(n, 2\)"),
    ],
)
def test_what_is_not_its_input_is_refused(
    channels: int, samples: NDArray[np.int16], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        Resampler(24000, 16000, channels=channels).push(samples)


@pytest.mark.parametrize(
    ("input_rate", "output_rate", "channels", "text"),
    [
        (0, 16000, 1, "must be positive"),
        (16000, -1, 1, "must be positive"),
        (16000, 8000, 0, "0 channels"),
        (192000, 1, 1, "more than 256 times apart"),
        (1, 257, 1, "more than 256 times apart"),
    ],
)
def test_impossible_resamplers_are_refused(input_rate: int, output_rate: int, channels: int, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Resampler(input_rate, output_rate, channels=channels)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads as Linux shows them")
def test_no_thread_is_added() -> None:
    before = len(list(Path("/proc/self/task").iterdir()))
    streams = [Resampler(rate, 16000) for rate in RATES for _ in range(10)]
    for stream in streams:
        stream.push(noise(20_000))
    assert len(list(Path("/proc/self/task").iterdir())) == before
    assert threading.active_count() <= before


def test_whole_pcm() -> None:
    stereo = Pcm(noise(4800, 2), 48000)
    assert resample(stereo, 48000) is stereo
    converted = resample(stereo, 16000)
    assert (converted.frames, converted.channels, converted.rate) == (1600, 2, 16000)
    assert resample(stereo.mono(), 16000).samples.shape == (1600, 1)
    assert np.array_equal(converted.samples, convert(stereo.samples, 48000, 16000))
    with pytest.raises(TypeError, match="int16"):
        resample(stereo.as_float32(), 16000)
