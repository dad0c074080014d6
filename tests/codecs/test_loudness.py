"""Loudness against the EBU's compliance signals (Tech 3341, Tech 3342), made here, and against ffmpeg's meter."""

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from troupe.codecs.loudness import measure, normalise
from troupe.codecs.pcm import Pcm, from_decibels


def tone(*levels_and_seconds: tuple[float, float], rate: int = 48000, channels: int = 2, hertz: float = 1000) -> Pcm:
    """Stretches of a sine, the same in all channels, whose peak level is given in dBFS."""
    level = np.concatenate(
        [np.full(round(seconds * rate), from_decibels(dbfs)) for dbfs, seconds in levels_and_seconds]
    )
    wave = level * np.sin(2 * np.pi * hertz / rate * np.arange(len(level)))
    return Pcm(np.repeat(wave.astype(np.float32)[:, None], channels, axis=1), rate)


def noise(seconds: float, rate: int, channels: int) -> Pcm:
    """Noise that swells and fades, so that there is a range to measure."""
    swell = 0.05 * (1.05 + np.sin(np.arange(round(seconds * rate)) / rate * 0.8))[:, None]
    white = np.random.default_rng(0).standard_normal((len(swell), channels))
    return Pcm((swell * white).astype(np.float32), rate).as_int16()


@pytest.mark.parametrize(
    ("stretches", "integrated"),
    [  # Tech 3341, table 1, cases 1 to 5: ± 0.1 LU
        ([(-23, 20)], -23.0),
        ([(-33, 20)], -33.0),
        ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
        ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
    ],
    ids=["1", "2", "3: relative gate", "4: absolute gate", "5"],
)
def test_ebu_integrated_loudness(stretches: list[tuple[float, float]], integrated: float) -> None:
    assert measure(tone(*stretches)).integrated == pytest.approx(integrated, abs=0.1)


def test_ebu_surround() -> None:
    """Tech 3341, case 6: 1 kHz at -28 dBFS in front, -24 in the centre, -30 in the surrounds."""
    left = tone((-28, 20), channels=1).samples[:, 0]
    centre, around = tone((-24, 20), channels=1).samples[:, 0], tone((-30, 20), channels=1).samples[:, 0]
    effects = tone((-6, 20), channels=1).samples[:, 0]  # is not counted
    signal = Pcm.from_planar(np.stack([left, left, centre, effects, around, around]), 48000)
    assert measure(signal).integrated == pytest.approx(-23.0, abs=0.1)


def test_ebu_time_scales() -> None:
    """Tech 3341, cases 9 and 12: bursts shorter than the window show the mean of burst and pause, constantly."""
    short = measure(tone(*[(-20, 1.34), (-30, 1.66)] * 5)).short_term
    assert short == pytest.approx(np.full(len(short), -23.0), abs=0.1)
    momentary = measure(tone(*[(-20, 0.18), (-30, 0.22)] * 25)).momentary
    assert momentary == pytest.approx(np.full(len(momentary), -23.0), abs=0.1)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [  # Tech 3342, table 1, cases 1 to 4: ± 1 LU
        ((-20, -30), 10),
        ((-20, -15), 5),
        ((-40, -20), 20),
        ((-50, -35, -20, -35, -50), 15),
    ],
)
def test_ebu_loudness_range(levels: tuple[float, ...], expected: float) -> None:
    signal = tone(*[(level, 20) for level in levels], rate=16000, channels=1)
    assert measure(signal).range == pytest.approx(expected, abs=0.2)


@pytest.mark.parametrize(
    ("fraction", "degrees", "level", "true_peak"),
    [(4, 0, 0.5, -6.0), (4, 45, 0.5, -6.0), (6, 60, 0.5, -6.0), (8, 67.5, 0.5, -6.0), (4, 45, 1.41, 3.0)],
)
def test_ebu_true_peak(fraction: int, degrees: float, level: float, true_peak: float) -> None:
    """Tech 3341, cases 15 to 19: sines whose peaks lie between the samples; + 0.2, - 0.4 dB."""
    time = np.arange(48000)
    fade = np.clip(np.minimum(time, time[::-1]) / 2400, 0, 1)
    wave = fade * level * np.sin(2 * np.pi * time / fraction + np.radians(degrees))
    peak = measure(Pcm.from_mono(wave.astype(np.float32), 48000)).true_peak
    assert true_peak - 0.4 <= peak <= true_peak + 0.2


SIGNALS = {
    "stereo at 48 kHz": lambda: noise(12, 48000, 2),
    "stereo at 44.1 kHz": lambda: noise(12, 44100, 2),
    "mono at 16 kHz": lambda: noise(20, 16000, 1),
    "mono at 11.025 kHz": lambda: noise(20, 11025, 1),
    "mono at 8 kHz": lambda: tone((-30, 8), (-20, 9), (-60, 3), rate=8000, channels=1, hertz=200),
    "low tone": lambda: tone((-20, 10), rate=48000, channels=1, hertz=60),
    "half silent": lambda: Pcm.concat([noise(10, 24000, 1), Pcm.silence(240_000, 24000)]),
}


@pytest.mark.parametrize("name", SIGNALS)
def test_ffmpeg_measures_the_same(name: str, ffmpeg: Callable[..., None], tmp_path: Path) -> None:
    signal = SIGNALS[name]().as_int16()
    (tmp_path / "raw").write_bytes(signal.to_bytes())
    meter = f"ebur128=metadata=1:peak=true,ametadata=print:file={tmp_path / 'report'}"
    source = ["-f", "s16le", "-ar", str(signal.rate), "-ac", str(signal.channels), "-i", tmp_path / "raw"]
    ffmpeg(*source, "-af", meter, "-f", "null", "-")
    theirs = dict(re.findall(r"lavfi\.r128\.(\w+)=(\S+)", (tmp_path / "report").read_text()))  # the last ones
    ours = measure(signal)
    assert ours.integrated == pytest.approx(float(theirs["I"]), abs=0.1)
    assert ours.range == pytest.approx(float(theirs["LRA"]), abs=1)  # ffmpeg also counts windows that are still filling
    assert max(ours.momentary[-1], -100) == pytest.approx(max(float(theirs["M"]), -100), abs=0.1)
    assert ours.true_peak == pytest.approx(20 * math.log10(float(theirs["true_peak"])), abs=0.5)


@settings(max_examples=20, deadline=None)
@given(st.floats(-40, -10), st.sampled_from([8000, 16000, 24000, 48000]))
def test_normalised_audio_has_the_loudness_asked_for(target: float, rate: int) -> None:
    signal = noise(3.5, rate, 1).as_float32()
    measured = measure(normalise(signal, target, peak_limit=6))
    assert measured.integrated == pytest.approx(target, abs=0.01)
    assert measured.momentary.shape == (32,)
    assert measured.short_term.shape == (6,)


def test_the_limit_of_peaks_goes_before_the_target() -> None:
    signal = noise(3, 16000, 1)
    loud = measure(normalise(signal, 0.0))
    assert loud.true_peak == pytest.approx(-1.0, abs=0.01)
    assert loud.integrated < 0
    assert measure(signal).gain_to(0.0) == pytest.approx(-1.0 - measure(signal).true_peak)


@pytest.mark.parametrize("signal", [Pcm.silence(48000, 16000), Pcm.silence(0, 16000, 2)], ids=["silence", "nothing"])
def test_silence_has_no_loudness(signal: Pcm) -> None:
    measured = measure(signal)
    assert measured.integrated == measured.true_peak == -math.inf
    assert measured.range == 0
    assert normalise(signal) == signal


def test_shorter_than_a_window_has_no_loudness_but_a_peak() -> None:
    measured = measure(tone((-6, 0.39)))
    assert measured.integrated == -math.inf
    assert measured.true_peak == pytest.approx(-6, abs=0.2)
    assert len(measured.momentary) == len(measured.short_term) == 0


def test_a_loud_past_leaves_no_trace() -> None:
    """The filters see only a quarter of a second of the past; the rest must not be missing."""
    rate = 16000
    steady = tone((-40, 4), rate=rate, channels=1)
    offset = Pcm(steady.samples + np.where(np.arange(steady.frames) < rate, 0.5, 0)[:, None].astype(np.float32), rate)
    got: NDArray[np.float64] = measure(offset).momentary[15:]  # half a second after the jump
    assert got == pytest.approx(measure(steady).momentary[15:], abs=0.01)


@pytest.mark.parametrize(
    ("signal", "text"), [(Pcm.silence(9, 48000, 4), "4 channels"), (Pcm.silence(9, 4000), "not at 4000 Hz")]
)
def test_what_has_no_defined_loudness_is_refused(signal: Pcm, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        measure(signal)
