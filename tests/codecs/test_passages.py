"""Recordings are cut where nobody speaks, and no speech is lost or doubled, however they come in."""

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.codecs.passages import LONGEST, PAD, RATE, Passage, PassageCutter
from troupe.codecs.pcm import Float32, Int16
from troupe.codecs.silero import STATE, SileroModel


class Loudness:
    """Takes what is loud for speech, so that a recording can be made of numbers."""

    def infer(self, windows: Float32, states: Float32) -> tuple[Float32, Float32]:
        return np.abs(windows[:, -64:]).mean(axis=1) * 2, np.zeros((len(windows), STATE), np.float32)


MODEL = cast("SileroModel", cast("Any", Loudness()))


def recording(*parts: tuple[float, float]) -> Int16:
    """Seconds, and how loud they are from 0 to 1; no two samples near each other are alike."""
    pieces: list[Int16] = []
    for seconds, loud in parts:
        count = np.arange(round(seconds * RATE)) % 997
        pieces.append((32_000 * loud - count * (loud > 0)).astype(np.int16))
    return np.concatenate(pieces)


def cut(samples: Int16, size: int = 1 << 30) -> list[Passage]:
    cutter = PassageCutter(MODEL)
    passages = [passage for at in range(0, len(samples), size) for passage in cutter.push(samples[at : at + size])]
    return passages + cutter.finish()


def test_pauses_cut_and_silence_is_left_out() -> None:
    samples = recording((2, 0), (6, 0.9), (1, 0), (1, 0.9), (0.7, 0), (1, 0.9), (3, 0), (0.5, 0.9), (1, 0))
    times = [(passage.start, passage.end) for passage in cut(samples)]
    expected = [(2, 8), (9, 11.7), (14.7, 15.2)]  # 0.7 s end a long passage, and no short one
    assert [pytest.approx((start - PAD, end + PAD), abs=0.1) for start, end in expected] == times


def test_nobody_who_never_pauses_is_heard_for_ever() -> None:
    samples = recording((20, 0.9), (0.2, 0.4), (40, 0.9))
    passages = cut(samples)
    assert passages[0].end == pytest.approx(20.1, abs=0.1), "the quietest place"
    assert all(passage.end - passage.start <= LONGEST + 0.1 for passage in passages)
    assert np.array_equal(np.concatenate([passage.samples for passage in passages]), samples)


def test_silence_has_no_passages_and_is_not_kept() -> None:
    cutter = PassageCutter(MODEL)
    for _ in range(60):
        assert cutter.push(np.zeros(RATE, np.int16)) == []
    assert cutter.held <= 2 * RATE
    assert cutter.finish() == []


@settings(max_examples=25)
@given(
    parts=st.lists(st.tuples(st.floats(0.1, 4), st.sampled_from([0.0, 0.9])), min_size=1, max_size=8),
    size=st.integers(100, 50_000),
)
def test_however_it_comes_in_each_passage_is_what_the_recording_has_there(
    parts: list[tuple[float, float]], size: int
) -> None:
    samples = recording(*parts)
    passages = cut(samples, size)
    assert [(each.start, each.end) for each in passages] == [(each.start, each.end) for each in cut(samples)]
    heard = np.zeros(len(samples), bool)
    before = 0
    for passage in passages:
        start = round(passage.start * RATE)
        assert start >= before
        before = start + len(passage.samples)
        assert np.array_equal(passage.samples, samples[start:before])
        heard[start:before] = True
    long = [round(sum(seconds for seconds, _ in parts[:at]) * RATE) for at, part in enumerate(parts) if part[1]]
    for start in long:
        assert heard[start + 1024 : start + 1500].all(), "what is loud is heard"
