"""``/v1/speech-to-text``: recordings in a form; live audio in messages, and what is heard in them."""

import base64
import math
from collections.abc import Iterable
from typing import Any, ClassVar, Final, Literal
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from ....contracts import Transcribe, Transcript, Word
from ....decoding import decoded
from ....errors import BrokenStream, InvalidRequest
from ....http_errors import complained
from ....multipart import File, Form, encode_form
from ....options import Options
from ....recognition import bare

RATES: Final = (8000, 16_000, 22_050, 24_000, 44_100, 48_000)
"""Of live audio, in Hz."""
SHORTEST: Final = 0.3
"""Seconds of audio that can be heard."""
_NOTHING: Final = frozenset({"commit_throttled", "insufficient_audio_activity"})
"""How the provider says at the end that there was too little to be heard."""
_FAILURES: Final = frozenset(
    {
        *("error", "auth_error", "quota_exceeded", "commit_throttled", "unaccepted_terms", "rate_limited"),
        *("queue_overflow", "resource_exhausted", "session_time_limit_exceeded", "input_error", "invalid_request"),
        *("chunk_size_exceeded", "insufficient_audio_activity", "transcriber_error"),
    }
)


class RecognitionOptions(Options, frozen=True, kw_only=True):
    """How to listen, where a request does not say otherwise."""

    model: str
    """``scribe_v2_realtime`` or another that is live; for recordings ``scribe_v2`` or another that is not."""
    language: str | None = None
    """ISO 639-1 or 639-3; None to find out."""
    keyterms: tuple[str, ...] = ()
    """Words to expect; those of a request's prompt, between commas, are added."""
    no_verbatim: bool = False
    """Whether to leave out false starts and filler words."""
    tag_audio_events: bool = False
    """Of recordings: whether to write down laughter and the like."""
    enable_logging: bool = True
    """Without, nothing is kept at the provider; for large customers."""


def _terms(options: RecognitionOptions, request: Transcribe) -> list[str]:
    terms = (*options.keyterms, *(request.prompt or "").split(","))
    return [term.strip() for term in terms if term.strip()]


class _Word(Struct):
    text: str
    start: float | None = None
    end: float | None = None
    type: Literal["word", "spacing", "audio_event"] | str = "word"  # noqa: PYI051  (others may come)
    logprob: float | None = None


def _known(words: Iterable[_Word] | None) -> Iterable[Word]:
    for word in words or ():
        if word.type == "word" and word.start is not None and word.end is not None:
            confidence = None if word.logprob is None else math.exp(min(0.0, word.logprob))
            yield Word(bare(word.text), word.start, word.end, confidence)


# -- recordings --------------------------------------------------------------------------------------------------------


class _Recording(Struct):
    text: str | None = None
    words: list[_Word] | None = None
    detail: Any = None


_decode_recording: Final = msgspec.json.Decoder(_Recording).decode


def encode_recording(pcm: bytes, request: Transcribe, options: RecognitionOptions) -> Form:
    """Return the form of ``POST /v1/speech-to-text`` for mono s16le audio."""
    fields = [
        ("model_id", request.model or options.model),
        ("timestamps_granularity", "word"),
        ("tag_audio_events", "true" if options.tag_audio_events else "false"),
    ]
    raw = request.rate == 16_000  # which is understood without a header, and sooner
    if raw:
        fields.append(("file_format", "pcm_s16le_16"))
    if language := request.language or options.language:
        fields.append(("language_code", language))
    if options.no_verbatim:
        fields.append(("no_verbatim", "true"))
    fields += [("keyterms", term) for term in _terms(options, request)]
    if raw:
        return encode_form(fields, File(content=pcm, name="speech.pcm", content_type="application/octet-stream"))
    return encode_form(fields, File.wav(pcm, request.rate))


def decode_recording(body: bytes, provider: str) -> Transcript:
    """Decode the answer to a recording.

    Raises:
        ProviderError: It is an error.
        BrokenStream: It makes no sense.
    """
    answer = decoded(_decode_recording, body, provider)
    if answer.detail:
        raise complained(provider, answer.detail)
    if answer.text is None:
        raise BrokenStream(provider, "the answer has no text")
    return Transcript(answer.text, final=True, words=tuple(_known(answer.words)))


# -- live --------------------------------------------------------------------------------------------------------------


def socket_path(request: Transcribe, options: RecognitionOptions, provider: str) -> str:
    """Return the path and query of a connection.

    Raises:
        InvalidRequest: The provider does not take audio of this rate.
    """
    if request.rate not in RATES:
        raise InvalidRequest(provider, f"the rate is {request.rate}; it has to be one of {', '.join(map(str, RATES))}")
    pairs = [
        ("model_id", request.model or options.model),
        ("audio_format", f"pcm_{request.rate}"),
        ("commit_strategy", "manual"),
        ("include_timestamps", "true"),
    ]
    if language := request.language or options.language:
        pairs.append(("language_code", language))
    if options.no_verbatim:
        pairs.append(("no_verbatim", "true"))
    if not options.enable_logging:
        pairs.append(("enable_logging", "false"))
    pairs += [("keyterms", term) for term in _terms(options, request)]
    return f"/v1/speech-to-text/realtime?{urlencode(pairs)}"


class _Message(Struct):
    message_type: str = ""
    text: str = ""
    words: list[_Word] | None = None
    error: Any = None


_decode_message: Final = msgspec.json.Decoder(_Message).decode


class ElevenLabsHearing:
    """One utterance over one WebSocket; see `troupe.actors.recognition.Hearing`."""

    greeted: ClassVar[bool] = True
    keep_alive: ClassVar[str | None] = None

    def __init__(self, provider: str, rate: int) -> None:
        self._provider = provider
        self._rate = rate
        self._final: list[str] = []
        self._words: list[Word] = []
        self._text = ""
        self._ending = False
        self.done = False
        """Whether the last message has come."""

    def audio(self, pcm: bytes) -> str:
        """See `Hearing.audio`."""
        return self._chunk(pcm, commit=False)

    def end(self) -> Iterable[str]:
        """See `Hearing.end`."""
        self._ending = True
        return (self._chunk(b"", commit=True),)

    def _chunk(self, pcm: bytes, *, commit: bool) -> str:
        return msgspec.json.encode(
            {
                "message_type": "input_audio_chunk",
                "audio_base_64": base64.b64encode(pcm).decode(),
                "commit": commit,
                "sample_rate": self._rate,
            }
        ).decode()

    def push(self, message: str | bytes) -> str | None:
        """See `Hearing.push`; kinds that are not known say nothing."""
        data = message.encode() if isinstance(message, str) else message
        news = decoded(_decode_message, data, self._provider)
        match news.message_type:
            case "partial_transcript":
                text = " ".join((*self._final, news.text) if news.text else self._final)
            case "committed_transcript_with_timestamps":  # the same comes without times, too, and before
                if news.text:
                    self._final.append(news.text)
                    self._words += _known(news.words)
                self.done = self._ending
                text = " ".join(self._final)
            case kind if kind in _NOTHING and self._ending:
                self.done = True
                return None
            case kind if kind in _FAILURES:
                raise complained(self._provider, {"code": kind, "message": str(news.error)})
            case _:
                return None
        if text == self._text:
            return None
        self._text = text
        return text

    def result(self, seconds: float) -> Transcript:
        """See `Hearing.result`."""
        return Transcript(" ".join(self._final), final=True, words=tuple(self._words))
