"""A conversation with a server, from the first handshake to the last word."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Final, Protocol

from anyio import Event, create_task_group, current_time, fail_after, sleep, sleep_until
from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from ...actors.errors import first_error
from .address import realtime_url, refusal, tls_context
from .dialogue import Dialogue, Play, Silence, TurnEnds
from .screen import Screen

PATIENCE: Final = 60.0
"""Seconds that an answer may take before the server counts as gone."""
TO_SEND: Final = 10.0
"""Seconds that an event may take to leave before the server counts as gone."""
MOST_UNHEARD: Final = 600.0
"""Seconds of speech that may wait to be heard: more is no answer."""
AFTER_SPEECH: Final = 1.0
"""Seconds of silence sent after a recording, so that the server notices its end."""
_SILENT_FRAME: Final = bytes(960)


class TalkFailed(Exception):
    """The conversation could not be had; the text says why and what to do."""


class Wishes(Struct, frozen=True, kw_only=True):
    """How to talk."""

    url: str
    key: str = ""
    insecure: bool = False
    """Whether a certificate that nobody vouches for is accepted."""
    voice: str = ""
    language: str = ""
    instructions: str = ""


class Sound(Protocol):
    """Something that plays."""

    def play(self, pcm: bytes) -> None:
        """Play audio after what is waiting."""

    def remaining(self) -> float:
        """Return for how many seconds there is still something to hear."""
        ...

    def silence(self) -> int:
        """Forget what waits; return how many samples of the answer were heard."""
        ...


class Conversation:
    """One connection.

    Args:
        socket: The connection.
        dialogue: What to do about what comes.
        screen: Where to show it.
        sound: Where to play it.
    """

    def __init__(self, socket: ClientConnection, dialogue: Dialogue, screen: Screen, sound: Sound) -> None:
        self._socket = socket
        self._dialogue = dialogue
        self._screen = screen
        self._sound = sound
        self._ended = Event()
        self.turns = 0
        """Answers that are complete."""
        self.failed = False
        """Whether one of them was not to be had."""

    async def listen(self) -> None:
        """Do what the server says, until it leaves.

        Raises:
            TalkFailed: It says more than anybody will hear, or does not listen.
        """
        async for message in self._socket:
            for step in self._dialogue.receive(message, current_time()):
                match step:
                    case Play(pcm):
                        if self._sound.remaining() > MOST_UNHEARD:
                            raise self._given_up(f"has sent over {MOST_UNHEARD:.0f} s of speech to be heard")
                        self._sound.play(pcm)
                    case Silence():
                        await self._send(self._dialogue.silenced(self._sound.silence()))
                    case TurnEnds(status):
                        self.turns += 1
                        self.failed |= status == "failed"
                        self._ended.set()
                        self._ended = Event()
                    case _:
                        self._screen.show(step)

    async def answered(self, turns: int) -> None:
        """Wait until so many turns, and all that were begun, have been answered, and heard.

        Raises:
            TalkFailed: The server does not answer.
        """
        try:
            with fail_after(PATIENCE):
                while self.turns < turns or self._dialogue.busy:
                    await self._ended.wait()
        except TimeoutError:
            raise TalkFailed(f"no answer within {PATIENCE:.0f} s") from None
        await sleep(self._sound.remaining())

    async def say(self, frames: Iterable[bytes]) -> None:
        """Send a recording at the speed of speech, and then silence."""
        start = current_time()
        for number, frame in enumerate([*frames, *[_SILENT_FRAME] * round(AFTER_SPEECH * 50)]):
            await sleep_until(start + number * 0.02)
            await self.append(frame)

    async def type(self, line: str) -> None:
        """Put a line to the server."""
        await self._send(self._dialogue.type(line, current_time()))

    async def append(self, pcm: bytes) -> None:
        """Send what the microphone has heard."""
        await self._send([self._dialogue.append(pcm)])

    async def _send(self, events: Iterable[str]) -> None:
        try:
            with fail_after(TO_SEND):
                for event in events:
                    await self._socket.send(event)
        except TimeoutError:
            raise self._given_up(f"has not taken what it was sent for {TO_SEND:.0f} s") from None

    def _given_up(self, reason: str) -> TalkFailed:
        self._socket.transport.abort()  # to close would be to wait behind all that is on its way
        return TalkFailed(f"the server {reason}")


@asynccontextmanager
async def conversation(wishes: Wishes, screen: Screen, sound: Sound, *, spoken: bool) -> AsyncGenerator[Conversation]:
    """Have a conversation for as long as the block lasts.

    Raises:
        TalkFailed: It could not be begun, or the server has left.
    """
    try:
        url = realtime_url(wishes.url)
    except ValueError as error:
        raise TalkFailed(str(error)) from None
    dialogue = Dialogue(spoken=spoken)
    try:
        async with connect(
            url,
            additional_headers={"Authorization": f"Bearer {wishes.key}"} if wishes.key else {},
            ssl=tls_context(insecure=wishes.insecure) if url.startswith("wss:") else None,
            max_size=2**21,
            compression=None,
            open_timeout=10,
        ) as socket:
            await socket.send(
                dialogue.opening(instructions=wishes.instructions, language=wishes.language, voice=wishes.voice)
            )
            running = Conversation(socket, dialogue, screen, sound)
            async with create_task_group() as tasks:
                tasks.start_soon(running.listen)
                yield running
                tasks.cancel_scope.cancel()
    except (InvalidHandshake, InvalidURI, ConnectionClosed, OSError, ExceptionGroup) as error:
        raise _explained(url, first_error(error)) from None


def _explained(url: str, error: Exception) -> Exception:
    match error:
        case InvalidStatus():
            return TalkFailed(refusal(url, error.response.status_code))
        case InvalidHandshake() | InvalidURI():
            return TalkFailed(refusal(url, None))
        case ConnectionClosed():
            return TalkFailed(f"the server has left ({error})")
        case OSError():  # time-outs are among them
            reason = error.strerror or "it does not answer"
            return TalkFailed(f"{url} can't be reached: {reason}; is `troupe serve` running there?")
        case _:
            return error
