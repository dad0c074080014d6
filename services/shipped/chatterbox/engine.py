"""What a synthesizer looks like to the server."""

from pathlib import Path
from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray


class Manner(Struct, frozen=True, kw_only=True):
    """How to speak."""

    language: str = "en"
    """ISO 639-1."""
    exaggeration: float = 0.5
    """How strong the emotion is; 0.5 is neutral."""
    cfg_weight: float = 0.5
    """How close it keeps to the pace of the reference; 0 for one in another language."""
    temperature: float = 0.8
    """How different it sounds each time."""
    seed: int | None = None
    """For the same speech each time."""


class Engine(Protocol):
    """A synthesizer whose model is loaded. It is called from worker threads, one at a time."""

    @property
    def model(self) -> str:
        """The name of its model, for clients."""
        ...

    @property
    def rate(self) -> int:
        """Of its audio, in Hz."""
        ...

    @property
    def languages(self) -> frozenset[str]:
        """Those that it speaks, ISO 639-1."""
        ...

    @property
    def shortest_reference(self) -> float:
        """Seconds that a recording has to have."""
        ...

    def speak(self, text: str, manner: Manner, reference: Path | None) -> NDArray[np.float32]:
        """Speak a sentence or a few.

        Args:
            text: What to say.
            manner: How.
            reference: A WAV file with the voice to speak in; None for the engine's own. What is at a path never
                changes.

        Returns:
            Mono samples from -1 to 1.

        Raises:
            EngineFailed: It can't.
        """
        ...
