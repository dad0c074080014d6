"""The errors of `troupe.actors.inference`.

::

    InferenceError
    ├── NotInstalled    a package or a model file is missing; the text names the command that gets it
    ├── UnknownVoice    the text names the nearest voices there are
    ├── UnknownWords    words of a grammar that the pronunciation dictionary lacks; `.words` are they
    ├── BadGrammar      the grammar can't be parsed
    ├── EngineBusy      all that the engine can do at once is being done
    └── EngineFailed    the library or the model reported a failure

`InferenceError` is never raised itself. Mistakes in the calling code (a speed out of range, half a sample, a push after
`finish`) are `ValueError` and `RuntimeError`. No text of an error carries speech, text to be spoken or a conversation.
All can be pickled, since engines may live in worker processes.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Self


class InferenceError(Exception):
    """Base of all errors of this package; never raised itself."""


class NotInstalled(InferenceError):
    """A package or a model file is missing. The text names the command that gets it."""


class UnknownVoice(InferenceError):
    """There is no such voice. The text names the nearest.

    Attributes:
        voice: the voice that was asked for.
        nearest: voices with a similar name, the most similar first.
    """

    def __init__(self, voice: str, nearest: tuple[str, ...]) -> None:
        super().__init__(voice, nearest)
        self.voice = voice
        self.nearest = nearest

    def __str__(self) -> str:
        hint = f"the nearest are {', '.join(self.nearest)}" if self.nearest else "voices() lists those there are"
        return f"there is no voice {self.voice!r}; {hint}"

    @classmethod
    def among(cls, voice: str, known: Iterable[str]) -> Self:
        """Build the error for a voice that is not among `known`."""
        return cls(voice, tuple(get_close_matches(voice.lower(), list(known), n=3, cutoff=0.5)))


class UnknownWords(InferenceError):
    """Words of a grammar are not in the pronunciation dictionary.

    Attributes:
        words: those words.
    """

    def __init__(self, words: tuple[str, ...]) -> None:
        super().__init__(words)
        self.words = words

    def __str__(self) -> str:
        return (
            f"the pronunciation dictionary lacks {', '.join(self.words)}; use other words, or write them as they sound"
        )


class BadGrammar(InferenceError):
    """The grammar can't be parsed."""


class EngineBusy(InferenceError):
    """All that the engine can do at once is being done; try again when something ends."""


class EngineFailed(InferenceError):
    """The library or the model reported a failure."""
