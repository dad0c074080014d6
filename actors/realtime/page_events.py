"""The side channel on a session's own connection: how a page that hears and speaks by itself does so for its session.

These events are ours, beside those of the protocol, and they go to nobody who has not been given a session of which the
browser is a part. Their names begin with ``troupe.``, and ``type`` is the first member of each. Calls are numbered by
the server; an event about a call that is over is ignored.

The browser's interfaces are those of the Web Speech API (https://webaudio.github.io/web-speech-api/), whose names of
errors are passed on as they are.
"""

import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from .diagnosis import diagnose
from .errors import frame_is_not_json

LONGEST: Final = 20_000
"""Characters of a transcript: a quarter of an hour of speech."""
_HEAD: Final = re.compile(rb'\s*\{\s*"type"\s*:\s*"troupe\.')

Call = Annotated[int, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Milliseconds = Annotated[float, Meta(ge=0, le=3_600_000)]
ErrorName = Annotated[str, Meta(max_length=64)]


class PageEvent(Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all of them; members that are not known are ignored."""


# From the page.


class BrowserReady(PageEvent, frozen=True, kw_only=True, tag="troupe.browser.ready"):
    """What this browser can do; until it has come, the browser counts as absent."""

    hears: bool = False
    speaks: bool = False


class HearingStarted(PageEvent, frozen=True, kw_only=True, tag="troupe.hearing.started"):
    """Somebody speaks. For pages that send no audio, so that the server can't find out: a turn begins."""


class HearingEnded(PageEvent, frozen=True, kw_only=True, tag="troupe.hearing.ended"):
    """That turn is over."""


class HearingResult(PageEvent, frozen=True, kw_only=True, tag="troupe.hearing.result"):
    """What was understood of an utterance, all of it so far."""

    call: Call
    transcript: Annotated[str, Meta(max_length=LONGEST)]
    final: bool = False
    confidence: Annotated[float, Meta(ge=0, le=1)] | None = None


class HearingFailed(PageEvent, frozen=True, kw_only=True, tag="troupe.hearing.failed"):
    """The browser does not understand it."""

    call: Call
    error: ErrorName
    """As in ``SpeechRecognitionErrorEvent.error``."""


class SpeechProgress(PageEvent, frozen=True, kw_only=True, tag="troupe.speech.progress"):
    """How far a piece has been spoken: when it begins, at each word, and every so often."""

    call: Call
    piece: Count
    ms: Milliseconds
    """Since it began."""
    characters: Count | None = None
    """Of its text that have been spoken in whole words; None where the voice does not tell."""


class SpeechEnded(PageEvent, frozen=True, kw_only=True, tag="troupe.speech.ended"):
    """A piece has been spoken to its end."""

    call: Call
    piece: Count
    ms: Milliseconds


class SpeechFailed(PageEvent, frozen=True, kw_only=True, tag="troupe.speech.failed"):
    """The browser does not speak."""

    call: Call
    error: ErrorName
    """As in ``SpeechSynthesisErrorEvent.error``."""


FromPage = (
    BrowserReady
    | HearingStarted
    | HearingEnded
    | HearingResult
    | HearingFailed
    | SpeechProgress
    | SpeechEnded
    | SpeechFailed
)


# To the page.


class HearingBegin(PageEvent, frozen=True, kw_only=True, tag="troupe.hearing.begin"):
    """An utterance has begun: what is understood from now on belongs to it."""

    call: Call
    language: str | None
    """ISO 639-1; None where nobody has said."""


class HearingEnd(PageEvent, frozen=True, kw_only=True, tag="troupe.hearing.end"):
    """It is over; its final transcript is due."""

    call: Call


class HearingCancel(PageEvent, frozen=True, kw_only=True, tag="troupe.hearing.cancel"):
    """Nobody wants to know any more."""

    call: Call


class SpeechSay(PageEvent, frozen=True, kw_only=True, tag="troupe.speech.say"):
    """Speak this, after the pieces before it."""

    call: Call
    piece: Count
    text: str
    voice: str
    """As in ``SpeechSynthesisVoice.voiceURI``; empty for the browser's choice."""
    speed: float
    language: str | None


class SpeechCancel(PageEvent, frozen=True, kw_only=True, tag="troupe.speech.cancel"):
    """Be silent at once, and forget the pieces that wait."""

    call: Call


ToPage = HearingBegin | HearingEnd | HearingCancel | SpeechSay | SpeechCancel

_decoder: Final[msgspec.json.Decoder[FromPage]] = msgspec.json.Decoder(FromPage)
encode_page_event: Final = msgspec.json.Encoder().encode
"""Return the frame of an event to the page, as UTF-8."""


def is_page_event(frame: str) -> bool:
    """Whether a frame is of the side channel; only its first characters are looked at."""
    return _HEAD.match(frame[:64].encode()) is not None


def decode_page_event(frame: str) -> FromPage:
    """Return the event in a frame.

    Raises:
        ClientMistake: It is none of the page's.
    """
    try:
        return _decoder.decode(frame)
    except msgspec.ValidationError:
        raise diagnose(msgspec.json.decode(frame), FromPage) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise frame_is_not_json() from None
