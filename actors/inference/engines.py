"""What an engine looks like to the actor that owns it.

Engines are synchronous and belong to one thread at a time. Every engine has `open` (a class method that loads the
library and the model; it may take seconds) and `close`; both ends of its life are the owner's business.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from .results import Hypothesis, SpeechChunk, Voice


class Utterance(Protocol):
    """One utterance being recognised. End each with `finish` or `abandon`: it holds a share of the engine."""

    def push(self, pcm: bytes) -> Hypothesis | None:
        """Hear more (mono s16le at the engine's rate); return the hypothesis if its text has changed."""
        ...

    def finish(self) -> Hypothesis:
        """End the utterance and return the final hypothesis."""
        ...

    def abandon(self) -> None:
        """End the utterance without a result; after `finish` or a second time it does nothing."""
        ...


class SpeechToText(Protocol):
    """An engine that recognises speech; `start` raises `EngineBusy` when it can hear no further utterance."""

    @property
    def rate(self) -> int:
        """The rate it hears, in Hz."""
        ...

    def start(self) -> Utterance:
        """Begin an utterance."""
        ...

    def close(self) -> None:
        """Free the model."""
        ...


class TextToSpeech(Protocol):
    """An engine that speaks; closing the iterator of `synthesize` stops the speech."""

    @property
    def rate(self) -> int:
        """The rate of its audio, in Hz."""
        ...

    def voices(self) -> Sequence[Voice]:
        """Return the voices it has."""
        ...

    def synthesize(self, text: str, *, voice: str = ..., speed: float = ...) -> Iterator[SpeechChunk]:
        """Speak `text`; chunks come as they are made."""
        ...

    def close(self) -> None:
        """Free the model."""
        ...
