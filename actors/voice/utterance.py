"""One utterance of the user: audio on its way to the recogniser, and what is understood of it."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from anyio import CancelScope, create_task_group

from ...runtime import Channel, Duplex
from ...runtime.errors import RuntimeFault, WouldBlock
from ...runtime.parking import Latch
from ..contracts import Transcribe, Transcript
from ..errors import BrokenStream, ProviderTimeout, first_error
from ..realtime.ids import new_item_id
from .ear import RATE
from .services import Services
from .transcript_deltas import TranscriptDeltas

WAITING: Final = 1500
"""Chunks of audio that a recogniser may be behind: 30 s where a client sends 20 ms at a time."""


class Utterance:
    """Audio is pushed while the user speaks; some time after `end`, `transcript` is set, with the text or an error.

    Args:
        services: Who transcribes it, and how long that may take.
        now: The event loop's clock.
        start: Its first sample's position in the session's audio.
        language: What the client says is spoken.
        prompt: What the client says to expect.
        changed: Called when `partial` has changed.
        item_id: Of the item that it is or will be.
    """

    def __init__(
        self,
        services: Services,
        now: Callable[[], float],
        *,
        start: int = 0,
        language: str | None = None,
        prompt: str | None = None,
        changed: Callable[["Utterance"], None],
        item_id: str | None = None,
    ) -> None:
        self.item_id = item_id or new_item_id()
        self.start = start
        self.samples = 0
        self.partial = ""
        """What is understood so far, all of it; later it may be something else."""
        self.deltas = TranscriptDeltas()
        """What of it can be told for good."""
        self.transcript = Latch()
        """Set with the final text, or with the error that took its place."""
        self.noted = Latch()
        """Set, with the same, when it stands in the conversation."""
        self._services = services
        self._now = now
        self._request = Transcribe(rate=RATE, language=language, prompt=prompt)
        self._changed = changed
        self._audio: Channel[bytes] = Channel(WAITING)
        self._recogniser: Duplex[bytes, Transcript] | None = None
        self._scope = CancelScope()
        self.ended_at: float | None = None
        """When the user stopped, by the event loop's clock."""

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.samples / RATE

    def push(self, pcm: bytes) -> None:
        """Add audio, s16le at 16 kHz; a recogniser that is too far behind fails the utterance."""
        if not pcm or self._audio.closed:
            return
        self.samples += len(pcm) // 2
        try:
            self._audio.send_nowait(pcm)
        except WouldBlock as error:
            self._audio.break_off(error)
            self.transcript.set(error)

    def end(self) -> None:
        """The user has stopped: what was pushed is all, and its transcript is due."""
        if self._recogniser is not None and self._audio.handed_out:
            self._recogniser.finish()
        self._audio.close()
        self.ended_at = self._now()
        self._scope.deadline = self.ended_at + self._services.patience.transcript

    def drop(self) -> None:
        """Nobody wants to know what was said."""
        self._audio.break_off()
        self._scope.cancel()

    async def run(self) -> None:
        """Have it transcribed; whatever happens, `transcript` is set."""
        try:
            with self._scope:
                await self._transcribe()
            if self._scope.cancelled_caught:
                self.transcript.set(ProviderTimeout("recogniser", "no final transcript in time"))
        except Exception as error:  # policy: what can't be understood is told as failed, the session goes on
            self.transcript.set(first_error(error))
        finally:
            self.transcript.set(RuntimeFault("the session ended before the transcript was there"))
            self._audio.break_off()

    async def _transcribe(self) -> None:
        async with (
            self._services.recogniser.open(self._request, timeout=float("inf")) as self._recogniser,
            create_task_group() as tasks,
        ):
            tasks.start_soon(self._send, self._recogniser)
            async for transcript in self._recogniser:
                self._understood(transcript)
                if transcript.final and self.ended_at is not None:
                    break
            if self.ended_at is None:
                raise BrokenStream("recogniser", "it stopped listening while the user spoke")
            self._services.tally.transcript.observe(self._now() - self.ended_at)
            self.transcript.set(self.partial)
            tasks.cancel_scope.cancel()

    async def _send(self, recogniser: Duplex[bytes, Transcript]) -> None:
        """Send the audio in the step that brings it, until there is no more."""

        def hand_on(audio: bytes) -> Coroutine[Any, Any, None] | None:
            try:
                recogniser.send_nowait(audio)
            except WouldBlock:
                return recogniser.send(audio)
            return None

        await self._audio.each(hand_on)
        recogniser.finish()

    def _understood(self, transcript: Transcript) -> None:
        if transcript.text != self.partial:
            self.partial = transcript.text
            self.deltas.partial(self.partial)
            self._changed(self)
