"""One utterance of the user: audio on its way to the recogniser, and what is understood of it."""

from collections.abc import Callable
from typing import Final

from anyio import fail_after

from ...codecs.pcm import Int16
from ...runtime import Channel, Duplex
from ...runtime.errors import RuntimeFault, WouldBlock
from ...runtime.parking import Latch
from ..contracts import Transcribe, Transcript
from ..realtime.ids import new_item_id
from .ear import RATE
from .services import Services

WAITING: Final = 1500
"""Chunks of audio that a recogniser may be behind: 30 s where a client sends 20 ms at a time."""


class Utterance:
    """Audio is pushed while the user speaks; some time after `end`, `transcript` is set, with the text or an error.

    Args:
        start: Its first sample's position in the session's audio.
        language: What the client says is spoken.
        prompt: What the client says to expect.
        partial: Gets what is understood so far, whenever that changes.
    """

    def __init__(self, start: int, language: str | None, prompt: str | None, partial: Callable[[str], None]) -> None:
        self.item_id = new_item_id()
        self.start = start
        self.samples = 0
        self.transcript = Latch()
        """Set with the final text, or with the error that took its place."""
        self.noted = Latch()
        """Set, with the same, when it stands in the conversation."""
        self._request = Transcribe(rate=RATE, language=language, prompt=prompt)
        self._partial = partial
        self._audio: Channel[bytes] = Channel(WAITING)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.samples / RATE

    def push(self, samples: Int16) -> None:
        """Add audio at 16 kHz; a recogniser that is too far behind fails the utterance."""
        if not len(samples) or self._audio.closed:
            return
        self.samples += len(samples)
        try:
            self._audio.send_nowait(samples.tobytes())
        except WouldBlock as error:
            self._audio.break_off(error)
            self.transcript.set(error)

    def end(self) -> None:
        """The user has stopped: what was pushed is all."""
        self._audio.close()

    async def run(self, services: Services) -> None:
        """Have it transcribed; whatever happens, `transcript` is set."""
        try:
            self.transcript.set(await self._transcribe(services))
        except Exception as error:  # policy: what can't be understood is told as failed, the session goes on
            self.transcript.set(error)
        finally:
            self.transcript.set(RuntimeFault("the session ended before the transcript was there"))
            self._audio.break_off()

    async def _transcribe(self, services: Services) -> str:
        async with services.recogniser.open(self._request) as recogniser:
            text, heard_all = "", False
            while not heard_all:
                heard_all = not await self._send_waiting(recogniser)
                while not heard_all and (partial := recogniser.poll()) is not None:
                    text = self._understood(partial, text)
            recogniser.finish()
            with fail_after(services.patience.transcript):
                async for transcript in recogniser:
                    text = self._understood(transcript, text)
                    if transcript.final:
                        break
            return text

    async def _send_waiting(self, recogniser: Duplex[bytes, Transcript]) -> bool:
        """Send audio, waiting for some if there is none; return whether there may be more."""
        async for audio in self._audio:
            await recogniser.send(audio)
            return True
        return False

    def _understood(self, transcript: Transcript, before: str) -> str:
        if transcript.text != before:
            self._partial(transcript.text)
        return transcript.text
