"""``/v1/listen``: what is asked of a recogniser, and what it says, while somebody speaks or of a recording.

Times are seconds from the start of the stream. A result that is not final is about the audio after the last final one;
the next one replaces it.
"""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Final
from urllib.parse import urlencode

import msgspec
from msgspec import Meta, Struct

from ....contracts import Transcribe, Transcript, Word
from ....decoding import decoded
from ....errors import BrokenStream
from ....http_errors import complained
from ....options import Options

SURELY_HEARD: Final = 0.5
"""Seconds of audio of which the provider says something even if it is silence."""
_MARKS: Final = " .,;:!?…¿¡。、"


class ListenOptions(Options, frozen=True, kw_only=True):
    """How to listen, where a request does not say otherwise."""

    model: str
    language: str = "multi"
    """BCP 47; ``multi`` for whichever of ten is spoken, also by turns. Models other than nova-2 and nova-3 need one."""
    smart_format: bool = True
    """Punctuation, and numbers, dates and the like as they are written."""
    endpointing: Annotated[int, Meta(ge=0)] | None = None
    """Milliseconds of silence after which words become final; None for the provider's own."""
    keyterms: tuple[str, ...] = ()
    """Words to expect, for nova-3; those of a request's prompt, between commas, are added."""
    mip_opt_out: bool = False
    """Whether the audio must not be used to improve models, which costs more."""


def listen_query(options: ListenOptions, request: Transcribe, *, streamed: bool) -> str:
    """Return the query of a request."""
    model = request.model or options.model
    pairs = [
        ("model", model),
        ("language", request.language or options.language),
        ("smart_format", _flag(options.smart_format)),
    ]
    if streamed:
        pairs += [("encoding", "linear16"), ("sample_rate", str(request.rate)), ("channels", "1")]
        pairs += [("interim_results", "true")]
        if options.endpointing is not None:
            pairs += [("endpointing", str(options.endpointing) if options.endpointing else "false")]
    if model.startswith("nova-3"):
        terms = (*options.keyterms, *(request.prompt or "").split(","))
        pairs += [("keyterm", term.strip()) for term in terms if term.strip()]
    if options.mip_opt_out:
        pairs += [("mip_opt_out", "true")]
    return urlencode(pairs)


def _flag(value: bool) -> str:  # noqa: FBT001
    return "true" if value else "false"


class _Word(Struct):
    word: str
    start: float
    end: float
    confidence: float | None = None
    punctuated_word: str | None = None

    def known(self) -> Word:
        text = (self.punctuated_word or self.word).strip(_MARKS) or self.word
        return Word(text, self.start, self.end, self.confidence)


class _Alternative(Struct):
    transcript: str
    words: list[_Word] = []


class _Channel(Struct):
    alternatives: list[_Alternative]


class _Kind(Struct):
    type: str = ""


class _Results(Struct):
    channel: _Channel
    is_final: bool = False


_decode_kind: Final = msgspec.json.Decoder(_Kind).decode
_decode_results: Final = msgspec.json.Decoder(_Results).decode
_decode_error: Final = msgspec.json.Decoder(dict[str, Any]).decode


class DeepgramHearing:
    """One utterance over one WebSocket; see `troupe.actors.recognition.Hearing`."""

    greeted: ClassVar[bool] = False
    keep_alive: ClassVar[str | None] = '{"type":"KeepAlive"}'

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._final: list[str] = []
        self._words: list[Word] = []
        self._text = ""
        self._results = 0
        self.done = False
        """Whether the last message has come."""

    def audio(self, pcm: bytes) -> bytes:
        """See `Hearing.audio`. An empty message would end the stream."""
        return pcm

    def end(self) -> Iterable[str]:
        """See `Hearing.end`."""
        return ('{"type":"CloseStream"}',)

    def push(self, message: str | bytes) -> str | None:
        """See `Hearing.push`; kinds that are not known say nothing."""
        data = message.encode() if isinstance(message, str) else message
        match decoded(_decode_kind, data, self._provider).type:
            case "Results":
                return self._push_results(decoded(_decode_results, data, self._provider))
            case "Metadata":  # comes after the last result
                self.done = True
            case "Error":
                error = decoded(_decode_error, data, self._provider)
                raise complained(self._provider, {"type": error.get("variant"), **error})
            case _:
                pass
        return None

    def _push_results(self, results: _Results) -> str | None:
        self._results += 1
        best = results.channel.alternatives[0] if results.channel.alternatives else _Alternative("")
        text = " ".join((*self._final, best.transcript) if best.transcript else self._final)
        if results.is_final and best.transcript:
            self._final.append(best.transcript)
            self._words += (word.known() for word in best.words)
        if text == self._text:
            return None
        self._text = text
        return text

    def result(self, seconds: float) -> Transcript:
        """See `Hearing.result`."""
        if not self._results and seconds >= SURELY_HEARD:
            raise BrokenStream(self._provider, "there was no transcript in the answer")
        return Transcript(" ".join(self._final), final=True, words=tuple(self._words))


class _Recording(Struct):
    class Results(Struct):
        """What was heard, channel by channel."""

        channels: list[_Channel]

    results: Results


_decode_recording: Final = msgspec.json.Decoder(_Recording).decode


def decode_recording(body: bytes, provider: str) -> Transcript:
    """Decode the answer to a recording.

    Raises:
        BrokenStream: It makes no sense.
    """
    channels = decoded(_decode_recording, body, provider).results.channels
    if not channels or not channels[0].alternatives:
        raise BrokenStream(provider, "there was no transcript in the answer")
    best = channels[0].alternatives[0]
    return Transcript(best.transcript, final=True, words=tuple(word.known() for word in best.words))
