"""Voice activity for all sessions of a process together.

Judging one window costs about as much as judging four in one call, so nobody judges alone: sessions push audio, and a
few milliseconds after the first window is there one call of the model judges whatever has come in. What follows from a
probability is up to the session, in the same step: there is no hop between probability and decision.
"""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from anyio import CapacityLimiter, Event, create_task_group, sleep, to_thread
from anyio.lowlevel import checkpoint

from ...codecs.pcm import Int16
from ...codecs.silero import SileroModel
from ...codecs.vad import VadStream, step

GATHER: Final = 0.004
"""Seconds that the first window waits for those of other sessions."""


class Listener:
    """One session's audio on its way to being judged.

    Args:
        activity: Who judges it.
        heard: Gets each window's probability of speech.
        failed: Gets an error that `heard` raised, so that one session's trouble is not everybody's.
    """

    def __init__(
        self, activity: "Activity", heard: Callable[[float], None], failed: Callable[[Exception], None]
    ) -> None:
        self._activity = activity
        self._failed = failed
        self._heard = heard
        self.stream = VadStream(16_000)

    def push(self, samples: Int16) -> None:
        """Add mono audio at 16 kHz, shape ``(n,)``."""
        self.stream.push(samples)
        if self.stream.waiting:
            self._activity.has_window(self)

    def tell(self, probability: float) -> None:
        """Tell the session what was heard."""
        try:
            self._heard(probability)
        except Exception as error:  # policy: an error of one session ends that session alone
            self._failed(error)


class Activity:
    """The model, and whose audio waits for it. Made by `open`."""

    def __init__(self, model: SileroModel) -> None:
        self._model = model
        self._waiting: dict[Listener, None] = {}
        self._first = Event()

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncGenerator["Activity"]:
        """Load the model, and judge until the block ends.

        Raises:
            ModelUnavailable: The model's file is not there.
        """
        activity = cls(await to_thread.run_sync(SileroModel, limiter=CapacityLimiter(1)))
        async with create_task_group() as tasks:
            tasks.start_soon(activity.run)
            yield activity
            tasks.cancel_scope.cancel()

    @contextmanager
    def listen(self, heard: Callable[[float], None], failed: Callable[[Exception], None]) -> Generator[Listener]:
        """Have audio judged until the block ends; see `Listener`."""
        listener = Listener(self, heard, failed)
        try:
            yield listener
        finally:
            self._waiting.pop(listener, None)

    def has_window(self, listener: Listener) -> None:
        """Note that a listener has at least one window to be judged."""
        if not self._waiting:
            self._first.set()
        self._waiting[listener] = None

    async def run(self) -> None:
        """Judge what comes in, until cancelled."""
        while True:
            await self._first.wait()
            await sleep(GATHER)
            self._first = Event()
            while self._waiting:
                listeners = list(self._waiting)
                for listener, probability in zip(
                    listeners, step(self._model, [each.stream for each in listeners]), strict=True
                ):
                    if not listener.stream.waiting:
                        self._waiting.pop(listener, None)
                    if probability is not None:
                        listener.tell(probability)
                if self._waiting:  # somebody has pushed more than a moment's audio
                    await checkpoint()
