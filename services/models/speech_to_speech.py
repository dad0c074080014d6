"""Speech to speech: models that hear and answer by themselves."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import ClassVar, Final

from ...actors.contracts import Speech, TextDelta
from ...actors.errors import BrokenStream
from ...actors.http_errors import complained
from ...actors.realtime import client_events as client
from ...actors.realtime import response_events as response
from ...actors.realtime.responses import ResponseError
from ...actors.realtime.server_events import ErrorEvent, ServerEvent
from ...actors.realtime.session_config import Audio, AudioInput, AudioOutput, RealtimeSession
from ...actors.speech_to_speech.converse import Converse
from ...runtime import Duplex
from ...runtime.errors import ChannelBroken
from ...runtime.thread import ThreadWorker
from ..kinds.kind import Work
from .beside import beside
from .model import Model
from .playable import Playable, pieces_of
from .spoken import Spoken, joined

RATE: Final = 24_000
"""Hz at which models hear and speak."""
AHEAD: Final = 4
"""Seconds that are decoded ahead of what the model takes."""
LEAST: Final = RATE // 10 * 2
"""Bytes of the shortest turn that models take."""


@dataclass(frozen=True, slots=True, eq=False)
class SpokenAnswer:
    """What a model has answered.

    Attributes:
        text: what is said.
        speech: how it sounds.
    """

    text: str
    speech: Spoken


class SpeechToSpeech(Model):
    """Hears, and answers in speech."""

    work: ClassVar[Work] = "realtime"
    capability: ClassVar[str] = "speech-to-speech"

    async def transform(self, speech: Playable, /, *, instructions: str = "", voice: str = "") -> SpokenAnswer:
        """Return the answer to what somebody says.

        Args:
            speech: What is heard: audio of any format, or the sound of a video.
            instructions: How to answer.
            voice: Who speaks, by the provider's name.

        Raises:
            RoleError: There is no sound in it.
            CodecError: It can't be decoded, or is larger than its limits allow; see `troupe.codecs.errors`.
            OSError: The file can't be read.
            ProviderError: None of the providers answered, or not in speech.
        """
        text, speeches = "", list[Speech]()
        async with self.stream(speech, instructions=instructions, voice=voice) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    text += event.text
                else:
                    speeches.append(event)
        if not speeches:
            raise BrokenStream(self.name, "the answer is silent")
        return SpokenAnswer(text, joined(speeches))

    def stream(
        self, speech: Playable, /, *, instructions: str = "", voice: str = ""
    ) -> AbstractAsyncContextManager[AsyncIterator[TextDelta | Speech]]:
        """Give the answer while it is made, words and sound; for arguments and errors see `transform`."""
        output = AudioOutput(voice=voice) if voice else AudioOutput()
        audio = Audio(input=AudioInput(turn_detection=None), output=output)
        return self._answered(speech, RealtimeSession(model="", instructions=instructions, audio=audio))

    def conversation(
        self, session: RealtimeSession | None = None
    ) -> AbstractAsyncContextManager[Duplex[client.ClientEvent, ServerEvent]]:
        """Hold a conversation for as long as the block lasts: send client events, receive server events.

        It goes on where a connection is lost, or the provider's time for it is up; see
        `troupe.actors.speech_to_speech.router`.

        Args:
            session: How to begin; None for what is usual.

        Raises:
            ProviderError: Inside the block: nobody is there to talk with.
        """
        return self.ref.open(Converse(session=session or RealtimeSession(model="")), timeout=inf)

    @asynccontextmanager
    async def _answered(
        self, speech: Playable, session: RealtimeSession
    ) -> AsyncGenerator[AsyncIterator[TextDelta | Speech]]:
        async with (
            ThreadWorker.open(partial(pieces_of, speech, RATE), name="decode") as worker,  # raises before any is sent
            worker.stream(iter, buffer=AHEAD) as pieces,
            self.conversation(session) as call,
        ):

            async def feed() -> None:
                size = 0
                try:
                    async for pcm in pieces:
                        size += len(pcm)
                        await call.send(client.InputAudioBufferAppend(audio=pcm))
                    if size < LEAST:
                        await call.send(client.InputAudioBufferAppend(audio=bytes(LEAST - size)))
                    await call.send(client.InputAudioBufferCommit())
                    await call.send(client.ResponseCreate())
                except ChannelBroken:
                    return  # whoever reads hears why

            async with beside(feed):
                yield self._events(call)

    async def _events(self, call: Duplex[client.ClientEvent, ServerEvent]) -> AsyncGenerator[TextDelta | Speech]:
        async for event in call:
            match event:
                case response.ResponseOutputAudioTranscriptDelta():
                    yield TextDelta(event.delta)
                case response.ResponseOutputAudioDelta():
                    yield Speech(0, event.delta, RATE)
                case response.ResponseDone(response=done):
                    details = done.status_details
                    if details is not None and isinstance(details.error, ResponseError):
                        raise complained(self.name, {"type": details.error.type, "code": details.error.code})
                    return
                case ErrorEvent(error=error):
                    raise complained(self.name, {"type": error.type, "code": error.code})
                case _:
                    pass
        raise BrokenStream(self.name, "it ended without an answer")
