"""The servers of the shipped services, run in a thread of this process, with engines that need no weights."""

import io
import socket
import subprocess
import sys
import threading
import wave
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
import uvicorn
from numpy.typing import NDArray
from starlette.types import ASGIApp
from troupe.actors.inference.pocketsphinx import PocketsphinxEngine
from troupe.services.shipped.whisper.engine import RATE, HeardWord, Recognition, Segment, Task

NUMBERS = "#JSGF V1.0; grammar numbers; public <numbers> = (one | two | three | four | five | six | seven)+;"


@contextmanager
def served(app: ASGIApp) -> Generator[str]:
    """Serve an application on a free port; gives ``host:port``."""
    config = uvicorn.Config(app, ws="websockets-sansio", lifespan="off", log_config=None, log_level="critical")
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


class SphinxEngine:
    """Hears numbers up to seven, one segment for each two words."""

    model = "sphinx"

    def __init__(self) -> None:
        self._engine = PocketsphinxEngine.open(decoders=2, free_speech=False)

    def transcribe(self, audio: NDArray[np.float32], task: Task) -> Recognition:
        utterance = self._engine.start(NUMBERS)
        utterance.push(np.rint(audio * 32767).astype("<i2").tobytes())
        words = [HeardWord(f" {word.text}", word.start, word.end) for word in utterance.finish().words]
        return Recognition(task.language or "en", self._segments(words, task))

    def _segments(self, words: list[HeardWord], task: Task) -> Iterator[Segment]:
        for start in range(0, len(words), 2):
            pair = words[start : start + 2]
            text = "".join(word.text for word in pair)
            yield Segment(text=text, start=pair[0].start, end=pair[-1].end, words=tuple(pair) if task.words else ())


_SPEAK = """
import sys
from troupe.actors.inference.espeak import EspeakEngine
engine = EspeakEngine.open()
chunks = list(engine.synthesize(sys.argv[1], speed=0.8))
sys.stdout.buffer.write(b"".join(chunk.pcm for chunk in chunks))
"""


@cache
def spoken(text: str) -> bytes:
    """Speech as a WAV file. espeak-ng speaks in a process of its own."""
    pcm = subprocess.run([sys.executable, "-c", _SPEAK, text], capture_output=True, check=True).stdout
    return wav(np.frombuffer(pcm, "<i2"), 22_050)


def wav(samples: NDArray[np.int16], rate: int) -> bytes:
    """Return a WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()


def resampled(recording: bytes, rate: int) -> NDArray[np.int16]:
    """Return the samples of a recording at another rate."""
    from troupe.services.shipped.serving.audio import decode

    return np.rint(decode(io.BytesIO(recording), rate, 60) * 32767).astype("<i2")


__all__ = ["NUMBERS", "RATE", "SphinxEngine", "resampled", "served", "spoken", "wav"]
