"""Whisper through faster-whisper (CTranslate2); see https://github.com/SYSTRAN/faster-whisper."""

from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, Final, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from ..serving.refusals import EngineFailed
from .engine import HeardWord, Recognition, Segment, Task
from .settings import Settings

TEMPERATURES: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Tried one after the other while the text looks like a loop or a guess (Whisper's own choice)."""


class _Word(Protocol):
    word: str
    start: float
    end: float


class _Segment(Protocol):
    text: str
    start: float
    end: float
    words: list[_Word] | None
    tokens: list[int]
    temperature: float | None
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    seek: int


class _Info(Protocol):
    language: str


class _Model(Protocol):
    def transcribe(self, audio: NDArray[np.float32], **options: Any) -> tuple[Iterable[_Segment], _Info]: ...


def open_engine(settings: Settings) -> "FasterWhisper":
    """Load the model; fetch it first if it is not there.

    Raises:
        SystemExit: It can't be had.
    """
    library: Any = import_module("faster_whisper")

    options: dict[str, Any] = {
        "device": settings.device,
        "device_index": list(settings.devices),
        "compute_type": settings.compute,
        "cpu_threads": settings.threads,
        "num_workers": settings.at_once,
        "download_root": settings.models,
        "local_files_only": settings.offline,
    }
    try:
        model = cast("_Model", library.WhisperModel(settings.model, **options))
    except (RuntimeError, ValueError, OSError) as error:
        raise SystemExit(f"the model {settings.model} can't be loaded on {settings.device}: {error}") from error
    return FasterWhisper(model, settings.model)


class FasterWhisper:
    """A loaded model; it may be called from as many threads as it has workers."""

    def __init__(self, model: _Model, name: str) -> None:
        self._model = model
        self.model = name

    def transcribe(self, audio: NDArray[np.float32], task: Task) -> Recognition:
        """Find the speech and its language; the segments come as they are decoded.

        Raises:
            EngineFailed: The library reports a failure, such as a GPU without memory.
        """
        try:
            segments, info = self._model.transcribe(
                audio,
                language=task.language,
                task="translate" if task.translate else "transcribe",
                initial_prompt=task.prompt,
                temperature=TEMPERATURES if task.temperature is None else task.temperature,
                word_timestamps=task.words,
                vad_filter=True,  # Whisper writes down things that nobody says when it hears silence
                condition_on_previous_text=False,  # or one bad window spoils all that follow
            )
        except (RuntimeError, ValueError) as error:
            raise EngineFailed("faster-whisper failed") from error
        return Recognition(info.language, _segments(segments))


def _segments(segments: Iterable[_Segment]) -> Iterator[Segment]:
    try:
        for each in segments:
            yield Segment(
                text=each.text,
                start=float(each.start),  # numpy's, which is no number in JSON
                end=float(each.end),
                words=tuple(HeardWord(word.word, float(word.start), float(word.end)) for word in each.words or ()),
                tokens=each.tokens,
                temperature=each.temperature or 0.0,
                average_log_probability=each.avg_logprob,
                compression_ratio=each.compression_ratio,
                no_speech_probability=each.no_speech_prob,
                seek=each.seek,
            )
    except RuntimeError as error:
        raise EngineFailed("faster-whisper failed") from error
