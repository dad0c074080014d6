"""A conversation with a server, from the first handshake to the last word."""

import ssl
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Final, Protocol
from urllib.parse import urlsplit, urlunsplit

from anyio import Event, create_task_group, current_time, fail_after, sleep, sleep_until
from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from ...actors.errors import first_error
from .dialogue import Dialogue, Play, Silence, TurnEnds
from .screen import Screen

PATIENCE: Final = 60.0
"""Seconds that an answer may take before the server counts as gone."""
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
        """Do what the server says, until it leaves."""
        async for message in self._socket:
            for step in self._dialogue.receive(message, current_time()):
                match step:
                    case Play(pcm):
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
            await self._socket.send(self._dialogue.append(frame))

    async def type(self, line: str) -> None:
        """Put a line to the server."""
        await self._send(self._dialogue.type(line, current_time()))

    async def append(self, pcm: bytes) -> None:
        """Send what the microphone has heard."""
        await self._socket.send(self._dialogue.append(pcm))

    async def _send(self, events: Iterable[str]) -> None:
        for event in events:
            await self._socket.send(event)


def _address(url: str) -> str:
    """Complete an address: ``localhost:8000`` and ``http://…`` are understood, too.

    Raises:
        TalkFailed: It is none.
    """
    parts = urlsplit(url if "://" in url else f"ws://{url}")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if scheme not in ("ws", "wss") or not parts.hostname:
        raise TalkFailed(f"{url} is no address; one is like ws://127.0.0.1:8000")
    path = parts.path if parts.path not in ("", "/") else "/v1/realtime"
    return urlunsplit((scheme, parts.netloc, path, parts.query, ""))


@asynccontextmanager
async def conversation(wishes: Wishes, screen: Screen, sound: Sound, *, spoken: bool) -> AsyncGenerator[Conversation]:
    """Have a conversation for as long as the block lasts.

    Raises:
        TalkFailed: It could not be begun, or the server has left.
    """
    url = _address(wishes.url)
    dialogue = Dialogue(spoken=spoken)
    try:
        async with connect(
            url,
            additional_headers={"Authorization": f"Bearer {wishes.key}"} if wishes.key else {},
            ssl=_context(wishes) if url.startswith("wss:") else None,
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
        case InvalidHandshake() | InvalidURI():
            return TalkFailed(_refusal(url, error))
        case ConnectionClosed():
            return TalkFailed(f"the server has left ({error})")
        case OSError():  # time-outs are among them
            reason = error.strerror or "it does not answer"
            return TalkFailed(f"{url} can't be reached: {reason}; is `troupe serve` running there?")
        case _:
            return error


def _context(wishes: Wishes) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if wishes.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _refusal(url: str, error: Exception) -> str:
    if not isinstance(error, InvalidStatus):
        return f"{url} does not speak WebSocket; the address is like ws://127.0.0.1:8000"
    match error.response.status_code:
        case 401:
            return "the server wants a key, or another one: set TROUPE_API_KEY, or pass --key"
        case 404:
            return f"{url} is the wrong path; the protocol is at /v1/realtime as a rule"
        case 503:
            return "the server is full, or about to end; try again in a moment"
        case status:
            return f"the server refused the connection ({status})"
