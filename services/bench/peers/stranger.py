"""What one session of a load sees of a server that speaks another protocol, taken down as with our own.

Such servers say little more than audio. An answer begins with the first audio that comes after the one before was
interrupted, or has been heard to its end when the caller speaks again.
"""

from typing import Final

from ..events import Setup
from ..frames import BINARY, PING, TEXT, frame
from ..measures import Seen
from ..observer import Observer, ServerEvent
from ..script import Mark
from .wires import Signal, Wire

_PING: Final = frame(b"", PING)
_STOP: Final = ServerEvent("input_audio_buffer.speech_started")


class Stranger(Observer):
    """One session.

    Args:
        session: its number.
        seen: where values go.
        setup: how it is to be, as far as that can be said: the server's own settings decide.
        wire: the server's protocol.
    """

    def __init__(self, session: int, seen: Seen, setup: Setup, wire: type[Wire]) -> None:
        super().__init__(session, seen, setup)
        self._wire = wire
        self._answers = 0
        self._answering = False

    def connect(self, took: float, now: float) -> None:
        """The connection is there, and nothing has to be agreed on."""
        super().connect(took, now)
        self.ready = True

    def sends(self, mark: Mark, now: float) -> None:
        """A frame of the user goes out."""
        if mark is Mark.BEGINS and not self._playback.is_heard(now):
            self._end_answer(now)
        super().sends(mark, now)

    def probe(self, now: float) -> bytes:
        """Return a ping, if none is under way: every server answers that from its event loop, at once if it can."""
        return _PING if super().probe(now) else b""

    def receive_pong(self, now: float) -> None:
        """Take the answer to a ping."""
        self._end_probe(now)

    def receive(self, message: bytes, now: float) -> bytes:
        """Take a message of text; nothing is sent for it."""
        self._take(TEXT, message, now)
        return b""

    def receive_binary(self, message: bytes, now: float) -> None:
        """Take one that is no text."""
        self._take(BINARY, message, now)

    def _take(self, opcode: int, message: bytes, now: float) -> None:
        told = self._wire.read(opcode, message)
        if told is Signal.INTERRUPTED:
            self._speech_started(_STOP, now)
            self._end_answer(now)
        elif told is not None:
            if not self._answering:
                self._answering = True
                self._answers += 1
                self._begin_answer(str(self._answers))
            self._hear(str(self._answers), told, now)

    def _end_answer(self, now: float) -> None:
        if self._answering:
            self._answering = False
            self._end_audio(None, now)
            self._turns.pop(str(self._answers), None)
