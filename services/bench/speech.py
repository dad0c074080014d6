"""What the users of a load say: recordings, of speech or of sessions, the embedded voice, or vowels that were computed.

Each piece is one utterance: speech without a pause that would end a turn, and without silence round it, so that "the
end of speech" is the last sample.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np

from ...actors.voice.tape import NoTape
from ...codecs.errors import RefusedFormat, RoleError, UnsupportedFormat
from ...codecs.pcm import Float64, Int16, int16_from_bytes, saturate
from ...codecs.resample import Resampler
from ..talk.dialogue import RATE
from ..talk.sound import recording
from .retold import is_recorded_session, said

SENTENCES: Final = (
    "Tell me what the time is.",
    "I would like to know how far away the moon is.",
    "How many people live in this town?",
    "Please remind me of the appointment in the morning.",
)
LONGEST: Final = 10.0
"""Seconds of an utterance; what is longer is cut off."""
SHORTEST: Final = 0.3
"""Seconds of an utterance; what is shorter is left out: a detector of voice may take it for a click."""
PAUSE: Final = 0.25
"""Seconds of silence at which a recording is cut: a server might take it for the end of a turn."""
_BLOCK: Final = RATE // 100
_QUIET: Final = 10 ** (-35 / 20)
"""Of the loudest block's level: what is below is silence."""
_SYLLABLES: Final = 5
"""A second, of vowels that are computed."""
_A: Final = (730, 1090, 2440)
_VOWELS: Final = (_A, (270, 2290, 3010), _A, (300, 870, 2240), _A, (530, 1840, 2480))
"""The formants of a, i, a, u, a, e in Hz, spoken by men: Peterson and Barney, "Control Methods Used in a Study of the
Vowels", 1952. Alternating with an open vowel they are taken for speech; a random order often is not."""


class NoSpeech(Exception):
    """There is nothing to say; the text says why, and what to do."""


def recorded(paths: Iterable[Path]) -> list[Int16]:
    """Return the utterances of recordings, whatever their format; a folder stands for the recordings in it.

    Of the recording of a session (``troupe serve --record``) it is what its user said.

    Raises:
        NoSpeech: There are no files, or no speech is in them.
        OSError: A file can't be read.
        MediaError: One has no audio, or is broken.
    """
    utterances: list[Int16] = []
    for path in paths:
        if path.is_dir():
            for file in sorted(each for each in path.iterdir() if each.is_file()):
                with suppress(RefusedFormat, RoleError, UnsupportedFormat):  # a text beside the recordings
                    utterances += _utterances(file)
        else:
            utterances += _utterances(path)
    if not utterances:
        raise NoSpeech(f"no speech of {SHORTEST:g} s or more was found; name recordings, or folders with some in them")
    return utterances


def _utterances(file: Path) -> list[Int16]:
    if not is_recorded_session(file):
        return cut(int16_from_bytes(b"".join(recording(file))))
    try:
        return cut(said(file))
    except NoTape as error:
        raise NoSpeech(str(error)) from None


def cut(samples: Int16) -> list[Int16]:
    """Cut a recording where it is silent.

    Args:
        samples: mono, at `RATE`.
    """
    blocks = samples[: len(samples) // _BLOCK * _BLOCK].reshape(-1, _BLOCK).astype(np.float32)
    levels = np.sqrt((blocks**2).mean(axis=1))
    if not len(levels) or levels.max() < 1:
        return []
    loud = np.flatnonzero(levels > levels.max() * _QUIET)
    pieces = np.split(loud, np.flatnonzero(np.diff(loud) > PAUSE * RATE / _BLOCK) + 1)
    bounds = [(int(piece[0]) * _BLOCK, (int(piece[-1]) + 1) * _BLOCK) for piece in pieces]
    long_enough = [(start, end) for start, end in bounds if end - start >= SHORTEST * RATE]
    return [samples[start : min(end, start + round(LONGEST * RATE))] for start, end in long_enough]


def generated() -> list[Int16]:
    """Return a few sentences of the embedded voice, or vowels where it is not installed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.npz"
        # espeak-ng is GPL: it is loaded into a process of its own only
        command = [sys.executable, "-m", __name__, str(path)]
        spoken = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - this interpreter, this module
        if spoken.returncode == 0:
            return load(path)
    return [vowels(1.5), vowels(2.0, pitch=160), vowels(2.5, pitch=180)]


def vowels(seconds: float, *, pitch: float = 140.0) -> Int16:
    """Return something that detectors of voice take for speech: "a-i-a-u-a-e", vowels that glide into one another.

    Args:
        seconds: how long.
        pitch: of its beginning, in Hz; it falls by a third.
    """
    count = round(seconds * RATE)
    syllables = np.arange(count) * _SYLLABLES / RATE
    pitches = np.linspace(pitch, pitch * 2 / 3, count) * (1 + 0.03 * np.sin(2 * np.pi * syllables))
    phase = 2 * np.pi * np.cumsum(pitches) / RATE
    vowel = np.arange(int(syllables[-1]) + 2) % len(_VOWELS)
    targets: Float64 = np.asarray(_VOWELS, np.float64)[vowel]
    formants: list[Float64] = [np.interp(syllables, np.arange(len(vowel)), targets[:, of]) for of in range(3)]
    sound: Float64 = np.zeros(count)
    for harmonic in range(1, int(4500 / pitch)):
        at = harmonic * pitches
        wave = np.sin(harmonic * phase) / harmonic
        for formant, gain, width in zip(formants, (1.0, 0.6, 0.4), (80, 90, 120), strict=True):
            sound += wave * gain / (1 + ((at - formant) / width) ** 2)
    sound *= 0.15 + 0.85 * np.abs(np.sin(np.pi * syllables))
    return saturate(sound / np.abs(sound).max() * 12_000)


def room(seconds: float) -> Int16:
    """Return the noise of a quiet room, which is no digital silence."""
    return np.random.default_rng(7).integers(-20, 20, round(seconds * RATE), dtype=np.int16)


def save(path: Path, utterances: Sequence[Int16]) -> None:
    """Keep utterances for other processes."""
    np.savez(path, *utterances)


def load(path: Path) -> list[Int16]:
    """Return what was kept."""
    with np.load(path) as kept:
        return [kept[name] for name in kept.files]


def _speak(path: Path) -> None:
    from ...actors.inference.espeak import EspeakEngine

    engine = EspeakEngine.open()
    utterances: list[Int16] = []
    for sentence in SENTENCES:
        made = int16_from_bytes(b"".join(chunk.pcm for chunk in engine.synthesize(sentence)))
        resampler = Resampler(engine.rate, RATE)
        utterances += cut(np.concatenate([resampler.push(made), resampler.finish()]))
    save(path, utterances)


if __name__ == "__main__":
    _speak(Path(sys.argv[1]))
