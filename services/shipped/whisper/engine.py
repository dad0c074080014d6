"""What a recogniser looks like to the server."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

RATE: Final = 16_000
"""Of the audio that engines hear, in Hz."""


class HeardWord(Struct, frozen=True):
    """A word and when it is said, in seconds from the start of the audio."""

    text: str
    """As it joins with its neighbours: mostly with a space in front."""
    start: float
    end: float


class Segment(Struct, frozen=True, kw_only=True):
    """A stretch of speech; times in seconds from the start of the audio."""

    text: str
    """As it joins with its neighbours: mostly with a space in front."""
    start: float
    end: float
    words: tuple[HeardWord, ...] = ()
    """All of `text`, if words were asked for."""
    tokens: Sequence[int] = ()
    temperature: float = 0.0
    average_log_probability: float = 0.0
    compression_ratio: float = 0.0
    no_speech_probability: float = 0.0
    seek: int = 0
    """The frame, of 10 ms, at which the window began in which it was heard."""


class Task(Struct, frozen=True, kw_only=True):
    """How to listen."""

    language: str | None = None
    """ISO 639-1; None to find out."""
    prompt: str | None = None
    """Words or style to expect."""
    temperature: float | None = None
    """Of sampling; None for the engine's own choice."""
    words: bool = False
    """Whether segments are to have words."""
    translate: bool = False
    """Into English."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """What is being heard."""

    language: str
    """ISO 639-1: what was asked for, or found out."""
    segments: Iterator[Segment]
    """In their order; each step computes."""


class Engine(Protocol):
    """A recogniser whose model is loaded. It is called from worker threads, by no more at a time than it was told."""

    @property
    def model(self) -> str:
        """The name of its model, for clients."""
        ...

    def transcribe(self, audio: NDArray[np.float32], task: Task) -> Recognition:
        """Listen to mono samples at 16 kHz, from -1 to 1; this computes, too.

        Raises:
            EngineFailed: It can't.
        """
        ...
