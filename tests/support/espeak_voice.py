"""espeak-ng in place of Chatterbox: as high or low as whoever speaks in the recording. For a process of its own."""

import wave
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from troupe.actors.inference.espeak import EspeakEngine
from troupe.services.shipped.chatterbox.engine import Manner
from troupe.services.shipped.serving.refusals import EngineFailed


def pitch(samples: NDArray[Any], rate: int) -> float:
    """The pitch of a voice in Hz, from 60 to 400: where the autocorrelation of its spectrum is greatest."""
    samples = samples.astype(float)
    spectrum = np.abs(np.fft.rfft(samples, 2 * len(samples))) ** 2
    correlation = np.fft.irfft(spectrum)
    shortest, longest = rate // 400, rate // 60
    return rate / (shortest + int(np.argmax(correlation[shortest:longest])))


class EspeakVoice:
    model = "espeak"
    rate = 22_050
    languages = frozenset({"en", "de"})
    shortest_reference = 0.5

    def __init__(self) -> None:
        self._engine = EspeakEngine.open()

    def speak(self, text: str, manner: Manner, reference: Path | None) -> NDArray[np.float32]:
        if "fail" in text:
            raise EngineFailed("as was asked for")
        height = 50
        if reference is not None:
            with wave.open(str(reference)) as file:
                heard = np.frombuffer(file.readframes(file.getnframes()), "<i2")
                height = 90 if pitch(heard, file.getframerate()) > 150 else 10
        voice = "en-us" if manner.language == "en" else manner.language
        chunks = list(self._engine.synthesize(text, voice=voice, pitch=height))
        return np.frombuffer(b"".join(chunk.pcm for chunk in chunks), "<i2").astype(np.float32) / 32768


def open_engine(_settings: object) -> EspeakVoice:
    return EspeakVoice()
