"""What an engine looks like to the actor that owns it.

Engines are synchronous and belong to one thread at a time. Every engine has `open` (a class method that loads the
library and the model; it may take seconds) and `close`; both ends of its life are the owner's business.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Protocol

from .catalogue import ENGINES
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

    usual_voice: ClassVar[str]
    """What it speaks with where nobody names a voice."""
    speeds: ClassVar[tuple[float, float]]
    """The least and the greatest speed."""

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


def open_recogniser(name: str, decoders: int) -> SpeechToText:
    """Open a recogniser; it may take seconds.

    Args:
        name: Of an engine of the catalogue.
        decoders: How many utterances it is to hear at a time.

    Raises:
        NotInstalled: Its package or its model is missing.
        EngineFailed: Its model can't be loaded.
    """
    match ENGINES[name].package:
        case "pocketsphinx":
            from .pocketsphinx import PocketsphinxEngine

            return PocketsphinxEngine.open(decoders=decoders)
        case "moonshine_voice":
            from .moonshine import MoonshineEngine

            return MoonshineEngine.open(name, decoders=decoders)
        case _:
            raise ValueError(f"{name} does not recognise speech")


def open_synthesizer(name: str) -> TextToSpeech:
    """Open a synthesizer. All have espeak-ng in them, so that each belongs in a process of its own.

    Raises:
        NotInstalled: Its package or its model is missing.
        EngineFailed: Its model can't be loaded.
    """
    match ENGINES[name].package:
        case "espeakng_loader":
            from .espeak import EspeakEngine

            return EspeakEngine.open()
        case "kokoro_onnx":
            from .kokoro import KokoroEngine

            return KokoroEngine.open(name)
        case _:
            raise ValueError(f"{name} does not speak")
