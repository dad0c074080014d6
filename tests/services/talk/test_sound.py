"""Recordings in, answers out."""

import wave
from pathlib import Path

import numpy as np
import pytest
from troupe.codecs.encode import encode
from troupe.codecs.errors import CodecError
from troupe.codecs.pcm import Pcm
from troupe.services.talk.dialogue import RATE
from troupe.services.talk.sound import FRAME, Answers, recording


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def second(value: int) -> bytes:
    return np.full(RATE, value, np.int16).tobytes()


def test_a_recording_of_any_format_becomes_frames(tmp_path: Path) -> None:
    path = tmp_path / "question"
    path.write_bytes(encode(Pcm(np.full((8000, 2), 1000, np.int16), 8000), "flac"))
    frames = recording(path)
    assert [len(frame) for frame in frames] == [2 * FRAME] * 50


def test_what_has_no_audio_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "question.wav"
    path.write_text("not audio")
    with pytest.raises(CodecError):
        recording(path)


def test_an_answer_counts_as_heard_at_the_speed_of_speech() -> None:
    clock = Clock()
    answers = Answers(clock)
    answers.play(second(1))
    answers.play(second(2))
    clock.time += 0.5
    assert answers.played() == RATE // 2
    assert answers.remaining() == pytest.approx(1.5)
    clock.time += 10
    assert answers.played() == 2 * RATE
    assert answers.remaining() == 0


def test_what_was_not_heard_is_not_in_the_file(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "out.wav"
    answers = Answers(clock)
    answers.play(second(1))
    clock.time += 0.25
    assert answers.silence() == RATE // 4
    clock.time += 5
    answers.play(second(2))
    clock.time += 5
    answers.save(path)
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(10**9), np.int16)
    assert list(np.unique(samples[: RATE // 4])) == [1]
    assert list(np.unique(samples[RATE // 4 :])) == [2]
    assert len(samples) == RATE // 4 + RATE
