"""The real library, on a model with random weights: what it hears is one word, how it says so is real."""

import io
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from sdk import official
from troupe.services.shipped.serving.audio import decode
from troupe.services.shipped.serving.refusals import EngineFailed
from troupe.services.shipped.whisper.engine import RATE, Task
from troupe.services.shipped.whisper.faster_whisper import FasterWhisper, open_engine
from troupe.services.shipped.whisper.settings import Settings

official("faster_whisper")

from tiny_whisper import WORDS, save  # noqa: E402


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(scope="module")
def engine(model: str) -> FasterWhisper:
    return open_engine(Settings(model=model, device="cpu", threads=1, offline=True))


def test_speech_becomes_segments_with_words(engine: FasterWhisper, model: str, recording: bytes) -> None:
    audio = decode(io.BytesIO(recording), RATE, 60)
    recognition = engine.transcribe(audio, Task(language="en", prompt="hotel", temperature=0.0, words=True))
    segment = next(recognition.segments)
    assert (engine.model, recognition.language) == (model, "en")
    assert {word.text for word in segment.words} == {f" {WORDS[1]}"}
    assert "".join(word.text for word in segment.words) == segment.text
    assert 0 <= segment.words[0].start <= segment.end <= len(audio) / RATE + 0.1
    msgspec.json.encode(segment)  # no number of numpy's is left, which JSON does not know


def test_silence_is_nothing(engine: FasterWhisper) -> None:
    recognition = engine.transcribe(np.zeros(RATE, np.float32), Task(words=True))
    assert list(recognition.segments) == []


@pytest.mark.parametrize("options", [{"model": "/nowhere"}, {"device": "abacus"}, {"compute": "int3"}])
def test_a_model_that_can_not_be_had_is_told(model: str, options: dict[str, Any]) -> None:
    with pytest.raises(SystemExit, match="can't be loaded"):
        open_engine(Settings(**{"model": model, "device": "cpu", "offline": True} | options))


def test_failures_of_the_library_are_told_apart(tmp_path: Path, recording: bytes) -> None:
    model = str(save(tmp_path / "stunted", text_positions=6))
    engine = open_engine(Settings(model=model, device="cpu", threads=1, offline=True))
    recognition = engine.transcribe(decode(io.BytesIO(recording), RATE, 60), Task())
    with pytest.raises(EngineFailed):
        list(recognition.segments)
