"""``POST /audio/transcriptions``: a recording out, its text in, at once or in events."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from ....contracts import Transcript, Usage, Word
from ....decoding import decoded
from ....errors import BrokenStream
from ....http_errors import complained
from ....multipart import File, Form, encode_form
from ....recognition import bare
from .tokens import TokenUsage, tokens

LARGEST_UPLOAD: Final = 25 * 2**20
"""Bytes that the API takes of one file."""
LARGEST_ANSWER: Final = 16 * 2**20
"""Bytes: word times take about a hundred per word."""
SHORTEST: Final = 0.1
"""Seconds of audio below which the API refuses to listen."""


class TranscriptionOptions(Struct, frozen=True, kw_only=True):
    """How to transcribe, where a request does not say otherwise."""

    model: str
    word_times: bool = False
    """Whether to ask for the times of words: whisper-1 and most local servers have them, newer models have not. Then
    there are no partial transcripts."""


def encode_transcription(
    pcm: bytes, rate: int, options: TranscriptionOptions, *, model: str, language: str | None, prompt: str | None
) -> Form:
    """Return the body of ``POST /audio/transcriptions`` for mono s16le audio."""
    fields = {"model": model or options.model}
    if options.word_times:
        fields |= {"response_format": "verbose_json", "timestamp_granularities[]": "word"}
    else:
        fields |= {"response_format": "json", "stream": "true"}
    if language:
        fields["language"] = language
    if prompt:
        fields["prompt"] = prompt
    return encode_form(fields.items(), File.wav(pcm, rate))


class _Word(Struct):
    word: str
    start: float
    end: float


class Transcription(Struct):
    """An answer that comes as a whole."""

    text: str | None = None
    words: list[_Word] | None = None
    usage: TokenUsage | None = None
    error: Any = None

    @property
    def tokens(self) -> Usage:
        """What it says was used."""
        return tokens(self.usage)

    def timed(self) -> tuple[Word, ...]:
        """Return its words with their times."""
        return tuple(Word(bare(word.word.strip()), word.start, word.end) for word in self.words or ())


class TranscriptEvent(Struct):
    """One event of a streamed transcript; kinds that are not known have neither text nor an end."""

    type: str = ""
    delta: str = ""
    text: str = ""
    usage: TokenUsage | None = None
    error: Any = None

    @property
    def more(self) -> str:
        """The text that it adds."""
        return self.delta if self.type == "transcript.text.delta" else ""

    @property
    def segment(self) -> str:
        """The segment that it is, from servers that send those and no events: ``faster-whisper-server``."""
        return "" if self.type else self.text

    @property
    def last(self) -> bool:
        """Whether it is the last one, with all of the text; speaches forgets to put that in."""
        return self.type == "transcript.text.done"

    @property
    def tokens(self) -> Usage:
        """What it says was used."""
        return tokens(self.usage)


_decode_transcription: Final = msgspec.json.Decoder(Transcription).decode
_decode_event: Final = msgspec.json.Decoder(TranscriptEvent).decode


def decode_transcription(body: bytes, provider: str) -> Transcription:
    """Decode the body of an answer in JSON.

    Raises:
        ProviderError: It is an error.
        BrokenStream: It makes no sense.
    """
    answer = decoded(_decode_transcription, body, provider)
    if answer.error:
        raise complained(provider, answer.error)
    if answer.text is None:
        raise BrokenStream(provider, "the answer has no text")
    return answer


def decode_transcript_event(data: bytes, provider: str) -> TranscriptEvent:
    """Decode the data of an event.

    Raises:
        ProviderError: The event is an error.
        BrokenStream: It makes no sense.
    """
    event = decoded(_decode_event, data, provider)
    if event.error:
        raise complained(provider, event.error)
    return event


class HeardSoFar:
    """What the events of one transcript say so far."""

    def __init__(self) -> None:
        self.text = ""
        self._complete = False

    def take(self, event: TranscriptEvent) -> bool:
        """Take an event; return whether it adds text."""
        if event.last:
            self.text = event.text or self.text
            self._complete = True
        elif event.more:
            self.text = (self.text + event.more).lstrip()
        elif event.segment:
            self.text = f"{self.text} {event.segment}".strip()
            self._complete = True  # as far as one can tell: no event says that it is the last one
        return bool(event.more or event.segment)

    def result(self, provider: str) -> Transcript:
        """Return the final transcript.

        Raises:
            BrokenStream: It is not complete.
        """
        if not self._complete:
            raise BrokenStream(provider, "the stream ended before the transcript did")
        return Transcript(self.text.strip(), final=True)
