"""The input path: the same audio whatever the pieces, and a window as soon as it is complete."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.voice.ear import KEPT, RATE, WINDOW, Ear
from troupe.codecs.audio_format import G711_ULAW, PCM16, AudioFormat, pcm16
from troupe.codecs.resample import Resampler

NOISE = np.random.default_rng(3).integers(-20_000, 20_000, 48_000, dtype=np.int16)
FORMATS = [PCM16, G711_ULAW, pcm16(RATE), pcm16(44_100)]


def heard_at_once(form: AudioFormat, data: bytes) -> np.ndarray:
    samples = form.decode(data)
    return samples if form.rate == RATE else Resampler(form.rate, RATE).push(samples)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: f"{form.name}-{form.rate}")
@given(sizes=st.lists(st.integers(0, 3000), min_size=1, max_size=30))
def test_pieces_do_not_matter(form: AudioFormat, sizes: list[int]) -> None:
    data = form.encode(NOISE)
    ear, parts, position = Ear(form), [], 0
    for size in sizes:
        parts.append(ear.push(data[position : position + size]))
        position += size
    parts.append(ear.settle())
    whole = len(data[:position]) // form.sample_size * form.sample_size
    heard = np.concatenate(parts)
    np.testing.assert_array_equal(heard, heard_at_once(form, data[:whole]))
    assert ear.position == len(heard)
    np.testing.assert_array_equal(ear.since(0), heard[-KEPT:])


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: f"{form.name}-{form.rate}")
def test_a_window_is_there_as_soon_as_its_audio_is(form: AudioFormat) -> None:
    data = form.encode(NOISE)
    size = form.rate // 100 * form.sample_size
    patient, eager = Ear(form), Ear(form)
    for start in range(0, len(data), size):
        patient.push(data[start : start + size])
        eager.push(data[start : start + size])
        eager.settle()
        assert patient.position // WINDOW == eager.position // WINDOW


def test_audio_of_another_format_goes_on_where_the_first_ended() -> None:
    ear = Ear(PCM16)
    ear.push(PCM16.encode(NOISE[:12_345]))
    ear.settle()
    before = ear.position
    ear.listen_to(G711_ULAW)
    ear.push(G711_ULAW.encode(NOISE[:4000]))
    ear.settle()
    np.testing.assert_array_equal(ear.since(before), heard_at_once(G711_ULAW, G711_ULAW.encode(NOISE[:4000])))


def test_what_is_held_is_forgotten_with_the_buffer() -> None:
    ear = Ear(pcm16(RATE))
    ear.push(NOISE[:100].tobytes() + b"\1")
    ear.flush()
    ear.push(NOISE[200:300].tobytes())
    np.testing.assert_array_equal(ear.settle(), NOISE[200:300])
