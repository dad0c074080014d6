"""A caller in a chaos run: it says words that can be told apart, and notes what it hears, when.

It plays what comes from the first audio on, as a client does that holds nothing back. So a gap is the time in which it
has nothing to play although the answer is not over.
"""

import base64
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any, Final

import msgspec
import numpy as np
from anyio import Event, create_task_group, current_time, move_on_after, sleep, sleep_until
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from ...codecs.pcm import Float64, Int16, saturate
from ..talk.dialogue import RATE
from ..wire.syllables import Heard, hear, pilot, sing, word
from .speech import vowels

FRAME: Final = 0.1
"""Seconds of audio in each message of a caller: many clients send as much, and it costs a fifth of 20 ms."""
WORDS: Final = 4
"""That a caller says in a turn."""
PATIENCE: Final = 40.0
"""Seconds after which an answer that has not ended counts as lost."""
PAUSE: Final = 0.3
"""Seconds that a caller waits after an answer."""
LATE: Final = 0.35
"""Seconds that a frame may be late; a server takes a longer pause for the end of a turn, which then proves nothing."""
_PRELUDE: Final = 0.5
"""Seconds of voice before the first word: it is no human's, and detectors may take half a second to believe it."""
_BED: Final = 0.6
"""Of the level of the voice under the words."""


@dataclass
class Turn:
    """One turn, as its caller has it."""

    number: int
    said: list[str]
    began: float
    """When the caller began to speak, by the event loop's clock."""
    ends: float
    """When its last word has been sent."""
    understood: str | None = None
    """The final transcript."""
    stopped: float | None = None
    """When the server said that speech has ended."""
    first: float | None = None
    """When the first audio came."""
    silent: float = 0.0
    """Seconds without anything to play, within the answer."""
    text: str = ""
    """Of the answer, all deltas."""
    status: str = ""
    audio: list[bytes] = field(default_factory=list[bytes])
    played_until: float = 0.0
    late: float = 0.0
    """Seconds that a frame of it was late, at most."""
    done: Event = field(default_factory=Event)

    def heard(self) -> list[Heard]:
        """Return the words of the answer, from its audio."""
        return list(hear(b"".join(self.audio), RATE))

    @property
    def wait(self) -> float | None:
        """Seconds from the end of speech to the first audio; from the last word, if a server does not tell the end."""
        return None if self.first is None else self.first - (self.ends if self.stopped is None else self.stopped)

    def hears(self, audio: bytes, now: float) -> None:
        """Take a piece of the answer."""
        if self.first is None:
            self.first = self.played_until = now
        self.silent += max(0.0, now - self.played_until)
        self.played_until = max(self.played_until, now) + len(audio) / 2 / RATE
        self.audio.append(audio)


class Caller:
    """One session.

    Args:
        url: The server's.
        speaker: Number of its pilot.
        seed: Decides what it says.
        begins: Called at the beginning of each turn.
    """

    def __init__(self, url: str, speaker: int, seed: int, begins: Callable[["Caller", Turn], None]) -> None:
        self.speaker = speaker
        self.turns: list[Turn] = []
        self.lost = ""
        """How the session was lost; empty if it was not."""
        self._url = url
        self._dice = Random(f"{seed}/{speaker}")
        self._begins = begins
        self._speech: Int16 = np.zeros(0, np.int16)
        self._over = False

    @property
    def turn(self) -> Turn | None:
        """The latest turn."""
        return self.turns[-1] if self.turns else None

    async def run(self, more: Callable[[], bool]) -> None:
        """Talk, turn by turn, for as long as there is to be more."""
        try:
            async with connect(f"{self._url}/v1/realtime?model=troupe", compression=None, max_size=None) as socket:
                await socket.send(msgspec.json.encode(_UPDATE), text=True)
                async with create_task_group() as tasks:
                    tasks.start_soon(self._listen, socket)
                    tasks.start_soon(self._send, socket)
                    await sleep(self._dice.uniform(0, 3))  # not all at once
                    while more() and not self.lost:
                        await self._talk()
                    self._over = True
                    tasks.cancel_scope.cancel()
        except* (OSError, ConnectionClosed) as error:
            self.lost = self.lost or f"{type(error.exceptions[0]).__name__}"

    async def _talk(self) -> None:
        said = [word(number) for number in self._dice.sample(range(8000), WORDS)]
        speech = voiced(said)
        now = current_time()
        turn = Turn(len(self.turns), said, now, now + len(speech) / RATE)
        self.turns.append(turn)
        self._speech = speech
        self._begins(self, turn)
        with move_on_after(PATIENCE):
            await turn.done.wait()
            await sleep_until(turn.played_until)
        await sleep(PAUSE)

    async def _send(self, socket: ClientConnection) -> None:
        """Send frame after frame: speech where there is some, the room where not, the pilot under both."""
        size = round(FRAME * RATE)
        ground = saturate(pilot(self.speaker, RATE, RATE) + np.random.default_rng(7).integers(-20, 20, RATE))
        number, start = 0, current_time()
        with suppress(ConnectionClosed):
            while True:
                frame = ground[number * size % RATE :][:size].astype(np.float64)
                now, self._speech = self._speech[:size], self._speech[size:]
                frame[: len(now)] += now
                audio = base64.b64encode(saturate(frame).tobytes()).decode()
                await socket.send(f'{{"type":"input_audio_buffer.append","audio":"{audio}"}}')
                number += 1
                due = start + number * FRAME
                await sleep_until(due)
                if self.turn is not None:
                    self.turn.late = max(self.turn.late, current_time() - due)

    async def _listen(self, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                self._take(msgspec.json.decode(message), current_time())
            self.lost = f"closed with {socket.close_code}"
        except ConnectionClosed as error:
            self.lost = "" if self._over else f"closed: {error.rcvd.code if error.rcvd else 'without a word'}"
        if self.turn is not None:
            self.turn.done.set()

    def _take(self, event: dict[str, Any], now: float) -> None:
        turn = self.turn
        if turn is None:
            return
        match event:
            case {"type": "input_audio_buffer.speech_stopped"}:
                turn.stopped = now
            case {"type": "conversation.item.input_audio_transcription.completed", "transcript": text}:
                turn.understood = text if turn.understood is None else f"{turn.understood} {text}"
            case {"type": "response.output_audio_transcript.delta", "delta": text}:
                turn.text += text
            case {"type": "response.output_audio.delta", "delta": audio}:
                turn.hears(base64.b64decode(audio), now)
            case {"type": "response.done", "response": {"status": status, "status_details": details}}:
                turn.status = status if not details else f"{status}: {_reason(details)}"
                if status != "cancelled":  # else the server took a part of the turn for all of it
                    turn.done.set()
            case {"type": "error", "error": {"code": code}}:
                turn.status = f"error: {code}"
            case _:
                pass


def _reason(details: dict[str, Any]) -> str:
    error: dict[str, Any] = details.get("error") or {}
    return str(error.get("code") or details.get("reason"))


def voiced(words: list[str]) -> Int16:
    """Return words as a caller says them: sung over a voice."""
    words_alone = sing(" ".join(words), RATE)
    prelude = round(_PRELUDE * RATE)
    sound = _bed(prelude + len(words_alone)).copy()
    sound[prelude:] += words_alone[: len(sound) - prelude]
    return saturate(sound)


@cache
def _bed(samples: int) -> Float64:
    """Return the voice under the words."""
    return _BED * vowels(samples / RATE)[:samples].astype(np.float64)


_UPDATE: Final[dict[str, Any]] = {
    "type": "session.update",
    "session": {
        "type": "realtime",
        "audio": {
            "input": {
                "transcription": {"model": "any"},
                "turn_detection": {"type": "server_vad"},
            }
        },
    },
}
