"""Speech that was made: its audio, and which word is said when."""

from collections.abc import Iterable
from dataclasses import dataclass

from ...actors.contracts import Speech, Word
from ...codecs.asset import Asset, load
from ...codecs.encode import encode
from ...codecs.pcm import Pcm


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """Speech, as a whole.

    Attributes:
        audio: mono, int16.
        words: with their times in `audio`; empty if the model does not tell them.
    """

    audio: Pcm
    words: tuple[Word, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.audio.duration

    def encoded(self, form: str = "wav") -> bytes:
        """Return it as a file: ``wav``, ``mp3``, ``ogg``, ...; see `troupe.codecs.encode.encode`, also for errors."""
        return encode(self.audio, form)

    def asset(self, form: str = "wav") -> Asset:
        """Return it as an asset; as `encoded`."""
        return load(self.encoded(form))


def joined(speeches: Iterable[Speech]) -> Spoken:
    """Join what a synthesizer said, piece by piece.

    Raises:
        ValueError: It said nothing, not even silence.
    """
    parts, words, rate = bytearray(), list[Word](), 0
    piece, began = 0, 0.0
    for speech in speeches:
        rate = speech.rate
        if speech.piece != piece:
            piece, began = speech.piece, len(parts) / (2 * rate)
        words += [Word(word.text, word.start + began, word.end + began, word.confidence) for word in speech.words]
        parts += speech.pcm
    if not rate:
        raise ValueError("there is no speech in this")
    return Spoken(Pcm.from_bytes(bytes(parts), rate), tuple(words))
