"""PCM: views without copies, exact conversions, saturation, and errors that name the fix."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from troupe.codecs.pcm import Pcm, amplify, from_decibels, int16_from_bytes, to_float32, to_int16

EVERY_INT16 = np.arange(-32768, 32768).astype(np.int16)

frames_and_channels = st.tuples(st.integers(0, 50), st.integers(1, 4))
pcm16 = st.builds(Pcm, arrays(np.int16, frames_and_channels), st.sampled_from([8000, 16000, 22050, 48000]))


def test_from_bytes_is_a_view() -> None:
    data = bytearray(b"\x01\x00\x02\x00\xff\xff\x00\x80")
    pcm = Pcm.from_bytes(data, 8000, channels=2)
    assert pcm.samples.tolist() == [[1, 2], [-1, -32768]]
    data[0] = 7
    assert pcm.samples[0, 0] == 7


def test_a_view_of_bytes_is_read_only() -> None:
    assert not Pcm.from_bytes(b"\0\0", 8000).samples.flags.writeable


@given(pcm16)
def test_bytes_round_trip(pcm: Pcm) -> None:
    assert Pcm.from_bytes(pcm.to_bytes(), pcm.rate, pcm.channels) == pcm


@given(pcm16)
def test_planar_round_trip(pcm: Pcm) -> None:
    planar = pcm.to_planar()
    assert planar.shape == (pcm.channels, pcm.frames)
    assert Pcm.from_planar(planar, pcm.rate) == pcm


def test_int16_to_float32_and_back_is_exact_for_every_value() -> None:
    floats = to_float32(EVERY_INT16)
    assert floats.dtype == np.float32
    assert floats.min() == -1.0
    assert floats.max() == 32767 / 32768
    assert np.array_equal(to_int16(floats), EVERY_INT16)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, 32767),
        (-1.0, -32768),
        (7.5, 32767),
        (-7.5, -32768),
        (math.inf, 32767),
        (-math.inf, -32768),
        (math.nan, 0),
        (0.5 / 32768, 0),
        (1.5 / 32768, 2),
    ],
)
def test_float_is_rounded_and_clamped(value: float, expected: int) -> None:
    assert to_int16(np.array([value], np.float32)).tolist() == [expected]


def test_conversion_leaves_its_input_alone() -> None:
    floats = np.array([3.0, -0.25], np.float32)
    to_int16(floats)
    assert floats.tolist() == [3.0, -0.25]


def test_conversion_to_the_same_type_is_the_same_object() -> None:
    pcm = Pcm.from_mono(EVERY_INT16, 8000)
    assert pcm.as_int16() is pcm
    assert pcm.as_float32().as_float32().as_int16() == pcm
    assert pcm.mono() is pcm
    assert pcm.with_channels(1) is pcm


@given(arrays(np.int16, st.integers(0, 30)), st.floats(-8, 8, width=32))
def test_amplify_saturates_as_arithmetic_on_integers_would(samples: NDArray[np.int16], factor: float) -> None:
    expected = [
        min(32767, max(-32768, int(np.rint(np.float32(sample) * np.float32(factor))))) for sample in samples.tolist()
    ]
    assert amplify(samples, factor).tolist() == expected


def test_gain_in_decibels() -> None:
    assert from_decibels(20) == pytest.approx(10)
    assert Pcm.from_mono(np.array([100, -100, 20000], np.int16), 8000).gain_decibels(20).samples[:, 0].tolist() == [
        1000,
        -1000,
        32767,
    ]


def test_gain_keeps_the_headroom_of_floats() -> None:
    loud = Pcm.from_mono(np.array([0.5], np.float32), 8000).gain(4)
    assert loud.samples.tolist() == [[2.0]]
    assert loud.as_int16().samples.tolist() == [[32767]]


@given(pcm16)
def test_mono_is_the_mean(pcm: Pcm) -> None:
    exact = pcm.samples.astype(np.float64).mean(axis=1)
    assert np.abs(pcm.mono().samples[:, 0] - exact).max(initial=0) <= 0.5
    assert np.allclose(pcm.as_float32().mono().samples[:, 0] * 32768, exact, atol=0.01)


@given(pcm16, st.integers(1, 4))
def test_spreading_mono_copies_it_to_each_channel(pcm: Pcm, channels: int) -> None:
    spread = pcm.mono().with_channels(channels)
    assert spread.channels == channels
    assert spread.mono() == pcm.mono()
    assert all(spread.channel(index) == pcm.mono() for index in range(channels))


def test_many_channels_to_one_are_their_mean() -> None:
    assert Pcm(np.array([[1, 4], [-3, -4]], np.int16), 8000).with_channels(1).samples.tolist() == [[2], [-4]]


def test_channels_of_different_layouts_are_not_guessed() -> None:
    with pytest.raises(ValueError, match="from 2 to 6 channels"):
        Pcm.silence(1, 8000, 2).with_channels(6)


def test_mono_int16_is_a_view_where_it_can_be() -> None:
    pcm = Pcm.from_mono(EVERY_INT16, 8000)
    assert np.shares_memory(pcm.mono_int16(), EVERY_INT16)
    stereo = Pcm(np.array([[1.0, 0.0], [-1.0, -1.0]], np.float32), 8000)
    assert stereo.mono_int16().tolist() == [16384, -32768]


@given(pcm16, st.integers(0, 60))
def test_cutting_and_joining_gives_the_same(pcm: Pcm, cut: int) -> None:
    head, tail = pcm.slice(0, cut), pcm.slice(cut)
    assert Pcm.concat([head, tail]) == pcm
    assert head.frames == min(cut, pcm.frames)
    assert Pcm.concat([pcm]) is pcm


def test_slices_are_views() -> None:
    pcm = Pcm.silence(16000, 16000)
    part = pcm.slice_seconds(0.25, 0.75)
    assert (part.frames, part.duration) == (8000, 0.5)
    assert np.shares_memory(part.samples, pcm.samples)
    assert pcm.slice_seconds(0.9).frames == 1600


def test_equality_looks_at_rate_type_and_values() -> None:
    pcm = Pcm.silence(4, 8000)
    assert pcm == Pcm.silence(4, 8000)
    assert pcm != Pcm.silence(4, 16000)
    assert pcm != Pcm.silence(5, 8000)
    assert pcm != pcm.as_float32()
    assert pcm != "silence"
    with pytest.raises(TypeError, match="unhashable"):
        hash(pcm)


def test_repr_shows_no_samples() -> None:
    assert repr(Pcm.silence(800, 8000, 2)) == "<Pcm 800 x 2 int16 at 8000 Hz, 0.100 s>"


@pytest.mark.parametrize(
    ("samples", "rate", "error", "text"),
    [
        (np.zeros((4, 1), np.int32), 8000, TypeError, "convert them to int16 or float32"),
        (np.zeros(4, np.int16), 8000, ValueError, r"becomes one by \[:, None\]"),
        (np.zeros((4, 0), np.int16), 8000, ValueError, r"not \(frames, channels\)"),
        (np.zeros((4, 2), np.int16)[:, :1], 8000, ValueError, "ascontiguousarray"),
        (np.zeros((4, 1), np.int16), 0, ValueError, "must be positive"),
    ],
)
def test_what_is_not_pcm_is_refused(samples: NDArray[np.int16], rate: int, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        Pcm(samples, rate)


def test_bytes_that_are_no_whole_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="6 bytes are not a whole number of frames of 2 x 2 bytes"):
        Pcm.from_bytes(bytes(6), 8000, channels=2)
    with pytest.raises(ValueError, match="size"):
        int16_from_bytes(b"abc")


def test_concat_refuses_a_mixture_and_nothing() -> None:
    with pytest.raises(ValueError, match="at least one part"):
        Pcm.concat([])
    with pytest.raises(ValueError, match="one rate"):
        Pcm.concat([Pcm.silence(1, 8000), Pcm.silence(1, 16000)])


@pytest.mark.parametrize("positions", [(-1, None), (0, -1)])
def test_negative_positions_are_refused(positions: tuple[int, int | None]) -> None:
    with pytest.raises(ValueError, match="can't be negative"):
        Pcm.silence(4, 8000).slice(*positions)
