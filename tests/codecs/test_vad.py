"""Voice activity: the model hears speech, batches change nothing, silence costs nothing and harms no onset."""

import itertools
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from troupe.codecs.silero import STATE, SileroModel
from troupe.codecs.vad import VadStream, speech_probabilities, step

Int16 = NDArray[np.int16]
Speak = Callable[..., Int16]

SENTENCES = (
    "Please book a table for two at seven this evening.",
    "Yes, thank you.",
    "Sixteen, no, seventeen of them, in the large box on the left.",
    "Hello? Is anybody there?",
)
MODEL = SileroModel()


class CountingModel(SileroModel):
    """Counts the windows that reach the model."""

    windows = 0

    def infer(self, windows: NDArray[np.float32], states: NDArray[np.float32]):
        self.windows += len(windows)
        return super().infer(windows, states)


def noise(seconds: float, rate: int, level: float = 800) -> Int16:
    return np.random.default_rng(5).normal(0, level, int(seconds * rate)).astype(np.int16)


def ungated(samples: Int16) -> NDArray[np.float32]:
    """Each window through the model, alone, at 16 kHz, as the documentation of Silero has it."""
    padded = np.concatenate([np.zeros(64), samples / 32768]).astype(np.float32)
    state, answers = np.zeros((1, STATE), np.float32), []
    for start in range(0, len(samples) - 511, 512):
        probability, state = MODEL.infer(padded[None, start : start + 576], state)
        answers.append(probability[0])
    return np.array(answers)


@pytest.mark.parametrize("rate", [16_000, 8_000])
def test_speech_is_heard_and_noise_is_not(speak: Speak, rate: int) -> None:
    for sentence in SENTENCES:
        probabilities = speech_probabilities(MODEL, speak(sentence, rate), rate)
        assert np.median(probabilities) > 0.9, sentence
        assert np.mean(probabilities > 0.5) > 0.7, sentence
    assert speech_probabilities(MODEL, noise(3, rate), rate).max() < 0.3
    hum = (8000 * np.sin(np.arange(3 * rate) * 2 * np.pi * 50 / rate)).astype(np.int16)
    assert speech_probabilities(MODEL, hum, rate)[3:].max() < 0.3
    assert speech_probabilities(MODEL, np.zeros(3 * rate, np.int16), rate).max() < 0.1


def test_a_pause_between_words_is_heard(speak: Speak) -> None:
    pause = noise(1, 16_000, level=30)
    probabilities = speech_probabilities(MODEL, np.concatenate([speak(SENTENCES[0]), pause, speak(SENTENCES[1])]))
    start = len(speak(SENTENCES[0])) // 512
    assert probabilities[start + 5 : start + 30].max() < 0.2
    assert probabilities[start + 36 : start + 40].max() > 0.8


def test_many_streams_at_once_are_judged_as_each_alone(speak: Speak) -> None:
    """Mixed rates, streams that start late, wait, and end early; against one stream after the other."""
    random = np.random.default_rng(3)
    rates = [16_000, 8_000, 16_000, 16_000, 8_000, 16_000]
    gap = np.zeros(9_000, np.int16)
    audio = [np.concatenate([gap[: 1500 * i], speak(SENTENCES[i % 4], rate), gap]) for i, rate in enumerate(rates)]
    streams = [VadStream(rate) for rate in rates]
    answers: list[list[float]] = [[] for _ in rates]
    sent = [0] * len(rates)
    while any(sent[i] < len(audio[i]) for i in range(len(rates))):
        for i, stream in enumerate(streams):
            size = int(random.integers(0, 1500))
            stream.push(audio[i][sent[i] : sent[i] + size])
            sent[i] += size
        while any(stream.waiting for stream in streams):
            for given_answers, answer in zip(answers, step(MODEL, streams), strict=True):
                if answer is not None:
                    given_answers.append(answer)
    for i, rate in enumerate(rates):
        alone = speech_probabilities(MODEL, audio[i], rate)
        assert len(alone) == len(answers[i]) == len(audio[i]) // (rate * 32 // 1000)
        assert np.abs(alone - answers[i]).max() < 1e-4


@settings(max_examples=25)
@given(st.lists(st.integers(0, 3000), min_size=1, max_size=12), st.sampled_from([16_000, 8_000]))
def test_any_chunking_gives_the_same(sizes: list[int], rate: int) -> None:
    samples = (np.random.default_rng(1).normal(0, 3000, sum(sizes))).astype(np.int16)
    stream = VadStream(rate)
    answers: list[float | None] = []
    for end, size in zip(itertools.accumulate(sizes), sizes, strict=True):
        stream.push(samples[end - size : end])
        while stream.waiting:
            answers += step(MODEL, [stream])
    assert np.array_equal(speech_probabilities(MODEL, samples, rate), np.array(answers, np.float32))
    assert stream.position == len(samples) // stream.window * stream.window


def test_one_step_takes_one_window_of_each() -> None:
    streams = [VadStream(), VadStream(8_000), VadStream()]
    streams[0].push(noise(0.1, 16_000))
    streams[1].push(noise(0.04, 8_000))
    assert [stream.waiting for stream in streams] == [3, 1, 0]
    first, second = step(MODEL, streams), step(MODEL, streams)
    assert [answer is None for answer in first] == [False, False, True]
    assert [answer is None for answer in second] == [False, True, True]
    assert step(MODEL, []) == []


def test_digital_silence_reaches_the_model_for_a_second_only() -> None:
    model, stream = CountingModel(), VadStream()
    alternating = np.tile(np.array([8, -8], np.int16), 8000)  # a second of A-law's silence
    for _ in range(60):
        stream.push(alternating)
        while stream.waiting:
            step(model, [stream])
    assert model.windows == 32
    frozen = stream.state.copy()
    stream.push(np.zeros(512, np.int16))
    assert step(model, [stream]) == [0.0]
    assert np.array_equal(stream.state, frozen)
    stream.push(noise(1, 16_000, level=30))
    while stream.waiting:
        step(model, [stream])
    assert model.windows > 32 + 29
    assert not np.array_equal(stream.state, frozen)


def test_onsets_after_silence_are_not_later_than_without_the_gate(speak: Speak) -> None:
    random = np.random.default_rng(8)
    parts: list[Int16] = []
    for i in range(24):
        parts += [np.zeros(int(random.integers(2_000, 60_000)), np.int16), speak(SENTENCES[i % 4])]
    samples = np.concatenate(parts)
    with_gate, without = speech_probabilities(MODEL, samples), ungated(samples)
    ends = np.cumsum([len(part) for part in parts])
    for start, end in zip(ends[::2], ends[1::2], strict=True):
        window = slice(start // 512, end // 512)
        assert np.argmax(with_gate[window] > 0.5) <= np.argmax(without[window] > 0.5)
        assert with_gate[window].max() > 0.9


def test_reset_forgets_everything(speak: Speak) -> None:
    stream = VadStream()
    stream.push(speak(SENTENCES[0])[:10_000])
    before = [step(MODEL, [stream])[0] for _ in range(stream.waiting)]
    stream.reset()
    assert stream.waiting == stream.position == 0
    stream.push(speak(SENTENCES[0])[:10_000])
    assert before == [step(MODEL, [stream])[0] for _ in range(stream.waiting)]


def test_a_stream_stays_small() -> None:
    """Also after a client has sent two minutes at once."""
    chunk, silent = noise(0.02, 16_000), np.zeros(16_000 * 120, np.int16)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    streams = [VadStream() for _ in range(10)]
    for stream in streams:
        stream.push(silent)
    while streams[0].waiting:
        step(MODEL, streams)
    for _ in range(200):
        for stream in streams:
            stream.push(chunk)
        step(MODEL, streams)
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert used / len(streams) < 16 * 1024


@pytest.mark.parametrize("samples", [np.zeros(10, np.float32), np.zeros((10, 1), np.int16), np.zeros(10, np.int32)])
def test_other_arrays_are_refused(samples: NDArray[np.generic]) -> None:
    with pytest.raises(TypeError, match="int16"):
        VadStream().push(samples)


def test_other_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="resample"):
        VadStream(24_000)
