"""Speech by the browser of a session's page."""

import math
from functools import partial
from typing import ClassVar, Final

from anyio import Event, Semaphore, move_on_after

from ....runtime import Actor, Duplex
from ...contracts import GetUsage, Say, Speech, Synthesize, Usage
from ...conversation import converse
from ...errors import ProviderError, ProviderTimeout
from ...realtime.page_events import SpeechCancel, SpeechFailed, SpeechSay
from ...synthesis import AHEAD, has_letters
from ...usage import Meter
from .page import NAME, Page, Told, failure
from .recitation import Recitation

FIRST: Final = 10.0
"""Seconds that the browser has to begin a piece once it is its turn; voices of some come over a network."""
BETWEEN: Final = 5.0
"""Seconds without any news of a piece that is being spoken: a page tells how far it is several times a second."""


class BrowserSynthesizer(Actor):
    """Has pieces of text spoken by the page. There is no audio of them, but it is known when each word was heard.

    Args:
        page: The session's.
        first: Seconds that it may take to begin a piece.
        between: Seconds of silence in the middle of one.
    """

    max_concurrency: ClassVar[int] = 8

    def __init__(self, page: Page, first: float = FIRST, between: float = BETWEEN) -> None:
        self._page = page
        self._first = first
        self._between = between
        self._meter = Meter()

    def usage(self, request: GetUsage) -> Usage:
        """Return what was used so far."""
        return self._meter.usage

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        """Have the pieces spoken as they come. Cancelling silences the page at once.

        Raises:
            ProviderError: The page can't, does not answer, or says that it failed.
        """
        call = _Call(self._first, self._between)
        with self._meter.call(), self._page.call("speaks", call.take) as number:
            try:
                await converse(partial(self._talk, number, request, caller, call), partial(self._listen, caller, call))
            finally:
                self._meter.add(Usage(seconds=call.recitation.seconds))
                if not call.recitation.done:
                    self._page.send(SpeechCancel(call=number))

    async def _talk(self, number: int, request: Synthesize, caller: Duplex[Speech, Say], call: "_Call") -> None:
        async for say in caller:
            await call.room.acquire()
            piece = call.recitation.add(say.text, silent=not has_letters(say.text))
            if piece is not None:
                self._meter.add(Usage(characters=len(say.text)))
                self._page.send(
                    SpeechSay(
                        call=number,
                        piece=piece,
                        text=say.text,
                        voice=request.voice,
                        speed=request.speed,
                        language=request.language,
                    )
                )
            call.changed.set()
        call.recitation.complete = True
        call.changed.set()

    async def _listen(self, caller: Duplex[Speech, Say], call: "_Call") -> None:
        while not call.recitation.done:
            await call.wait()
            while (speech := call.recitation.next()) is not None:
                await caller.send(speech)
                if speech.last:
                    call.room.release()


class _Call:
    """One call, and what the page says about it."""

    def __init__(self, first: float, between: float) -> None:
        self.recitation = Recitation()
        self.room = Semaphore(1 + AHEAD)
        self.changed = Event()
        self._first = first
        self._between = between
        self._failure: ProviderError | None = None

    def take(self, told: Told) -> None:
        if isinstance(told, SpeechFailed):
            self._failure = failure(told.error)
        else:
            self.recitation.take(told)
        self.changed.set()

    async def wait(self) -> None:
        """Wait for news, which may be a new piece of text.

        Raises:
            ProviderError: The page has failed, or was silent for too long while it had something to say.
        """
        recitation = self.recitation
        if not (recitation.done or self._failure or recitation.news):
            patience = math.inf
            if recitation.waiting:
                patience = self._between if recitation.begun else self._first
            with move_on_after(patience) as waiting:
                await self.changed.wait()
            if waiting.cancelled_caught:
                what = "gone on with" if recitation.begun else "begun"
                raise ProviderTimeout(NAME, f"the page has not {what} a piece for {patience:g} s")
        self.changed = Event()
        if self._failure is not None:
            raise self._failure
