"""``/stt/websocket``: audio out, what is heard in it in."""

from collections.abc import Iterable
from typing import ClassVar, Final
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from ....contracts import Transcribe, Transcript, Word
from ....decoding import decoded
from ....errors import BrokenStream
from ....options import Options
from .errors import Complaint

SURELY_HEARD: Final = 0.5
"""Seconds of audio of which the provider says something even if it is silence."""
_MARKS: Final = " .,;:!?…¿¡。、"


class RecognitionOptions(Options, frozen=True, kw_only=True):
    """How to listen, where a request does not say otherwise."""

    model: str
    language: str | None = None
    """ISO 639-1; None for the model's own, which is English for ink-whisper."""
    keyterms: tuple[str, ...] = ()
    """Words to expect; those of a request's prompt, between commas, are added."""


def socket_path(request: Transcribe, options: RecognitionOptions) -> str:
    """Return the path and query of a connection."""
    pairs = [
        ("model", request.model or options.model),
        ("encoding", "pcm_s16le"),
        ("sample_rate", str(request.rate)),
    ]
    if language := request.language or options.language:
        pairs.append(("language", language))
    terms = (*options.keyterms, *(request.prompt or "").split(","))
    pairs += [("keyterm", term.strip()) for term in terms if term.strip()]
    return f"/stt/websocket?{urlencode(pairs)}"


class _Words(Struct):
    """Either one word, or a list of them with their times in lists beside it: both are documented."""

    word: str | None = None
    words: list[str] = []
    start: float | list[float] = []
    end: float | list[float] = []

    def known(self) -> Iterable[Word]:
        starts = self.start if isinstance(self.start, list) else [self.start]
        ends = self.end if isinstance(self.end, list) else [self.end]
        texts = self.words if self.word is None else [self.word]
        for text, start, end in zip(texts, starts, ends, strict=False):
            if alone := text.strip(_MARKS):
                yield Word(alone, start, end)


class _Message(Struct):
    type: str = ""
    is_final: bool = False
    text: str = ""
    words: list[_Words] | None = None


_decode: Final = msgspec.json.Decoder(_Message).decode
_decode_complaint: Final = msgspec.json.Decoder(Complaint).decode


class CartesiaHearing:
    """One utterance over one WebSocket; see `troupe.actors.recognition.Hearing`."""

    greeted: ClassVar[bool] = False
    keep_alive: ClassVar[str | None] = None

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._final = ""
        self._words: list[Word] = []
        self._text = ""
        self._heard = False
        self.done = False
        """Whether the last message has come."""

    def audio(self, pcm: bytes) -> bytes:
        """See `Hearing.audio`."""
        return pcm

    def end(self) -> Iterable[str]:
        """See `Hearing.end`. These are words, no JSON."""
        return ("finalize", "close")

    def push(self, message: str | bytes) -> str | None:
        """See `Hearing.push`; kinds that are not known say nothing."""
        data = message.encode() if isinstance(message, str) else message
        news = decoded(_decode, data, self._provider)
        match news.type:
            case "transcript":
                return self._push_transcript(news)
            case "done":
                self.done = True
            case "error":
                raise decoded(_decode_complaint, data, self._provider).mapped(self._provider)
            case _:
                pass
        return None

    def _push_transcript(self, news: _Message) -> str | None:
        """Take what was heard since the last final one; its white space belongs to it."""
        self._heard = True
        text = (self._final + news.text).strip()
        if news.is_final:
            self._final += news.text
            for words in news.words or ():
                self._words += words.known()
        if text == self._text:
            return None
        self._text = text
        return text

    def result(self, seconds: float) -> Transcript:
        """See `Hearing.result`."""
        if not self._heard and seconds >= SURELY_HEARD:
            raise BrokenStream(self._provider, "there was no transcript in the answer")
        return Transcript(self._final.strip(), final=True, words=tuple(self._words))
