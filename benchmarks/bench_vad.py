"""Voice activity and turns: what a window costs alone and in batches, what a decision and a token cost."""

from collections.abc import Callable

import numpy as np
import onnxruntime
from harness import Row, at_most, cpu_seconds, interleaved
from troupe.codecs.end_of_turn import TranscriptScorer
from troupe.codecs.silero import STATE, SileroModel, _model_file
from troupe.codecs.speakable import SpeechCutter
from troupe.codecs.turn import ServerVad, TurnDetector
from troupe.codecs.vad import VadStream, step

BATCH = 16
TEXT = (
    "I can help with that. The **forecast** for Zürich says 21.5 °C, with a light breeze; see "
    "[the map](https://example.com/map). Shall I book the 10:30 train, or would you rather go by car?\n\n"
)


def rows(*, quick: bool) -> list[Row]:
    """Measure CPU time; the peer is measured in the same run."""
    return [*vad(2 if quick else 300, quick=quick), *decisions(20 if quick else 20_000), *texts(1 if quick else 100)]


def vad(windows: int, *, quick: bool) -> list[Row]:
    model, original = SileroModel(), _original()
    rounds = 2 if quick else 9
    noise = np.random.default_rng(1).normal(0, 3000, windows * 512).astype(np.int16)

    def streams(rate: int, samples: np.ndarray) -> list[VadStream]:
        made = [VadStream(rate) for _ in range(BATCH)]
        for stream in made:
            stream.push(samples[: windows * stream.window])
        return made

    def batched(rate: int, samples: np.ndarray = noise) -> Callable[[], float]:
        def measure() -> float:
            ready = streams(rate, samples)
            return _per(lambda: [step(model, ready) for _ in range(windows)], windows * BATCH)

        return measure

    def one_by_one() -> float:
        ready = streams(16_000, noise)
        return _per(lambda: [step(model, [each]) for _ in range(windows) for each in ready], windows * BATCH)

    def originals() -> float:
        inputs = {
            "input": np.tile(noise[:576].astype(np.float32) / 32768, (BATCH, 1)),
            "state": np.zeros((2, BATCH, STATE // 2), np.float32),
            "sr": np.array(16_000, np.int64),
        }
        return _per(lambda: [original.run(None, inputs) for _ in range(windows)], windows * BATCH)

    silence = np.zeros(len(noise), np.int16)
    alone, together, narrow, quiet, theirs = interleaved(
        one_by_one, batched(16_000), batched(8_000), batched(16_000, silence), originals, rounds=rounds
    )
    alone_floor = {"unit": "µs", "floor": alone, "floor_name": "one stream a call"}
    return [
        at_most(0.4, what="a window at 16 kHz, 16 streams a call", value=together, **alone_floor),
        Row(what="a window at 8 kHz, 16 streams a call", value=narrow, unit="µs"),
        at_most(
            1, what="a window at 16 kHz", value=together, unit="µs", floor=theirs, floor_name="the original graph alone"
        ),
        Row(what="share of 20 ms of audio", value=together * 20 / 32, unit="µs"),
        Row(what="a window of digital silence", value=quiet, unit="µs", floor=together, floor_name="one with sound"),
    ]


def decisions(windows: int) -> list[Row]:
    """The two extremes: nothing ever happens, and something happens in every window."""

    def measure(probabilities: list[float]) -> Callable[[], float]:
        def run() -> float:
            turn = TurnDetector(ServerVad(idle_timeout_ms=5000))
            return _per(lambda: [turn.window(probability) for probability in probabilities], windows)

        return run

    rest, change = interleaved(measure([0.05] * windows), measure([0.9, 0.05] * (windows // 2)))
    return [
        Row(what=f"a turn decision, {what}", value=value, unit="µs", goal="≤ 3 µs", met=value <= 3)
        for what, value in (("silence", rest), ("sound in every other window", change))
    ]


def texts(repeats: int) -> list[Row]:
    source = TEXT * repeats
    tokens = [source[at : at + 4] for at in range(0, len(source), 4)]
    score = TranscriptScorer().score

    def cut() -> float:
        cutter = SpeechCutter()
        return _per(lambda: [cutter.push(token) for token in tokens], len(tokens))

    def judge() -> float:
        return _per(lambda: [score("could you book me a table for two at seven and") for _ in tokens], len(tokens))

    cutting, judging = interleaved(cut, judge)
    return [
        Row(what="a token of 4 characters through the cutter", value=cutting, unit="µs"),
        Row(what="a transcript of 10 words judged", value=judging, unit="µs"),
    ]


def _per(function: Callable[[], object], count: int) -> float:
    return cpu_seconds(function) / count * 1e6


def _original() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(_model_file(), options, providers=["CPUExecutionProvider"])
