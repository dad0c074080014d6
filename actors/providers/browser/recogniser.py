"""Recognition by the browser of a session's page."""

import math
from functools import partial
from typing import ClassVar, Final

from anyio import Event, move_on_after

from ....runtime import Actor, Duplex
from ...contracts import GetUsage, Transcribe, Transcript, Usage
from ...conversation import converse
from ...errors import ProviderError, ProviderTimeout
from ...realtime.page_events import HearingBegin, HearingCancel, HearingEnd, HearingFailed, HearingResult
from ...usage import Meter
from .page import NAME, Page, Told, failure

FINAL: Final = 10.0
"""Seconds that the browser has for the final transcript, once it was told that the utterance is over."""


class BrowserRecogniser(Actor):
    """Has utterances written down by the page, which hears them itself: the audio it is sent only counts.

    The browser's recogniser knows no utterances of the session's. So the page is told when one begins, and sends from
    there what it understands, and when it is over, and sends what it understood in the end.

    Args:
        page: The session's.
        patience: Seconds that the page may take to the final transcript.
    """

    max_concurrency: ClassVar[int] = 8

    def __init__(self, page: Page, patience: float = FINAL) -> None:
        self._page = page
        self._patience = patience
        self._meter = Meter()

    def usage(self, request: GetUsage) -> Usage:
        """Return what was used so far."""
        return self._meter.usage

    async def transcribe(self, request: Transcribe, caller: Duplex[Transcript, bytes]) -> None:
        """Have one utterance written down. Cancelling tells the page that nobody waits for it.

        Raises:
            ProviderError: The page can't, does not answer, or says that it failed.
        """
        hearing = _Hearing()
        with self._meter.call(), self._page.call("hears", hearing.take) as call:
            self._page.send(HearingBegin(call=call, language=request.language))
            try:
                await converse(partial(self._feed, call, caller, hearing), partial(self._read, caller, hearing))
            finally:
                self._meter.add(Usage(seconds=hearing.heard / (2 * request.rate)))
                if not hearing.final:
                    self._page.send(HearingCancel(call=call))

    async def _feed(self, call: int, caller: Duplex[Transcript, bytes], hearing: "_Hearing") -> None:
        async for pcm in caller:
            hearing.heard += len(pcm)
        self._page.send(HearingEnd(call=call))
        hearing.due(self._patience)

    async def _read(self, caller: Duplex[Transcript, bytes], hearing: "_Hearing") -> None:
        while not hearing.final:
            transcript = await hearing.next()
            await caller.send(transcript)


class _Hearing:
    """What the page says about one utterance. Of partial transcripts only the latest counts."""

    def __init__(self) -> None:
        self.final = False
        """Whether the final transcript was taken."""
        self.heard = 0
        """Bytes of audio."""
        self._news: Transcript | None = None
        self._failure: ProviderError | None = None
        self._patience = math.inf
        self._changed = Event()

    def take(self, told: Told) -> None:
        match told:
            case HearingResult():
                self._news = Transcript(told.transcript, final=told.final, confidence=told.confidence)
            case HearingFailed(error="no-speech"):
                self._news = Transcript("", final=True)  # to hear nothing is no failure
            case HearingFailed():
                self._failure = failure(told.error)
            case _:
                return
        self._changed.set()

    def due(self, patience: float) -> None:
        """From now on, each transcript has to come within so many seconds."""
        self._patience = patience
        self._changed.set()

    async def next(self) -> Transcript:
        """Wait for news. Cancelling is safe: then it was not taken.

        Raises:
            ProviderError: The page has failed, or was silent for too long.
        """
        while self._news is None and self._failure is None:
            self._changed = Event()
            patience = self._patience
            with move_on_after(patience) as waiting:
                await self._changed.wait()
            if waiting.cancelled_caught:
                raise ProviderTimeout(NAME, f"the page has sent no final transcript for {patience:g} s")
        if self._failure is not None:
            raise self._failure
        assert self._news is not None
        news, self._news = self._news, None
        self.final = news.final
        return news
