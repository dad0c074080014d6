"""The page of a session that hears and speaks by itself, as its actors see it. No I/O: the session does the sending."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import count
from typing import Final, Literal, TypeAlias

from ...errors import BrokenStream, ModelNotFound, ProviderError, ProviderFailed, ProviderUnavailable
from ...realtime.page_events import (
    BrowserReady,
    FromPage,
    HearingEnded,
    HearingFailed,
    HearingResult,
    HearingStarted,
    SpeechEnded,
    SpeechFailed,
    SpeechProgress,
    ToPage,
)

Told: TypeAlias = HearingResult | HearingFailed | SpeechProgress | SpeechEnded | SpeechFailed
"""What a page says about a call."""
Ability: TypeAlias = Literal["hears", "speaks"]

NAME: Final = "browser"
"""What the provider is called in errors."""
_MISSING: Final = {
    "hears": "this session's client has not said that it can hear by itself (troupe.browser.ready): use the page of "
    "the playground, in a browser with SpeechRecognition, or name another recogniser",
    "speaks": "this session's client has not said that it can speak by itself (troupe.browser.ready): use the page of "
    "the playground, in a browser with speechSynthesis, or name another synthesizer",
}
_ERRORS: Final[dict[str, type[ProviderError]]] = {
    # of SpeechRecognition
    "aborted": BrokenStream,
    "audio-capture": ProviderUnavailable,
    "language-not-supported": ModelNotFound,
    "network": ProviderUnavailable,
    "not-allowed": ProviderUnavailable,
    "service-not-allowed": ProviderUnavailable,
    # of speechSynthesis
    "audio-busy": ProviderUnavailable,
    "audio-hardware": ProviderUnavailable,
    "canceled": BrokenStream,
    "interrupted": BrokenStream,
    "language-unavailable": ModelNotFound,
    "synthesis-failed": ProviderFailed,
    "synthesis-unavailable": ProviderUnavailable,
    "voice-unavailable": ModelNotFound,
}


def failure(error: str) -> ProviderError:
    """Return what the browser's name of an error stands for; a name that is not known is not repeated."""
    return _ERRORS.get(error, ProviderFailed)(NAME, error if error in _ERRORS else "")


class Page:
    """Carries what is said about each call to whoever waits for it.

    Attributes:
        hears: whether it has said that it can.
        speaks: whether it has said that it can.
    """

    def __init__(self) -> None:
        self.hears = self.speaks = False
        self._send: Callable[[ToPage], None] | None = None
        self._calls: dict[int, Callable[[Told], None]] = {}
        self._numbers = count()

    @contextmanager
    def attached(self, send: Callable[[ToPage], None]) -> Generator[None]:
        """The page is there until the block ends; `send` sends it something, without waiting."""
        self._send = send
        try:
            yield
        finally:
            self._send = None
            self.hears = self.speaks = False

    def take(self, event: FromPage) -> None:
        """The page has said something."""
        match event:
            case BrowserReady():
                self.hears, self.speaks = event.hears, event.speaks
            case HearingStarted() | HearingEnded():
                pass  # a turn of the session's, not of a call
            case _:
                if (tell := self._calls.get(event.call)) is not None:
                    tell(event)

    def send(self, event: ToPage) -> None:
        """Send the page something, if it is there.

        Raises:
            ClientTooSlow: It does not read.
        """
        if self._send is not None:
            self._send(event)

    @contextmanager
    def call(self, ability: Ability, tell: Callable[[Told], None]) -> Generator[int]:
        """Begin a call; give its number. `tell` gets what the page says about it, until the block ends.

        Raises:
            ProviderUnavailable: The page can't do this.
        """
        if not getattr(self, ability):
            raise ProviderUnavailable(NAME, _MISSING[ability])
        number = next(self._numbers)
        self._calls[number] = tell
        try:
            yield number
        finally:
            del self._calls[number]
