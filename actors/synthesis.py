"""What the actors of synthesizers share: pieces of text go in, their audio comes out in the same order.

`SpokenOver` talks to a provider over a WebSocket, `speak_each` asks for each piece by itself. Either way the next piece
is asked for while one is being spoken, and no further.
"""

import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Final, Protocol

from anyio import CancelScope, Lock, Semaphore, create_task_group, move_on_after
from anyio.abc import TaskGroup
from msgspec.structs import replace

from ..runtime import Channel, Duplex
from ..runtime.errors import EndOfChannel
from .contracts import Say, Speech, Usage, Word
from .conversation import converse
from .errors import BrokenStream, ProviderError
from .http import Deadlines
from .samples import RawSamples
from .usage import Meter
from .websocket import WebSocket

AHEAD: Final = 1
"""Pieces that are asked for while another one is being sent to the caller."""
WAITING: Final = 32
"""Chunks of audio that a piece may hold for its turn; then its request waits, and the provider with it."""
TAIL: Final = 0.01
"""Seconds at the end of a word that nobody misses: times of words are rounded, and hardly agree to that with the
audio."""
IDLE: Final = 15.0
"""Seconds after which a connection over which nothing is said is given back: providers close it after 20, or charge."""


def has_letters(text: str) -> bool:
    """Whether there is anything in it that can be spoken; providers refuse a text without, or say nothing."""
    return any(map(str.isalnum, text))


# -- a connection for all pieces ---------------------------------------------------------------------------------------


class Talking(Protocol):
    """What is said to a synthesizer on one connection, and understood of what it says; without I/O."""

    def speak(self, piece: int, text: str) -> Iterable[str]:
        """Return the messages that have a piece spoken."""
        ...

    def push(self, message: str | bytes) -> Iterable[Speech]:
        """Take a message; return what it says, for whichever piece. Samples may be cut in two.

        Raises:
            ProviderError: It is an error, or makes no sense.
        """
        ...


class SpokenOver:
    """The pieces of one call, spoken over a connection, or over one after the other where there are long pauses.

    Args:
        caller: Where texts come from and audio goes to.
        rate: Of the audio, in Hz.
        talking: Makes what talks to the provider, for each connection anew.
        deadlines: How long it may take: `first` from a piece's text to its first audio, `between` from there on.
        meter: Counts the call, its characters and seconds.
        provider: Its name, for errors.
    """

    def __init__(
        self,
        caller: Duplex[Speech, Say],
        rate: int,
        talking: Callable[[], Talking],
        deadlines: Deadlines,
        meter: Meter,
        provider: str,
    ) -> None:
        self._caller = caller
        self._rate = rate
        self._talking = talking
        self._deadlines = deadlines
        self._meter = meter
        self._provider = provider
        self._held: str | None = None  # taken from the caller, not yet sent
        self._complete = False
        self._handed = 0
        self._spoken = 0
        self._characters = 0
        self._samples_given = 0
        self._without_letters: set[int] = set()
        self._early: deque[Speech] = deque()  # of pieces whose turn has not come
        self._room = Semaphore(1 + AHEAD)
        self._delivering = Lock(fast_acquire=True)
        self._listening = CancelScope()
        # of the piece whose turn it is
        self._samples = RawSamples()
        self._size = 0  # bytes of audio
        self._words: list[Word] = []  # that are not spoken yet

    async def run(self, connect: Callable[[], AbstractAsyncContextManager[WebSocket]]) -> None:
        """Speak until the caller has no more pieces. Cancelling drops the connection.

        Raises:
            ProviderError: The provider did not speak a piece, or not to its end.
        """
        try:
            with self._meter.call():
                while not self._complete or self._held is not None:
                    self._listening = CancelScope()
                    async with connect() as socket:
                        talking = self._talking()
                        await converse(partial(self._talk, socket, talking), partial(self._listen, socket, talking))
                    await self._next_text(patience=math.inf)
        finally:
            self._meter.add(Usage(characters=self._characters, seconds=self._samples_given / self._rate))

    async def _talk(self, socket: WebSocket, talking: Talking) -> None:
        while (text := await self._next_text(patience=IDLE)) is not None:
            await self._room.acquire()
            piece, self._held = self._handed, None
            self._handed += 1
            if has_letters(text):
                for message in talking.speak(piece, text):
                    await socket.send(message)
                self._characters += len(text)
                if piece == self._spoken:
                    socket.expect(self._deadlines.first)
            else:
                self._without_letters.add(piece)
                await self._deliver([Speech(piece, b"", self._rate, last=True)])
        if self._silent:
            self._listening.cancel()

    async def _next_text(self, patience: float) -> str | None:
        """Return the next piece of text; None at the end, or if none comes for a while in which there is nothing to do.

        It is kept until it has been handed over.
        """
        while self._held is None and not self._complete:
            with move_on_after(patience) as pause:
                try:
                    self._held = (await self._caller.receive()).text
                except EndOfChannel:
                    self._complete = True
            if pause.cancelled_caught and self._silent:
                break
        return self._held

    @property
    def _silent(self) -> bool:
        """Whether all is spoken that was handed over."""
        return self._spoken == self._handed

    async def _listen(self, socket: WebSocket, talking: Talking) -> None:
        before = self._spoken
        with self._listening:
            while not (self._complete and self._silent and self._held is None):
                try:
                    message = await socket.receive()
                except ProviderError:
                    if self._silent and self._spoken > before:
                        return  # it did what it was to do; there will be another connection for the next piece
                    raise
                if message is None:
                    if self._silent and self._spoken > before:
                        return
                    raise BrokenStream(self._provider, "the connection ended before the speech did")
                await self._deliver(talking.push(message))
                if self._silent:
                    socket.expect(math.inf)
                else:
                    socket.expect(self._deadlines.between if self._size else self._deadlines.first)

    async def _deliver(self, speeches: Iterable[Speech]) -> None:
        """Send what is its turn; keep the rest."""
        async with self._delivering:
            coming = deque(speeches)
            while coming:
                speech = coming.popleft()
                if speech.piece != self._spoken:
                    self._early.append(speech)
                    continue
                await self._give(speech)
                if speech.last:
                    coming.extendleft(reversed(self._early))
                    self._early.clear()

    async def _give(self, speech: Speech) -> None:
        pcm = self._samples.push(speech.pcm)
        self._size += len(pcm)
        if speech.last and not self._size and speech.piece not in self._without_letters:
            raise BrokenStream(self._provider, "there was no audio in the answer")
        self._samples_given += len(pcm) // 2
        self._words += speech.words
        words = self._spoken_words(everything=speech.last)
        if pcm or words or speech.last:
            await self._caller.send(replace(speech, pcm=pcm, words=words))
        if speech.last:
            self._spoken += 1
            self._samples, self._size, self._words = RawSamples(), 0, []
            self._room.release()

    def _spoken_words(self, *, everything: bool) -> tuple[Word, ...]:
        """Return the words whose audio is there; some providers tell of them before they say them."""
        now = math.inf if everything else self._size / (2 * self._rate) + TAIL
        number = next((number for number, word in enumerate(self._words) if word.end > now), len(self._words))
        words, self._words = self._words[:number], self._words[number:]
        return tuple(words)


# -- a request for each piece ------------------------------------------------------------------------------------------


class Piece:
    """A piece on its way to the caller."""

    def __init__(self, chunks: Channel[tuple[bytes, tuple[Word, ...]]]) -> None:
        self.size = 0
        """Bytes of samples so far."""
        self._chunks = chunks

    async def push(self, pcm: bytes, words: tuple[Word, ...] = ()) -> None:
        """Send audio, in whole samples, and words that became known with it; wait while there is no room."""
        if pcm or words:
            self.size += len(pcm)
            await self._chunks.send((pcm, words))


async def speak_each(
    caller: Duplex[Speech, Say], rate: int, speak: Callable[[str, Piece], Awaitable[None]], meter: Meter, provider: str
) -> None:
    """Have each piece spoken by a request of its own, in their order. Cancelling ends those that are under way.

    Args:
        caller: Where texts come from and audio goes to.
        rate: Of the audio, in Hz.
        speak: Has one piece spoken.
        meter: Counts the requests, their characters and seconds.
        provider: Its name, for errors.

    Raises:
        ProviderError: What `speak` raised, after the pieces before it; or a piece has no audio.
    """
    pieces: Channel[Channel[tuple[bytes, tuple[Word, ...]]]] = Channel(AHEAD)
    failure: ProviderError | None = None

    async def fetch(text: str, chunks: Channel[tuple[bytes, tuple[Word, ...]]]) -> None:
        """Have one piece spoken; the channel ends with it, or with its error."""
        piece = Piece(chunks)
        try:
            if has_letters(text):
                with meter.call():
                    await speak(text, piece)
                    if not piece.size:
                        raise BrokenStream(provider, "there was no audio in the answer")
                meter.add(Usage(characters=len(text), seconds=piece.size / (2 * rate)))
        except ProviderError as error:
            chunks.close(error)
        chunks.close()

    async def begin(tasks: TaskGroup) -> None:
        """Ask for each piece as soon as there is a place for it in the line."""
        async for say in caller:
            chunks: Channel[tuple[bytes, tuple[Word, ...]]] = Channel(WAITING)
            await pieces.send(chunks)
            tasks.start_soon(fetch, say.text, chunks)
        pieces.close()

    async with create_task_group() as tasks:
        tasks.start_soon(begin, tasks)
        try:
            number = 0
            async for chunks in pieces:
                async for pcm, words in chunks:
                    await caller.send(Speech(number, pcm, rate, words))
                await caller.send(Speech(number, b"", rate, last=True))
                number += 1
        except ProviderError as error:  # carried out of the group by hand, so that it comes out as it is
            failure = error
            tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
