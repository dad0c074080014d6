"""Speech by espeak-ng, streamed as the library makes it.

The library comes with the package ``espeakng-loader`` (extra ``embedded``) and is loaded by `EspeakEngine.open`, not by
importing this module. It is GPL-3.0 and keeps all its state in global variables, so it belongs in a worker process of
its own, one engine in each.
"""

import queue
import re
import threading
from bisect import bisect_right
from collections.abc import Iterator
from typing import ClassVar, Final, Literal, Self

from .catalogue import ENGINES
from .errors import EngineBusy, EngineFailed, UnknownVoice
from .espeak_library import EspeakLibrary, Event, PhonemeBegins, VoiceEntry
from .results import SpeechChunk, Voice, Word

SPEEDS: Final = (0.5, 2.5)
"""The least and the greatest speed; 1 is espeak's normal 175 words per minute."""

_NORMAL_RATE = 175  # words per minute
_GENDERS: dict[int, Literal["female", "male", ""]] = {1: "male", 2: "female"}
# U+0001 begins an embedded command even in plain text, U+0000 ends it. One for one, so that positions stay.
_CONTROLS = dict.fromkeys([*range(0x20), 0x7F], " ")
# Chinese and Japanese have no spaces between words, so there each character is a place where a word may start.
_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+")
_TAG = re.compile(r"<[^>]*>")


class WordTimes:
    """Turns espeak's events into words with times.

    An event says where in the text a spoken word begins, but several may belong to one written word ("$12.50"), a
    written word may have none ("-"), and positions inside numbers are a little off. So only the written word is taken
    from the position, and each reaches to the next one that is spoken.
    """

    def __init__(self, text: str, rate: int) -> None:
        self._text = text
        self._rate = rate
        self._starts = [match.start() for match in _TOKEN.finditer(text)]
        self._token = -1  # index of the written word that is being spoken
        self._given = 0  # how much of the text has been given out
        self._start = 0  # of the word, in samples
        self._pause: int | None = None  # the sample from which on the word has been silent

    def receive(self, event: Event) -> Word | None:
        """Take the next event; return the word that it ends, if it ends one."""
        if isinstance(event, PhonemeBegins):
            if not event.is_pause:
                self._pause = None
            elif self._pause is None:
                self._pause = event.sample
            return None
        token = max(bisect_right(self._starts, event.position) - 1, 0)
        if token <= self._token:
            return None
        ended = self._end(self._starts[token], event.sample) if self._token >= 0 else None
        self._token, self._start, self._pause = token, event.sample, None
        return ended

    def finish(self, sample: int) -> Word | None:
        """The speech ends at `sample`; return the last word, if any was said."""
        return self._end(len(self._text), sample) if self._token >= 0 else None

    def _end(self, cut: int, sample: int) -> Word:
        text = self._text[self._given : cut].strip()
        self._given = cut
        end = sample if self._pause is None else self._pause
        return Word(text, self._start / self._rate, end / self._rate)


class EspeakEngine:
    """The espeak-ng library, once per process. Not thread-safe, and one speech at a time."""

    usual_voice: ClassVar[str] = "en-us"
    speeds: ClassVar[tuple[float, float]] = SPEEDS
    _is_open: ClassVar = False

    def __init__(self, library: EspeakLibrary) -> None:
        self._library = library
        self._voices, self._identifiers = _index(library.voices())
        self._variants = {entry.identifier.removeprefix("!v/") for entry in library.variants()}
        self._speaking = threading.Lock()
        self._closed = False

    @classmethod
    def open(cls) -> Self:
        """Load the library with its data; takes about 10 ms.

        Raises:
            NotInstalled: if the package is missing.
            EngineBusy: if this process has an engine already.
            EngineFailed: if the library can't use its data.
        """
        loader = ENGINES["espeak"].load()
        if EspeakEngine._is_open:
            raise EngineBusy("espeak-ng has one state per process, and this process has an engine; use it, or close it")
        engine = cls(EspeakLibrary(loader.get_library_path(), loader.get_data_path()))
        EspeakEngine._is_open = True
        return engine

    @property
    def rate(self) -> int:
        """The rate of the audio: 22050 Hz."""
        return self._library.rate

    def voices(self) -> list[Voice]:
        """Return the voices, one per language or accent. Each can be had in variants, such as ``en-us+f3``."""
        return list(self._voices)

    def variants(self) -> list[str]:
        """Return what may follow a voice and a plus sign: other timbres, such as ``f3`` or ``whisper``."""
        return sorted(self._variants)

    def synthesize(
        self, text: str, *, voice: str = usual_voice, speed: float = 1.0, pitch: int = 50, ssml: bool = False
    ) -> Iterator[SpeechChunk]:
        """Speak `text`: chunks of at most 100 ms come as espeak makes them, and espeak waits while nobody takes them.

        Closing the iterator stops espeak at once. Text without anything to say gives no chunk.

        Args:
            text: plain text of any length, never taken for markup; or SSML if `ssml`.
            voice: a voice's id, name, language or espeak identifier, and perhaps a variant: ``en-gb+f2``.
            speed: within `SPEEDS`.
            pitch: 0 to 99; 50 is the voice's own.
            ssml: whether `text` is SSML. The words' texts are then those between the tags.

        Raises:
            UnknownVoice: if there is no such voice or variant.
            ValueError: if speed or pitch is out of range.
            EngineBusy: from the first step of the iterator, if the speech before is neither at its end nor closed.
            EngineFailed: from the iterator, if the library reports an error.
        """
        name = self._resolve(voice)
        if not SPEEDS[0] <= speed <= SPEEDS[1]:
            raise ValueError(f"speed is {speed}; it must be between {SPEEDS[0]} and {SPEEDS[1]}")
        if not 0 <= pitch <= 99:
            raise ValueError(f"pitch is {pitch}; it must be between 0 and 99")
        return self._stream(text.translate(_CONTROLS), name, round(_NORMAL_RATE * speed), pitch, ssml=ssml)

    def close(self) -> None:
        """Free the library's memory; the process may open another engine. A second time this does nothing."""
        if not self._closed:
            self._closed = True
            self._library.close()
            EspeakEngine._is_open = False

    def _resolve(self, voice: str) -> str:
        base, plus, variant = voice.partition("+")
        if (identifier := self._identifiers.get(base.lower())) is None:
            raise UnknownVoice.among(voice, self._identifiers)
        if plus and variant not in self._variants:  # espeak itself would silently speak without it
            raise UnknownVoice.among(voice, (f"{base}+{other}" for other in self._variants))
        return f"{identifier}{plus}{variant}"

    def _stream(self, text: str, voice: str, rate: int, pitch: int, *, ssml: bool) -> Iterator[SpeechChunk]:
        if not text.strip():
            return
        if not self._speaking.acquire(blocking=False):
            raise EngineBusy("espeak-ng speaks one text at a time; take the speech before to its end, or close it")
        # The library's call returns when all is said, so it runs in a thread, and its callback waits until the chunk
        # before is taken. None or an error is the last thing handed over.
        handover: queue.Queue[SpeechChunk | EngineFailed | None] = queue.Queue(maxsize=1)
        stopped = threading.Event()
        data = text.encode(errors="replace")  # half a surrogate pair becomes a question mark
        words = WordTimes(text, self.rate)
        samples = 0

        def spoken(word: Word) -> Word:
            return Word(_TAG.sub("", word.text).strip(), word.start, word.end) if ssml else word

        def hear(pcm: bytes, events: list[Event]) -> bool:
            nonlocal samples
            samples += len(pcm) // 2
            known = tuple(spoken(word) for event in events if (word := words.receive(event)))
            if pcm and not stopped.is_set():
                handover.put(SpeechChunk(pcm, self.rate, known))
            return not stopped.is_set()

        def speak() -> None:
            try:
                self._library.speak(data, voice=voice, rate=rate, pitch=pitch, ssml=ssml, hear=hear)
            except EngineFailed as error:
                handover.put(error)
                return
            if not stopped.is_set() and (last := words.finish(samples)):
                handover.put(SpeechChunk(b"", self.rate, (spoken(last),)))
            handover.put(None)

        thread = threading.Thread(target=speak, name="espeak", daemon=True)
        thread.start()
        running = True
        try:
            while isinstance(item := handover.get(), SpeechChunk):
                yield item
            running = False
            if item is not None:
                raise item
        finally:
            stopped.set()
            while running:  # what is on its way holds the callback up
                running = isinstance(handover.get(), SpeechChunk)
            thread.join()
            self._speaking.release()


def _index(entries: list[VoiceEntry]) -> tuple[list[Voice], dict[str, str]]:
    """Return the voices, and for every lower-case name that one can be asked for by, espeak's identifier.

    The library itself knows some voices (en-gb, fr-fr) by their identifiers only.
    """
    voices: list[Voice] = []
    identifiers: dict[str, str] = {}
    wider: list[tuple[int, str, str]] = []  # languages that are not the voice's own
    for entry in entries:
        tags = tuple(tag for tag, _ in entry.languages)
        name = entry.name.strip()
        unique = entry.identifier if tags[0] in identifiers else tags[0]
        voices.append(Voice(unique, name, tags, _GENDERS.get(entry.gender, "")))
        identifiers |= dict.fromkeys((entry.identifier.lower(), name.lower(), unique.lower()), entry.identifier)
        wider += [(number, tag, entry.identifier) for tag, number in entry.languages[1:]]
    for _, tag, identifier in sorted(wider):  # the best voice of each first
        identifiers.setdefault(tag, identifier)
    return voices, identifiers
