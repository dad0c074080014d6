"""Text to speech."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from math import inf
from typing import ClassVar

from ...actors.contracts import ListVoices, Say, Speech, Synthesize, Voice
from ...actors.errors import InvalidRequest
from ...codecs.asset import Asset
from ...codecs.speakable import SpeechCutter
from ...runtime import Duplex
from ...runtime.errors import ChannelBroken
from ..kinds.kind import Work
from .beside import beside
from .content import text_of
from .model import Model
from .spoken import Spoken, joined

Text = str | Asset | Iterable[str] | AsyncIterable[str]
"""What is to be said: a text, an asset that plays one, or pieces of it as they are written."""


class TextToSpeech(Model):
    """Speaks.

    A text is cut where speech pauses, so that the first of it is heard soon, however long it is. What is written in it
    to be seen (Markdown, links, emoji) is not spoken.
    """

    work: ClassVar[Work] = "tts"
    capability: ClassVar[str] = "text-to-speech"

    async def transform(self, text: Text, /, *, voice: str = "", speed: float = 1.0, language: str = "") -> Spoken:
        """Return a text as speech.

        Args:
            text: What to say.
            voice: Who says it, by the provider's name; empty for its usual voice.
            speed: 2 is twice as fast as the voice speaks by itself.
            language: BCP 47, for voices that speak several; empty to find out.

        Raises:
            InvalidRequest: There is not a letter in the text.
            RoleError: The asset is no text.
            ProviderError: None of the providers could say it.
        """
        async with self.stream(text, voice=voice, speed=speed, language=language) as speeches:
            said = [speech async for speech in speeches]
        if not said:
            raise InvalidRequest(self.name, "there is nothing in the text that can be said")
        return joined(said)

    def stream(
        self, text: Text, /, *, voice: str = "", speed: float = 1.0, language: str = ""
    ) -> AbstractAsyncContextManager[AsyncIterator[Speech]]:
        """Give the speech while it is made; for arguments and errors see `transform`.

        The text may still be on its way: a language model's answer, say.
        """
        request = Synthesize(voice=voice, speed=speed, language=language or None)
        return self._spoken(request, text)

    @asynccontextmanager
    async def _spoken(self, request: Synthesize, text: Text) -> AsyncGenerator[AsyncIterator[Speech]]:
        async with self.ref.open(request, timeout=inf) as call:

            async def speak() -> None:
                try:
                    await _say(text, SpeechCutter(request.language), call)
                except ChannelBroken:
                    return  # whoever reads hears why
                call.finish()

            async with beside(speak):
                yield call

    async def voices(self) -> tuple[Voice, ...]:
        """Return the voices of the first provider behind it that lists them; empty if none does.

        Raises:
            ProviderError: It did not say.
        """
        for ref in self._providers:
            if ListVoices in ref.cell.handlers:
                return await ref.ask(ListVoices(), timeout=inf)
        return ()


async def _say(text: Text, cutter: SpeechCutter, call: Duplex[Say, Speech]) -> None:
    """Send a text piece by piece, as soon as a piece is complete."""

    async def send(more: str) -> None:
        for piece in cutter.push(more):
            if piece.text:
                await call.send(Say(piece.text))

    if isinstance(text, str | Asset):
        await send(await text_of(text))
    elif isinstance(text, AsyncIterable):
        async for more in text:
            await send(more)
    else:
        for more in text:
            await send(more)
    for piece in cutter.finish():
        if piece.text:
            await call.send(Say(piece.text))
