"""Text to speech."""

import logging
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from hashlib import sha256
from math import inf
from typing import ClassVar, Final, overload

from anyio import CapacityLimiter, Lock, to_thread

from ...actors.contracts import CloneVoice, DeleteVoice, ListVoices, Say, Speech, Synthesize, Voice
from ...actors.errors import InvalidRequest, ProviderError
from ...codecs.asset import Asset
from ...codecs.speakable import SpeechCutter
from ...runtime import Duplex, Ref
from ...runtime.errors import ChannelBroken, RuntimeFault
from ..choice import Link
from ..kinds.kind import Work
from .beside import beside
from .content import text_of
from .model import Model
from .playable import Playable, recording_of
from .spoken import Spoken, joined

RECORDED: Final = 24_000
"""Hz at which recordings of voices are sent."""

_log = logging.getLogger("troupe.models")

Text = str | Asset | Iterable[str] | AsyncIterable[str]
"""What is to be said: a text, an asset that plays one, or pieces of it as they are written."""


class TextToSpeech(Model):
    """Speaks.

    A text is cut where speech pauses, so that the first of it is heard soon, however long it is. What is written in it
    to be seen (Markdown, links, emoji) is not spoken.
    """

    work: ClassVar[Work] = "tts"
    capability: ClassVar[str] = "text-to-speech"

    def __init__(self, ref: Ref, links: tuple[Link, ...], providers: tuple[Ref, ...]) -> None:
        super().__init__(ref, links, providers)
        self._cloned: dict[bytes, Voice] = {}  # by the hash of the recording
        self._cloning = Lock()

    @overload
    async def transform(self, text: Text, /, *, voice: str = "", speed: float = 1.0, language: str = "") -> Spoken: ...
    @overload
    async def transform(
        self, text: Text, reference: Playable, /, *, speed: float = 1.0, language: str = ""
    ) -> Spoken: ...
    async def transform(
        self,
        text: Text,
        reference: Playable | None = None,
        /,
        *,
        voice: str = "",
        speed: float = 1.0,
        language: str = "",
    ) -> Spoken:
        """Return a text as speech.

        Args:
            text: What to say.
            reference: A recording of whoever is to say it: anything that plays speech. The first provider behind the
                model that makes voices from recordings makes one, and says it; the voice is made once, and deleted
                where the block of the model ends. That the speaker agreed is for the caller to see to.
            voice: Who says it otherwise, by the provider's name; empty for its usual voice.
            speed: 2 is twice as fast as the voice speaks by itself.
            language: BCP 47, for voices that speak several; empty to find out.

        Raises:
            InvalidRequest: There is not a letter in the text, or nobody makes voices from recordings.
            RoleError: The asset is no text, or the recording has no sound.
            CodecError: The recording can't be decoded.
            OSError: A file can't be read.
            ProviderError: None of the providers could say it.
        """
        async with self._spoken(text, reference, voice, speed, language) as speeches:
            said = [speech async for speech in speeches]
        if not said:
            raise InvalidRequest(self.name, "there is nothing in the text that can be said")
        return joined(said)

    @overload
    def stream(
        self, text: Text, /, *, voice: str = "", speed: float = 1.0, language: str = ""
    ) -> AbstractAsyncContextManager[AsyncIterator[Speech]]: ...
    @overload
    def stream(
        self, text: Text, reference: Playable, /, *, speed: float = 1.0, language: str = ""
    ) -> AbstractAsyncContextManager[AsyncIterator[Speech]]: ...
    def stream(
        self,
        text: Text,
        reference: Playable | None = None,
        /,
        *,
        voice: str = "",
        speed: float = 1.0,
        language: str = "",
    ) -> AbstractAsyncContextManager[AsyncIterator[Speech]]:
        """Give the speech while it is made; for arguments and errors see `transform`.

        The text may still be on its way: a language model's answer, say.
        """
        return self._spoken(text, reference, voice, speed, language)

    @asynccontextmanager
    async def _spoken(
        self, text: Text, reference: Playable | None, voice: str, speed: float, language: str
    ) -> AsyncGenerator[AsyncIterator[Speech]]:
        ref = self.ref
        if reference is not None:
            ref = self._cloner()
            voice = (await self._clone(ref, reference)).id
        request = Synthesize(voice=voice, speed=speed, language=language or None)
        async with ref.open(request, timeout=inf) as call:

            async def speak() -> None:
                try:
                    await _say(text, SpeechCutter(request.language), call)
                except ChannelBroken:
                    return  # whoever reads hears why
                call.finish()

            async with beside(speak):
                yield call

    def _cloner(self) -> Ref:
        ref = next((ref for ref in self._providers if CloneVoice in ref.cell.handlers), None)
        if ref is None:
            raise InvalidRequest(self.name, "it makes no voices from recordings; elevenlabs and chatterbox do")
        return ref

    async def _clone(self, ref: Ref, reference: Playable) -> Voice:
        """Return the voice of a recording; it is made once."""
        recording = await to_thread.run_sync(recording_of, reference, RECORDED, limiter=CapacityLimiter(1))
        key = sha256(recording).digest()
        async with self._cloning:
            if key not in self._cloned:
                request = CloneVoice(name=f"troupe-{key.hex()[:12]}", recordings=(recording,))
                self._cloned[key] = await ref.ask(request, timeout=inf)
            return self._cloned[key]

    async def aclose(self) -> None:
        """Delete the voices that were made from recordings; what a provider does not delete now stays there."""
        while self._cloned:
            _, voice = self._cloned.popitem()
            try:
                await self._cloner().ask(DeleteVoice(voice.id))
            except (ProviderError, RuntimeFault) as error:
                _log.warning("the voice %s stays at the provider: %s", voice.id, type(error).__qualname__)

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
