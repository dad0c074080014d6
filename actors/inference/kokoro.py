"""Speech by Kokoro, a neural synthesizer of 82 million parameters (extra ``kokoro``).

Chosen over Piper: code and voices are MIT and Apache-2.0, while Piper's code is GPL-3.0 and each of its voices has a
licence of its own; one model speaks with 41 voices in 7 languages; and it is generally held to sound better. Piper is
smaller and faster, which matters on small machines. Neither needs torch, and both run on all our Pythons.

Phonemes come from espeak-ng (GPL-3.0, with state in global variables), so that this engine too belongs in a worker
process of its own. It speaks a sentence at a time.
"""

import importlib
import logging
import re
import zipfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import ClassVar, Final, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ...codecs.markup import CLOSERS
from ...codecs.pcm import to_int16
from ...codecs.sentences import Break, stop_break
from .catalogue import ENGINES, models_folder
from .errors import EngineFailed, UnknownVoice
from .results import SpeechChunk, Voice, Word

RATE: Final = 24000
"""The rate of its audio, in Hz."""
SPEEDS: Final = (0.5, 2.0)
"""The least and the greatest speed."""

_PAUSE = bytes(2 * RATE // 4)  # a quarter of a second between sentences, whose own silence the library trims
_STOP = re.compile(rf"([.!?\u2026]+[{re.escape(CLOSERS)}]*)\s+(?=(\S))")
# Voices are called after their language and gender: af_heart. Those in Japanese and Chinese are left out, since
# espeak-ng's phonemes for these languages are not what the model has learnt.
_LANGUAGES = {"a": "en-us", "b": "en-gb", "e": "es", "f": "fr-fr", "h": "hi", "i": "it", "p": "pt-br"}
_GENDERS: dict[str, Literal["female", "male"]] = {"f": "female", "m": "male"}
# onnxruntime derives each of its errors from Exception alone, and has no types.
_FAILURES: tuple[type[Exception], ...] = tuple(
    getattr(importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state"), name)
    for name in ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented", "RuntimeException")
)
_LOAD_FAILURES: tuple[type[Exception], ...] = (*_FAILURES, ValueError, OSError, EOFError, zipfile.BadZipFile)


class _Timing(Protocol):
    phoneme: str
    start: float
    end: float


class _Model(Protocol):
    def create_timed(
        self, text: str, voice: str, speed: float, lang: str, *, sentence_pause: float
    ) -> tuple[NDArray[np.float32], int, Sequence[_Timing]]: ...
    def get_voices(self) -> list[str]: ...


class KokoroEngine:
    """One model, speaking one text at a time."""

    usual_voice: ClassVar[str] = "af_heart"
    speeds: ClassVar[tuple[float, float]] = SPEEDS

    def __init__(self, model: _Model) -> None:
        self._model = model
        self._voices = {
            name: Voice(name, name[3:].title(), (_LANGUAGES[name[0]],), _GENDERS.get(name[1], ""))
            for name in model.get_voices()
            if name[0] in _LANGUAGES
        }

    @classmethod
    def open(cls, name: str = "kokoro", *, models: Path | None = None) -> Self:
        """Load a model.

        Args:
            name: an engine of the catalogue: ``kokoro`` or ``kokoro-int8``.
            models: the folder of all models; None is `catalogue.models_folder`.

        Raises:
            NotInstalled: if the package or the model is missing.
            EngineFailed: if the model can't be loaded.
        """
        engine = ENGINES[name]
        package = engine.load()
        folder = engine.locate(models or models_folder())
        logging.getLogger("phonemizer").setLevel(logging.ERROR)  # it warns of every number that is several words
        try:
            return cls(package.Kokoro(str(folder / "model.onnx"), str(folder / "voices.bin")))
        except _LOAD_FAILURES as error:
            raise EngineFailed(f"{name} can't be loaded; fetch it again: troupe models pull {name}") from error

    @property
    def rate(self) -> int:
        """The rate of the audio: 24000 Hz."""
        return RATE

    def voices(self) -> list[Voice]:
        """Return the voices."""
        return list(self._voices.values())

    def synthesize(self, text: str, *, voice: str = usual_voice, speed: float = 1.0) -> Iterator[SpeechChunk]:
        """Speak `text`, a chunk per sentence; closing the iterator keeps it from beginning another sentence.

        Args:
            text: plain text; sentences without anything to say give no chunk.
            voice: a voice's id, such as ``af_heart``.
            speed: within `SPEEDS`.

        Raises:
            UnknownVoice: if there is no such voice.
            ValueError: if the speed is out of range.
            EngineFailed: from the iterator, if the model fails.
        """
        if voice not in self._voices:
            raise UnknownVoice.among(voice, self._voices)
        if not SPEEDS[0] <= speed <= SPEEDS[1]:
            raise ValueError(f"speed is {speed}; it must be between {SPEEDS[0]} and {SPEEDS[1]}")
        return self._stream(text, voice, speed)

    def close(self) -> None:
        """Free nothing: the model goes with the engine."""

    def _stream(self, text: str, voice: str, speed: float) -> Iterator[SpeechChunk]:
        language = self._voices[voice].languages[0]
        start = 0.0
        sentences = _sentences(text, language)
        for number, sentence in enumerate(sentences, 1):
            try:
                audio, _, timings = self._model.create_timed(sentence, voice, speed, language, sentence_pause=0)
            except ValueError:  # it has no phonemes that the model knows
                continue
            except _FAILURES as error:
                raise EngineFailed("kokoro failed to speak; fetch its model again") from error
            pcm = to_int16(audio).tobytes() + (_PAUSE if number < len(sentences) else b"")
            yield SpeechChunk(pcm, RATE, tuple(_words(sentence, timings, start)))
            start += len(pcm) / 2 / RATE


def _sentences(text: str, language: str) -> list[str]:
    """Cut `text` into sentences; what has nothing to say goes along with what has."""
    sentences: list[str] = []
    begin = 0
    for stop in _STOP.finditer(text):
        sentence = text[begin : stop.start()]
        if _says(sentence) and stop_break(sentence, stop[1], stop[2], language[:2]) >= Break.SENTENCE:
            sentences.append(sentence + stop[1])
            begin = stop.end()
    rest = text[begin:].strip()
    if _says(rest):
        sentences.append(rest)
    elif sentences:
        sentences[-1] = f"{sentences[-1]} {rest}".strip()
    return sentences


def _says(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _words(sentence: str, timings: Sequence[_Timing], start: float) -> Iterator[Word]:
    """Match written words with spoken ones, which are phonemes between spaces.

    Where there are more spoken words than written ones ("$12.50"), or fewer, they are shared out evenly.
    """
    written: list[str] = []
    for token in sentence.split():
        if written and not (_says(token) and _says(written[-1])):
            written[-1] += f" {token}"
        else:
            written.append(token)
    spoken: list[tuple[float, float]] = []
    for is_word, phonemes in groupby(timings, lambda timing: not timing.phoneme.isspace()):
        sounds = [timing for timing in phonemes if timing.phoneme.isalpha()]  # the others are punctuation
        if is_word and sounds:
            spoken.append((sounds[0].start, sounds[-1].end))
    for index, word in enumerate(written if spoken else ()):
        first = index * len(spoken) // len(written)
        last = max((index + 1) * len(spoken) // len(written) - 1, first)
        yield Word(word, start + spoken[first][0], start + spoken[last][1])
