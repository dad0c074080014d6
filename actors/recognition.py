"""What the actors of streaming recognisers share: one utterance over one WebSocket, heard while it is said."""

import math
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import ClassVar, Final, Protocol

from anyio import move_on_after

from ..runtime import Duplex
from ..runtime.errors import EndOfChannel
from .contracts import Transcript, Usage
from .conversation import converse
from .errors import BrokenStream
from .http import Deadlines
from .samples import RawSamples
from .usage import Meter
from .websocket import WebSocket

_MARKS: Final = ' .,;:!?…¿¡。、"“”„'
PAUSE: Final = 4.0
"""Seconds without audio after which the provider is told that there is more to come: most close after ten."""


def bare(word: str) -> str:
    """Return a word without the marks and spaces around it, unless it is nothing else."""
    return word.strip(_MARKS) or word


class Hearing(Protocol):
    """What is said to a recogniser about one utterance, and understood of what it says; without I/O."""

    greeted: ClassVar[bool]
    """Whether the provider speaks first, and no audio may be sent before that."""
    keep_alive: ClassVar[str | None]
    """What to say while there is no audio; None for nothing."""

    @property
    def done(self) -> bool:
        """Whether the last message has come."""
        ...

    def audio(self, pcm: bytes) -> str | bytes:
        """Return the message that has this audio: whole samples, mono s16le."""
        ...

    def end(self) -> Iterable[str | bytes]:
        """Return the messages that say that all has been said."""
        ...

    def push(self, message: str | bytes) -> str | None:
        """Take a message; return the text of the utterance so far if that is news.

        Raises:
            ProviderError: It is an error, or makes no sense.
        """
        ...

    def result(self, seconds: float) -> Transcript:
        """Return the final transcript of so many seconds of audio.

        Raises:
            BrokenStream: The provider has heard nothing at all, not even silence.
        """
        ...


class Utterance:
    """One utterance on its way to a recogniser.

    Args:
        caller: Where audio comes from and transcripts go to.
        rate: Of the audio, in Hz.
        hearing: How to talk to the provider.
        deadlines: How long it may take: `first` from the end of the audio to the next message, `between` from there on.
        provider: Its name, for errors.
    """

    def __init__(
        self, caller: Duplex[Transcript, bytes], rate: int, hearing: Hearing, deadlines: Deadlines, provider: str
    ) -> None:
        self._caller = caller
        self._rate = rate
        self._hearing = hearing
        self._deadlines = deadlines
        self._provider = provider
        self._samples = RawSamples()
        self._size = 0
        self._ended = False

    async def hear(self, connect: Callable[[], AbstractAsyncContextManager[WebSocket]], meter: Meter) -> None:
        """Have it written down. There is no connection before there is audio: a user's silence costs nothing.

        Cancelling drops the connection.

        Raises:
            ProviderError: The provider did not hear it, or not to the end.
        """
        first = await self._next()
        if first is None:
            await self._caller.send(Transcript("", final=True))
            return
        with meter.call():
            try:
                async with connect() as socket:
                    await self._converse(socket, first)
                    await self._caller.send(self._hearing.result(self._seconds))  # closing may take a moment
            finally:
                meter.add(Usage(seconds=self._seconds))

    @property
    def _seconds(self) -> float:
        return self._size / (2 * self._rate)

    async def _converse(self, socket: WebSocket, first: bytes) -> None:
        if self._hearing.greeted:
            socket.expect(self._deadlines.first)
            await self._read(socket)
            socket.expect(math.inf)
        await converse(partial(self._feed, socket, first), partial(self._listen, socket))

    async def _listen(self, socket: WebSocket) -> None:
        while not self._hearing.done:
            await self._read(socket)

    async def _feed(self, socket: WebSocket, first: bytes) -> None:
        pcm: bytes | None = first
        while pcm is not None:
            self._size += len(pcm)
            await socket.send(self._hearing.audio(pcm))
            pcm = await self._next(socket)
        for message in self._hearing.end():
            await socket.send(message)
        self._ended = True
        socket.expect(self._deadlines.first)

    async def _next(self, socket: WebSocket | None = None) -> bytes | None:
        """Return more audio, in whole samples; None at its end. Meanwhile keep the connection, if there is one."""
        while True:
            with move_on_after(math.inf if socket is None else PAUSE) as pause:
                try:
                    more = self._samples.push(await self._caller.receive())
                except EndOfChannel:
                    return None
                if more:
                    return more
            if pause.cancelled_caught and socket is not None:
                await socket.ping()
                if self._hearing.keep_alive is not None:
                    await socket.send(self._hearing.keep_alive)

    async def _read(self, socket: WebSocket) -> None:
        message = await socket.receive()
        if message is None:
            raise BrokenStream(self._provider, "the connection ended before the transcript did")
        text = self._hearing.push(message)
        if self._ended:
            socket.expect(self._deadlines.between)
        if text is not None:
            await self._caller.send(Transcript(text))
