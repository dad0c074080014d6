"""Speech recognition by PocketSphinx, with the American English models that its package carries (extra ``embedded``).

It is for trying things out: with the general language model most words of free speech are wrong, while one of a list of
words, or a small grammar, is recognised reliably. Every decoder has a model of its own, since the library shares
nothing between them: 90 MB, or 25 MB without the general language model. A second of free speech costs about 0.12 s of
CPU, with a list of words 0.012 s. The library keeps Python's global lock while it works, so that a thread can't hide
this from an event loop: use a worker process.
"""

import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol, Self

from .catalogue import ENGINES
from .errors import BadGrammar, EngineFailed, UnknownWords
from .pool import Pool
from .results import Hypothesis, Word

RATE: Final = 16000
"""The rate of the audio it hears, in Hz."""

_FRAMES_PER_SECOND = 100  # the default of the parameter `frate`
_GRAMMAR = "grammar"  # the name of the search of the utterance's grammar
# The second pass (`fwdflat`) made no transcript better and took a quarter of a second per ten seconds of speech, all of
# it after the last word; the limits on words and states per frame halve the CPU and changed no transcript.
_PARAMETERS = {"loglevel": "FATAL", "fwdflat": False, "maxwpf": 20, "maxhmmpf": 5000}
# The mean cepstrum that an utterance starts from, of PocketSphinx's own tests. It is set anew for each, so that a
# transcript does not depend on whom the decoder heard before.
_CEPSTRAL_MEAN = "41.00,-5.29,-0.12,5.09,2.48,-4.07,-1.37,-1.78,-5.08,-2.05,-6.45,-1.42,1.17"

_PHRASE = re.compile(r"(?=.*[a-z])[a-z'.\- ]+")
# Heard before and after each utterance: every model of a sentence begins and ends with silence. Of 30 digits cut close
# to the sound, 17 are recognised without it and 28 with it.
_SILENT_FRAMES = 10
_SILENCE = bytes(2 * RATE * _SILENT_FRAMES // _FRAMES_PER_SECOND)

_PRONUNCIATION = re.compile(r"\(\d+\)$")  # "the(2)": the dictionary's second pronunciation
_FILLER = re.compile(r"[<\[]")  # <s>, <sil>, [NOISE], ...
# What is not a word in a JSGF grammar: comments, the header, declarations, rule names, tags, weights, operators.
_NOT_WORDS = re.compile(
    r"//.*|/\*.*?\*/|\#JSGF[^;]*;|\b(?:grammar|import)\b[^;]*;|\bpublic\b|<[^>]*>|\{[^}]*\}|/[\d.eE+-]+/|[=|()\[\]*+;]",
    re.DOTALL,
)


class _Segment(Protocol):
    word: str
    start_frame: int
    end_frame: int
    prob: float


class _Best(Protocol):
    hypstr: str


class _Decoder(Protocol):
    def start_utt(self) -> None: ...
    def process_raw(self, data: bytes, no_search: bool, full_utt: bool) -> int: ...  # noqa: FBT001
    def end_utt(self) -> None: ...
    def hyp(self) -> _Best | None: ...
    def seg(self) -> Iterable[_Segment] | None: ...
    def set_cmn(self, cmn: str) -> None: ...
    def lookup_word(self, word: str) -> str | None: ...
    def add_jsgf_string(self, name: str, jsgf_string: str) -> None: ...
    def activate_search(self, search_name: str | None) -> None: ...


def one_of(phrases: Iterable[str]) -> str:
    """Return a JSGF grammar for exactly one of the phrases (words separated by spaces; letter case does not matter).

    Raises:
        ValueError: if there is no phrase, or one has other characters than letters, apostrophes, hyphens, dots, spaces.
    """
    choices = [" ".join(phrase.lower().split()) for phrase in phrases]
    if not choices:
        raise ValueError("a list of words needs at least one word")
    for choice in choices:
        if not _PHRASE.fullmatch(choice):
            raise ValueError(f"{choice!r} is no word to listen for; write numbers and signs as they are said")
    return f"#JSGF V1.0; grammar words; public <words> = {' | '.join(choices)};"


class PocketsphinxEngine:
    """Decoders that are lent to utterances, one to each."""

    def __init__(self, decoders: Pool[_Decoder], *, free_speech: bool) -> None:
        self._decoders = decoders
        self._free_speech = free_speech

    @classmethod
    def open(cls, *, decoders: int = 4, free_speech: bool = True) -> Self:
        """Load the models for one decoder, which takes about 0.3 s; each other is made when it is first needed.

        Args:
            decoders: how many utterances may be heard at once. One core follows about eight people's free speech.
            free_speech: whether utterances without a grammar can be heard; without that a decoder needs little memory.

        Raises:
            NotInstalled: if the package is missing.
            ValueError: if `decoders` is not positive.
        """
        package = ENGINES["pocketsphinx"].load()
        parameters = _PARAMETERS if free_speech else {**_PARAMETERS, "lm": None}
        return cls(Pool(lambda: package.Decoder(**parameters), decoders), free_speech=free_speech)

    @property
    def rate(self) -> int:
        """The rate it hears: 16000 Hz."""
        return RATE

    def start(self, grammar: str | None = None) -> "PocketsphinxUtterance":
        """Begin an utterance.

        Args:
            grammar: in JSGF, with one public rule; `one_of` makes one from a list of words. None hears free speech.

        Raises:
            EngineBusy: if as many utterances are being heard as may be.
            UnknownWords: if the pronunciation dictionary lacks words of the grammar.
            BadGrammar: if the grammar can't be parsed.
            ValueError: if there is no grammar and the engine was opened without free speech.
        """
        if grammar is None and not self._free_speech:
            raise ValueError("this engine was opened without free speech, so every utterance needs a grammar")
        decoder = self._decoders.take()
        try:
            if grammar is None:
                decoder.activate_search(None)
            else:
                _listen_for(decoder, grammar)
        except (UnknownWords, BadGrammar):
            self._decoders.give_back(decoder)
            raise
        decoder.set_cmn(_CEPSTRAL_MEAN)
        decoder.start_utt()
        decoder.process_raw(_SILENCE, False, False)
        return PocketsphinxUtterance(decoder, self._decoders)

    def close(self) -> None:
        """Free the models; no further utterance can begin."""
        self._decoders.drain()


class PocketsphinxUtterance:
    """One utterance; it holds a decoder until it ends."""

    def __init__(self, decoder: _Decoder, decoders: Pool[_Decoder]) -> None:
        self._decoder: _Decoder | None = decoder
        self._decoders = decoders
        self._text = ""

    def push(self, pcm: bytes) -> Hypothesis | None:
        """Hear more audio: mono s16le at 16 kHz, any whole number of samples.

        Returns:
            The partial hypothesis, if its text has changed; it has no words yet, since finding them costs as much as
            hearing.

        Raises:
            RuntimeError: if the utterance has ended.
            ValueError: if half a sample is pushed.
            EngineFailed: if the library reports an error; the utterance has then ended.
        """
        if len(pcm) % 2:
            raise ValueError(f"{len(pcm)} bytes are not a whole number of 16-bit samples")
        with self._using() as decoder:
            if pcm:
                decoder.process_raw(pcm, False, False)
            text = _text(decoder)
        if text == self._text:
            return None
        self._text = text
        return Hypothesis(text)

    def finish(self) -> Hypothesis:
        """End the utterance; return the final hypothesis, whose words have times and confidences.

        Raises:
            RuntimeError: if the utterance has ended.
            EngineFailed: if the library reports an error.
        """
        with self._using() as decoder:
            decoder.process_raw(_SILENCE, False, False)
            decoder.end_utt()
            hypothesis = Hypothesis(_text(decoder), tuple(_words(decoder.seg() or ())), final=True)
        self._end(decoder)
        return hypothesis

    def abandon(self) -> None:
        """End the utterance without a result; after its end this does nothing."""
        if self._decoder is not None:
            with self._using() as decoder:
                decoder.end_utt()
            self._end(decoder)

    @contextmanager
    def _using(self) -> Generator[_Decoder, None, None]:
        """Lend the decoder; one that fails is not used again, since its state is unknown."""
        if self._decoder is None:
            raise RuntimeError("the utterance has ended; start another")
        try:
            yield self._decoder
        except RuntimeError as error:  # what the library raises for every failure
            self._decoder = None
            raise EngineFailed("pocketsphinx failed to decode; start another utterance") from error

    def _end(self, decoder: _Decoder) -> None:
        self._decoder = None
        self._decoders.give_back(decoder)


def _listen_for(decoder: _Decoder, grammar: str) -> None:
    words = set(_NOT_WORDS.sub(" ", grammar).split())
    if unknown := [word for word in words if decoder.lookup_word(word) is None]:
        raise UnknownWords(tuple(sorted(unknown)))
    try:
        decoder.add_jsgf_string(_GRAMMAR, grammar)
    except ValueError as error:
        raise BadGrammar("the grammar is no JSGF with a public rule; check its brackets and semicolons") from error
    decoder.activate_search(_GRAMMAR)


def _text(decoder: _Decoder) -> str:
    best = decoder.hyp()
    return best.hypstr if best else ""


def _words(segments: Iterable[_Segment]) -> Iterator[Word]:
    for segment in segments:
        if not _FILLER.match(segment.word):
            yield Word(
                _PRONUNCIATION.sub("", segment.word),
                max(segment.start_frame - _SILENT_FRAMES, 0) / _FRAMES_PER_SECOND,
                max(segment.end_frame + 1 - _SILENT_FRAMES, 0) / _FRAMES_PER_SECOND,
                min(segment.prob, 1.0),  # the library rounds in the logarithm
            )
