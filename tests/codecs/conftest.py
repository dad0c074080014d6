"""Speech for the tests, made by espeak-ng."""

import ctypes
import functools
from collections.abc import Callable

import espeakng_loader
import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: samples come through the callback, nothing is played
UTF8 = 1

Speak = Callable[..., NDArray[np.int16]]
Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@pytest.fixture(scope="session")
def speak() -> Speak:
    """``speak(text, rate)`` returns mono int16 speech at a comfortable level."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    own_rate = library.espeak_Initialize(SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
    chunks: list[NDArray[np.int16]] = []

    @Callback
    def collect(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int) -> int:
        if samples and count > 0:
            chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    library.espeak_SetSynthCallback(collect)
    library.espeak_SetVoiceByName(b"en-us")

    @functools.cache
    def speak(text: str, rate: int = 16_000) -> NDArray[np.int16]:
        assert collect  # espeak calls it, so it has to stay alive
        chunks.clear()
        encoded = text.encode()
        library.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, UTF8, None, None)
        library.espeak_Synchronize()
        return soxr.resample(np.concatenate(chunks) // 2, own_rate, rate)

    return speak
