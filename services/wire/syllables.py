"""Words that can be told from audio beyond doubt: each syllable is a tone of its own.

A word has three syllables, one from each of three sets, so that no two neighbours have the same tone and the ends of
words are known. Tones lie above the voice and below what a resampler to 16 kHz takes away, so they can be sung over
something that detectors of voice take for speech. Beside them there is room for pilots: steady tones, by which one
speaker is told from another from the first window on.

What was sung is heard again by `Ear`, which knows only the audio: a word counts as heard when its last syllable has
sounded to its end.
"""

import re
from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...codecs.pcm import Float64, Int16, int16_from_bytes, saturate
from ...codecs.resample import Resampler

SECONDS_PER_CHARACTER: Final = 0.06
"""Of whatever wire servers say; about as fast as people speak."""
LEVEL: Final = 3000.0
PILOT_LEVEL: Final = 250.0
PILOTS: Final = 16
"""Speakers that can be told apart."""
_SETS: Final = tuple(tuple(a + b for a, b in product(consonants, "aeiou")) for consonants in ("bdfg", "klmn", "prst"))
_LOWEST, _STEP = 4400.0, 43.0
_TONES: Final = {
    syllable: _LOWEST + _STEP * number for number, syllable in enumerate(each for one in _SETS for each in one)
}
_LETTERS: Final = re.compile(r"\w+")
_WORD: Final = re.compile("".join(f"(?:[{consonants}][aeiou])" for consonants in ("bdfg", "klmn", "prst")))
_SYLLABLES: Final = tuple(_TONES)
_LOWEST_PILOT, _PILOT_STEP = 7050.0, 20.0
_RATE: Final = 16_000
_HOP: Final = _RATE // 100
_WINDOW: Final = _RATE // 25
_SIZE: Final = 2048
_LEAST: Final = LEVEL / 8
"""Of a tone's amplitude, to be heard."""
_SHORTEST: Final = 5
"""Hops that a tone lasts at least to be a syllable; less is the edge between two others."""
_WHOLE: Final = 11
"""Hops that the last syllable of a word lasts at least to have sounded to its end, of twelve."""
_HANN: Final = np.hanning(_WINDOW)


class Heard(NamedTuple):
    """A word, or the beginning of one that broke off."""

    text: str
    start: float
    """Seconds from the start of the audio."""
    end: float
    whole: bool
    """Whether it was heard to its end."""


def word(number: int) -> str:
    """Return the word of a number below 8000."""
    sizes = [len(each) for each in _SETS]
    first, rest = divmod(number, sizes[1] * sizes[2])
    second, third = divmod(rest, sizes[2])
    return _SETS[0][first % sizes[0]] + _SETS[1][second] + _SETS[2][third]


def is_sung(text: str) -> bool:
    """Whether a text, or what is left of one, consists of such words."""
    words = _LETTERS.findall(text.lower())
    return bool(words) and all(_WORD.fullmatch(each) for each in words)


def sing(text: str, rate: int) -> Int16:
    """Return a text as audio: its syllables as tones, all else as silence of the same length."""
    per_character = round(SECONDS_PER_CHARACTER * rate)
    sound = np.zeros(per_character * len(text))
    lower, place = text.lower(), 0
    while place < len(text):
        tone = _TONES.get(lower[place : place + 2])
        if tone is None:
            place += 1
            continue
        times = np.arange(2 * per_character) / rate
        edges = np.minimum(1.0, np.minimum(times, times[::-1]) / 0.004)
        start = place * per_character
        sound[start : start + len(times)] = LEVEL * edges * np.sin(2 * np.pi * tone * times)
        place += 2
    return saturate(sound)


def pilot(speaker: int, samples: int, rate: int) -> Float64:
    """Return the tone by which a speaker is known, to be laid under all that it sends."""
    times = np.arange(samples) / rate
    return PILOT_LEVEL * np.sin(2 * np.pi * (_LOWEST_PILOT + _PILOT_STEP * speaker) * times)


def speaker_of(pcm: bytes, rate: int) -> int | None:
    """Return whose pilot is in mono s16le audio; None if that can't be told yet: it takes an eighth of a second."""
    count = rate // 8
    if len(pcm) < 2 * count:
        return None
    return int(np.argmax(np.abs(_pilots(rate) @ int16_from_bytes(pcm[: 2 * count]))))


@cache
def _pilots(rate: int) -> NDArray[np.complex128]:
    """Return, for each pilot, what an eighth of a second is multiplied with to find it."""
    times = np.arange(rate // 8) / rate
    frequencies = _LOWEST_PILOT + _PILOT_STEP * np.arange(PILOTS)
    angles = 2 * np.pi * np.outer(frequencies, times)
    return (np.cos(angles) - 1j * np.sin(angles)) * np.hanning(len(times))


class Ear:
    """Hears what is sung, as it comes.

    Args:
        rate: Of the audio, in Hz.
    """

    def __init__(self, rate: int) -> None:
        self.words: list[Heard] = []
        """Those that are over."""
        self._resampler = None if rate == _RATE else Resampler(rate, _RATE)
        self._rest: Int16 = np.zeros(_WINDOW // 2, np.int16)
        self._hops = 0
        self._run: tuple[int, int] | None = None  # a tone, and the hop at which it began
        self._open: list[tuple[int, int, int]] = []  # the syllables of the word under way, from hop to hop

    def push(self, pcm: bytes) -> None:
        """Hear mono s16le audio."""
        samples = int16_from_bytes(pcm)
        self._hear(samples if self._resampler is None else self._resampler.push(samples))

    def finish(self) -> list[Heard]:
        """Hear the end; return all words."""
        if self._resampler is not None:
            self._hear(self._resampler.finish())
        self._hear(np.zeros(2 * _WINDOW, np.int16))
        self._close()
        return self.words

    def _hear(self, samples: Int16) -> None:
        self._rest = np.concatenate((self._rest, samples))
        count = (len(self._rest) - _WINDOW) // _HOP + 1
        if count <= 0:
            return
        windows = np.lib.stride_tricks.sliding_window_view(self._rest, _WINDOW)[::_HOP][:count]
        spectrum = np.abs(np.fft.rfft(windows * _HANN, _SIZE, axis=1)) / (_HANN.sum() / 2)
        low, high = (round((_LOWEST + _STEP * edge) * _SIZE / _RATE) for edge in (-0.5, len(_SYLLABLES) - 0.5))
        band = spectrum[:, low : high + 1]
        peaks = band.argmax(axis=1)
        for peak, level in zip((peaks + low) * _RATE / _SIZE, band.max(axis=1), strict=True):
            self._hop(round((peak - _LOWEST) / _STEP) if level >= _LEAST else -1)
        self._rest = self._rest[count * _HOP :]

    def _hop(self, tone: int) -> None:
        if self._run is None or self._run[0] != tone:
            if self._run is not None:
                self._end_run(*self._run)
            self._run = (tone, self._hops)
        self._hops += 1

    def _end_run(self, tone: int, start: int) -> None:
        if self._hops - start < _SHORTEST:
            return
        if tone < 0:
            self._close()
            return
        if tone // len(_SETS[0]) != len(self._open):  # another word begins
            self._close()
        self._open.append((tone, start, self._hops))
        if len(self._open) == len(_SETS):
            self._close()

    def _close(self) -> None:
        syllables, self._open = self._open, []
        if syllables:
            text = "".join(_SYLLABLES[tone] for tone, _, _ in syllables)
            _, last, end = syllables[-1]
            whole = len(syllables) == len(_SETS) and end - last >= _WHOLE and syllables[0][0] < len(_SETS[0])
            self.words.append(Heard(text, syllables[0][1] * _HOP / _RATE, end * _HOP / _RATE, whole))


def hear(pcm: bytes, rate: int) -> Sequence[Heard]:
    """Return what is sung in audio."""
    ear = Ear(rate)
    ear.push(pcm)
    return ear.finish()
