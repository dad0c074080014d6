"""What engines take and give. Times are seconds from the start of the utterance; audio is mono s16le."""

from typing import Literal

from msgspec import Struct


class Word(Struct, frozen=True, gc=False):
    """One word of an utterance and when it is said."""

    text: str
    """Recognised: the word alone. Spoken: the slice of the text that it stands for, punctuation included; the slices
    of an utterance follow one another and leave out nothing but white space."""
    start: float
    """In seconds."""
    end: float
    """In seconds; the pause after the word is not part of it."""
    confidence: float | None = None
    """Between 0 and 1, where the engine has an opinion."""


class Hypothesis(Struct, frozen=True):
    """What was heard, as far as it is known."""

    text: str
    """All of the utterance so far; partial hypotheses may take words back."""
    words: tuple[Word, ...] = ()
    """Empty in partial hypotheses, and where the model has no word times."""
    final: bool = False
    """Whether this is the last word on the utterance."""


class SpeechChunk(Struct, frozen=True):
    """A piece of synthesized speech."""

    pcm: bytes
    """Mono s16le samples; may be empty in the last chunk."""
    rate: int
    """In Hz; the same in all chunks of an utterance."""
    words: tuple[Word, ...] = ()
    """The words that became known with this chunk. None starts after the chunk's end; a word comes with the chunk in
    which the next one starts, or with the last chunk."""


class Voice(Struct, frozen=True):
    """A voice of a synthesizer."""

    id: str
    """What to ask for."""
    name: str
    """What to show."""
    languages: tuple[str, ...]
    """BCP 47 tags in lower case, the voice's own first."""
    gender: Literal["female", "male", ""] = ""
    """As the engine says; empty if it doesn't."""
