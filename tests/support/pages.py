"""A page that hears and speaks by itself, for tests: it does as it is told, in the time that a browser would take."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from anyio import CancelScope, create_task_group, sleep
from anyio.abc import TaskGroup
from troupe.actors.providers.browser.page import Page
from troupe.actors.realtime.page_events import (
    BrowserReady,
    FromPage,
    HearingBegin,
    HearingEnd,
    HearingFailed,
    HearingResult,
    SpeechCancel,
    SpeechEnded,
    SpeechFailed,
    SpeechProgress,
    SpeechSay,
    ToPage,
)
from troupe.runtime import Channel

SECONDS_PER_WORD = 0.25


@dataclass
class Manners:
    """How the page behaves."""

    partials: Sequence[tuple[float, str]] = ()
    """What it has understood, by the seconds since an utterance began."""
    final: str | None = "what time is it"
    """What it has understood in the end; None: it never says."""
    confidence: float | None = 0.5
    hearing_error: str = ""
    speech_error: str = ""
    error_after: int = 0
    """Words before that error."""
    silent_after: int | None = None
    """Words after which nothing more is heard of it."""
    boundaries: bool = True
    """Whether its voice tells where it is."""
    voices: tuple[str, ...] = ("",)
    told: list[ToPage] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)
    """Words that it has spoken to their end."""


class PageStandIn:
    """Answers what a session sends to its page."""

    def __init__(self, manners: Manners, say: Callable[[FromPage], None], tasks: TaskGroup) -> None:
        self._manners = manners
        self._say = say
        self._tasks = tasks
        self._queue: Channel[SpeechSay] = Channel(64)
        self._scopes: dict[int, CancelScope] = {}
        self._cancelled: set[int] = set()

    def take(self, event: ToPage) -> None:
        manners = self._manners
        manners.told.append(event)
        match event:
            case HearingBegin():
                self._tasks.start_soon(self._hear, event.call)
            case HearingEnd() if manners.final is not None:
                self._say(
                    HearingResult(call=event.call, transcript=manners.final, final=True, confidence=manners.confidence)
                )
            case SpeechSay():
                self._queue.send_nowait(event)
            case SpeechCancel():
                self._cancelled.add(event.call)
                if event.call in self._scopes:
                    self._scopes[event.call].cancel()
            case _:
                pass

    async def _hear(self, call: int) -> None:
        manners, now = self._manners, 0.0
        if manners.hearing_error:
            self._say(HearingFailed(call=call, error=manners.hearing_error))
        for at, text in manners.partials:
            await sleep(at - now)
            now = at
            self._say(HearingResult(call=call, transcript=text))

    async def speak(self) -> None:
        """Speak what it was given, one piece after the other."""
        async for say in self._queue:
            if say.call not in self._cancelled:
                with CancelScope() as self._scopes[say.call]:
                    await self._speak(say)

    async def _speak(self, say: SpeechSay) -> None:
        manners, at = self._manners, 0
        if say.voice not in manners.voices:
            self._say(SpeechFailed(call=say.call, error="voice-unavailable"))
            return
        words = say.text.split()
        for number, word in enumerate(words):
            if manners.speech_error and len(manners.spoken) == manners.error_after:
                self._say(SpeechFailed(call=say.call, error=manners.speech_error))
                return
            if manners.silent_after is not None and len(manners.spoken) >= manners.silent_after:
                return
            at = say.text.index(word, at)
            ms = number * SECONDS_PER_WORD * 1000
            characters = at if manners.boundaries else None
            self._say(SpeechProgress(call=say.call, piece=say.piece, ms=ms, characters=characters))
            await sleep(SECONDS_PER_WORD)
            manners.spoken.append(word)
        self._say(SpeechEnded(call=say.call, piece=say.piece, ms=len(words) * SECONDS_PER_WORD * 1000))


@asynccontextmanager
async def running_page(
    page: Page, manners: Manners, *, hears: bool = True, speaks: bool = True
) -> AsyncGenerator[None]:
    """Have a page answer, as if its session were there."""
    async with create_task_group() as tasks:
        stand_in = PageStandIn(manners, page.take, tasks)
        tasks.start_soon(stand_in.speak)
        with page.attached(stand_in.take):
            page.take(BrowserReady(hears=hears, speaks=speaks))
            yield
        tasks.cancel_scope.cancel()
