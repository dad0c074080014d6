"""The C interface of espeak-ng, as far as it is used here: ``speak_lib.h`` of version 1.52, by ctypes.

The library keeps all its state in global variables: one `EspeakLibrary` per process.
"""

import ctypes
from collections.abc import Callable, Iterator
from typing import ClassVar, Final, NamedTuple, TypeAlias

from .errors import EngineFailed

CHUNK_MS: Final = 100
"""Longest audio per callback. espeak makes it in 0.1 ms, so that smaller chunks would only cost more hand-overs."""

_RETRIEVAL = 2  # espeak_AUDIO_OUTPUT: call back with samples; espeak_Synth returns when all are made
_PHONEME_EVENTS, _DONT_EXIT = 0x0001, 0x8000  # options of espeak_Initialize
_UTF8, _SSML = 0x01, 0x10  # flags of espeak_Synth
_RATE, _PITCH = 1, 3  # espeak_PARAMETER
_LIST_END, _WORD, _PHONEME = 0, 1, 7  # espeak_EVENT_TYPE
_CONTINUE, _ABORT = 0, 1  # answers of the callback


class WordBegins(NamedTuple):
    """A spoken word begins."""

    position: int
    """Of the written word, in characters from 0; a little off inside numbers."""
    sample: int
    """From the start of the speech."""


class PhonemeBegins(NamedTuple):
    """A phoneme or a pause begins."""

    is_pause: bool
    sample: int
    """From the start of the speech."""


Event: TypeAlias = WordBegins | PhonemeBegins
Hear: TypeAlias = Callable[[bytes, list[Event]], bool]
"""Takes s16le samples and what happens in them; returns whether to go on."""


class VoiceEntry(NamedTuple):
    """A voice as the library lists it."""

    identifier: str
    """Its file's name below ``lang/`` or ``voices/``; espeak knows every voice by this, and most by other names too."""
    name: str
    gender: int
    """1 for male, 2 for female, 0 if it isn't said."""
    languages: tuple[tuple[str, int], ...]
    """BCP 47 tags, the voice's own first; with each a number that is lower the better the voice speaks it."""


class _Id(ctypes.Union):
    _fields_: ClassVar = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_: ClassVar = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # in characters, from 1
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # in ms; `sample` is the same, exactly
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


class _Voice(ctypes.Structure):
    _fields_: ClassVar = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),  # for each a byte of priority and a C string; a zero byte ends the list
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    ]


# Takes the addresses of the samples (null at the end) and of the events, and how many samples there are.
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class EspeakLibrary:
    """The loaded library. Calls must not overlap.

    Attributes:
        rate: of the audio, in Hz.
    """

    def __init__(self, path: str, data: str) -> None:
        """Load the library at `path` with the data in the folder `data`.

        Raises:
            OSError: if it can't be loaded.
            EngineFailed: if it can't use its data.
        """
        self._library = ctypes.CDLL(path)
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        self.rate: int = self._library.espeak_Initialize(
            _RETRIEVAL, CHUNK_MS, data.encode(), _PHONEME_EVENTS | _DONT_EXIT
        )
        if self.rate <= 0:
            raise EngineFailed("espeak-ng can't use its data; install espeakng-loader again")
        self._hear: Hear = lambda _pcm, _events: False
        self._callback = _Callback(self._called)  # kept, since the library holds no reference
        self._library.espeak_SetSynthCallback(self._callback)

    def voices(self) -> list[VoiceEntry]:
        """Return the voices of languages."""
        return list(self._listed(None))

    def variants(self) -> list[VoiceEntry]:
        """Return the variants, which change a voice's timbre; their identifiers begin with ``!v/``."""
        wanted = _Voice(languages=ctypes.cast(ctypes.c_char_p(b"variant"), ctypes.c_void_p))
        return list(self._listed(ctypes.byref(wanted)))

    def speak(self, text: bytes, *, voice: str, rate: int, pitch: int, ssml: bool, hear: Hear) -> None:
        """Speak; return when all is said, or soon after `hear` has returned False.

        Args:
            text: UTF-8 without NUL.
            voice: an identifier, perhaps with a plus sign and a variant.
            rate: in words per minute, 80 to 450.
            pitch: 0 to 99.
            ssml: whether `text` is SSML.
            hear: called in this thread with at most `CHUNK_MS` of audio at a time. It must not raise.

        Raises:
            EngineFailed: if the library reports an error.
        """
        self._hear = hear
        failed = (
            self._library.espeak_SetVoiceByName(voice.encode())
            or self._library.espeak_SetParameter(_RATE, rate, 0)
            or self._library.espeak_SetParameter(_PITCH, pitch, 0)
            or self._library.espeak_Synth(text, len(text) + 1, 0, 1, 0, _UTF8 | _SSML if ssml else _UTF8, None, None)
        )
        if failed:
            raise EngineFailed(f"espeak-ng reports error {failed}")

    def close(self) -> None:
        """Free the library's memory; nothing may be called afterwards."""
        self._library.espeak_Terminate()

    def _called(self, samples: int | None, count: int, address: int) -> int:
        events: list[Event] = []
        while (event := _Event.from_address(address)).type != _LIST_END:
            if event.type == _WORD:
                events.append(WordBegins(event.text_position - 1, event.sample))
            elif event.type == _PHONEME:
                events.append(PhonemeBegins(event.id.string.startswith(b"_"), event.sample))
            address += ctypes.sizeof(_Event)
        pcm = ctypes.string_at(samples, 2 * count) if samples else b""
        return _CONTINUE if self._hear(pcm, events) else _ABORT

    def _listed(self, wanted: object) -> Iterator[VoiceEntry]:
        voices = self._library.espeak_ListVoices(wanted)
        index = 0
        while pointer := voices[index]:  # a null pointer ends the list
            voice = pointer.contents
            yield VoiceEntry(
                voice.identifier.decode(), voice.name.decode(), voice.gender, tuple(_languages(voice.languages))
            )
            index += 1


def _languages(address: int) -> Iterator[tuple[str, int]]:
    while priority := ctypes.string_at(address, 1)[0]:
        language = ctypes.string_at(address + 1)
        yield language.decode().lower(), priority
        address += 2 + len(language)
