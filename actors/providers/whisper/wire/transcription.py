"""A recording out, its text in."""

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from ....contracts import Transcribe, Transcript, Word
from ....decoding import decoded
from ....errors import BrokenStream, ProviderUnavailable
from ....http_errors import complained
from ....multipart import File, Form, encode_form
from ....options import Options
from ....recognition import bare
from .dialects import Dialect

LARGEST_ANSWER: Final = 64 * 2**20
"""Bytes: a word takes some hundred of them, with its times."""
SHORTEST: Final = 0.1
"""Seconds of audio that can be heard."""


class TranscriptionOptions(Options, frozen=True, kw_only=True):
    """How to listen, where a request does not say otherwise."""

    language: str | None = None
    """ISO 639-1; None to find out."""
    word_times: bool = True
    """Whether to ask for the times of words, which takes a little longer."""
    speech_only: bool = False
    """Whether silence and noise are cut out before: whisper.cpp has to have been started with a model for that, and of
    the engines of whisper-asr-webservice only faster-whisper does it."""
    translated: bool = False
    """Whether what is said comes in English, whatever was spoken."""


def encode(pcm: bytes, request: Transcribe, options: TranscriptionOptions, dialect: Dialect) -> tuple[str, Form]:
    """Return path and query of a request, and its form, for mono s16le audio."""
    said = [*dialect.always]
    if options.word_times:
        said += dialect.word_times
    if options.speech_only:
        said += dialect.speech_only
    if options.translated:
        said += dialect.translated
    language = request.language or options.language
    said += [("language", language)] if language else dialect.any_language
    if request.prompt:
        said.append((dialect.prompt, request.prompt))
    if dialect.raw is not None and request.rate == 16_000:
        said += dialect.raw
        content_type = "application/octet-stream"
        file = File(content=pcm, name="speech.pcm", content_type=content_type, field=dialect.file)
    else:
        file = File.wav(pcm, request.rate, dialect.file)
    if dialect.in_query:
        return f"{dialect.path}?{urlencode(said)}", encode_form((), file)
    return dialect.path, encode_form(said, file)


class _Word(Struct):
    word: str
    start: float | None = None
    end: float | None = None
    probability: float | None = None
    score: float | None = None
    """So WhisperX calls it."""


class _Segment(Struct):
    text: str = ""
    words: list[_Word] | None = None


class _Answer(Struct):
    text: str | None = None
    """WhisperX leaves it to the segments."""
    segments: list[_Segment] | None = None
    error: Any = None
    detail: Any = None


_decode: Final = msgspec.json.Decoder(_Answer).decode


def decode(body: bytes, dialect: Dialect, provider: str) -> Transcript:
    """Decode an answer.

    Raises:
        ProviderError: It is an error.
        BrokenStream: It makes no sense.
    """
    answer = decoded(_decode, body, provider)
    if answer.error or answer.detail:
        raise complained(provider, answer.error or answer.detail)
    segments = answer.segments or []
    text = "".join(segment.text for segment in segments) if answer.text is None else answer.text
    if answer.text is None and answer.segments is None:
        raise BrokenStream(provider, "the answer has no text")
    words: Iterable[_Word] = (word for segment in segments for word in segment.words or ())
    if dialect.tokens:
        words = _joined(words)
    return Transcript(" ".join(text.split()), final=True, words=tuple(_timed(words)))


def _joined(tokens: Iterable[_Word]) -> Iterable[_Word]:
    """Join parts of words: a word begins with a space."""
    word: _Word | None = None
    for token in tokens:
        if word is None or token.word.startswith(" "):
            if word is not None:
                yield word
            word = token
        else:
            word = _Word(word.word + token.word, word.start, token.end, _less(word.probability, token.probability))
    if word is not None:
        yield word


def _less(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else min(one, other)


def _timed(words: Iterable[_Word]) -> Iterable[Word]:
    """Give the words whose times are known, and which are more than a mark."""
    for word in words:
        text = word.word.strip()
        if text and word.start is not None and word.end is not None:
            confidence = word.score if word.probability is None else word.probability
            yield Word(bare(text), word.start, word.end, confidence)


class _Health(Struct):
    status: str | None = None
    paths: dict[str, Any] = {}


_decode_health: Final = msgspec.json.Decoder(_Health).decode


def check_health(body: bytes, dialect: Dialect, provider: str) -> None:
    """See that a server is there and has its model, and that it is the one that it is taken for.

    Raises:
        ProviderUnavailable: It is not, or has not.
        BrokenStream: It makes no sense.
    """
    health = decoded(_decode_health, body, provider)
    if health.status != "ok" and dialect.path not in health.paths:
        raise ProviderUnavailable(provider, "it is not ready, or another server")
