"""Speech to text."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from math import inf
from typing import ClassVar, Final

from ...actors.contracts import Transcribe, Transcript
from ...actors.errors import BrokenStream
from ...runtime.errors import ChannelBroken
from ...runtime.thread import ThreadWorker
from ..kinds.kind import Work
from .beside import beside
from .model import Model
from .playable import Playable, pieces_of

RATE: Final = 16_000
"""Hz at which models hear."""
AHEAD: Final = 4
"""Seconds that are decoded ahead of what the model takes."""


class SpeechToText(Model):
    """Writes down what is said."""

    work: ClassVar[Work] = "stt"
    capability: ClassVar[str] = "speech-to-text"

    async def transform(self, speech: Playable, /, *, language: str = "", prompt: str = "") -> Transcript:
        """Return what is said, with the times of words if the model tells them.

        Args:
            speech: What is heard: audio of any format, or the sound of a video.
            language: ISO 639-1; empty to find out.
            prompt: Words or style to expect.

        Raises:
            RoleError: There is no sound in it.
            CodecError: It can't be decoded, or is larger than its limits allow; see `troupe.codecs.errors`.
            OSError: The file can't be read.
            ProviderError: None of the providers could write it down.
        """
        async with self.stream(speech, language=language, prompt=prompt) as transcripts:
            async for transcript in transcripts:
                if transcript.final:
                    return transcript
        raise BrokenStream(self.name, "it ended without a final transcript")

    def stream(
        self, speech: Playable, /, *, language: str = "", prompt: str = ""
    ) -> AbstractAsyncContextManager[AsyncIterator[Transcript]]:
        """Give what is understood so far, and at last the final transcript; for arguments and errors see `transform`.

        Each transcript is the whole so far; those that are not final may take words back.
        """
        return self._heard(speech, Transcribe(rate=RATE, language=language or None, prompt=prompt or None))

    @asynccontextmanager
    async def _heard(self, speech: Playable, request: Transcribe) -> AsyncGenerator[AsyncIterator[Transcript]]:
        async with (
            ThreadWorker.open(
                partial(pieces_of, speech, RATE), name="decode"
            ) as worker,  # raises before anything is sent
            worker.stream(iter, buffer=AHEAD) as pieces,
            self.ref.open(request, timeout=inf) as call,
        ):

            async def feed() -> None:
                try:
                    async for pcm in pieces:
                        await call.send(pcm)
                except ChannelBroken:
                    return  # whoever reads hears why
                call.finish()

            async with beside(feed):
                yield call
