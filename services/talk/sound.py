"""Where audio comes from and where it goes: recordings, or the machine's microphone and loudspeaker."""

import wave
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...codecs.asset import load
from ...codecs.decode import decode_audio
from ...codecs.pcm import to_int16
from .dialogue import RATE

FRAME: Final = RATE // 50
"""Samples of 20 ms."""


class NoSoundDevice(Exception):
    """There is no microphone or no loudspeaker, or nothing to use them with; the text says what to do."""


def recording(path: Path) -> list[bytes]:
    """Return the audio of a file, whatever its format, in frames of 20 ms.

    Raises:
        OSError: The file can't be read.
        MediaError: It has no audio, or is broken.
    """
    pcm = np.concatenate([to_int16(chunk.samples)[:, 0] for chunk in decode_audio(load(path), rate=RATE, channels=1)])
    return [pcm[start : start + FRAME].tobytes() for start in range(0, len(pcm), FRAME)]


class Answers:
    """The answers, one after the other, for a WAV file; and how much of the present one has been played by now.

    Nothing is played: an answer counts as being heard from its first audio on, at the speed of speech.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._audio = bytearray()
        self._begun = 0.0
        self._start = 0

    def play(self, pcm: bytes) -> None:
        """Play audio after what is waiting."""
        if self.played() >= (len(self._audio) - self._start) // 2:  # all has been heard: a new beginning
            self._begun, self._start = self._now(), len(self._audio)
        self._audio += pcm

    def played(self) -> int:
        """Return how many samples of the present answer have been heard."""
        return min(round((self._now() - self._begun) * RATE), (len(self._audio) - self._start) // 2)

    def remaining(self) -> float:
        """Return for how many seconds there is still something to hear."""
        return (len(self._audio) - self._start) / 2 / RATE - self.played() / RATE

    def silence(self) -> int:
        """Forget what was not heard; return how many samples of the answer were."""
        played = self.played()
        del self._audio[self._start + 2 * played :]
        return played

    def save(self, path: Path) -> None:
        """Write all that was heard as WAV.

        Raises:
            OSError: The file can't be written.
        """
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(self._audio)


class Loudspeaker:
    """The machine's loudspeaker, through PortAudio (extra ``audio``).

    Args:
        rate: Of what is played, in Hz; mono s16le.

    Raises:
        NoSoundDevice: It can't be used.
    """

    def __init__(self, rate: int = RATE) -> None:
        try:
            self._library: Any = import_module("sounddevice")
        except (ImportError, OSError):  # OSError: PortAudio's own library is missing
            raise NoSoundDevice(
                "sound needs the extra 'audio' (pip install troupe[audio]) and the library PortAudio"
            ) from None
        self._rate = rate
        self._waiting = bytearray()
        self._played = 0
        self._streams: list[Any] = []
        self._open("RawOutputStream", self._fill)

    def _open(self, kind: str, callback: Callable[..., None]) -> None:
        """Open a stream of the device, whose thread calls `callback` every 20 ms."""
        try:
            stream = getattr(self._library, kind)(
                callback=callback, samplerate=self._rate, channels=1, dtype="int16", blocksize=self._rate // 50
            )
            self._streams.append(stream)
            stream.start()
        except self._library.PortAudioError as error:
            self.close()
            raise NoSoundDevice(f"no microphone or loudspeaker: {error}") from None

    def _fill(self, data: Any, *_: object) -> None:
        taken = bytes(self._waiting[: len(data)])
        del self._waiting[: len(data)]
        self._played += len(taken) // 2
        data[: len(taken)] = taken
        data[len(taken) :] = bytes(len(data) - len(taken))

    def play(self, pcm: bytes) -> None:
        """Play audio after what is waiting."""
        if not self._waiting:
            self._played = 0
        self._waiting += pcm

    def remaining(self) -> float:
        """Return for how many seconds there is still something to hear."""
        return len(self._waiting) / 2 / self._rate

    def silence(self) -> int:
        """Be silent; return how many samples of the answer were heard."""
        self._waiting.clear()
        return self._played

    def close(self) -> None:
        """Give the devices back."""
        for stream in self._streams:
            stream.close()


class Headset(Loudspeaker):
    """Loudspeaker and microphone.

    Args:
        heard: Gets each 20 ms from the microphone, in PortAudio's thread.

    Raises:
        NoSoundDevice: They can't be used.
    """

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        super().__init__()

        def microphone(data: Any, *_: object) -> None:
            heard(bytes(data))

        self._open("RawInputStream", microphone)
