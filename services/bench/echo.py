"""A server that sends every message back: the floor of what a server can cost."""

from .measures import Seen
from .script import Mark


class Echo:
    """What one session sees of such a server.

    Args:
        session: its number.
        seen: where values go.
    """

    def __init__(self, session: int, seen: Seen) -> None:
        self.ready = False
        self.refusal = ""
        self._session = session
        self._seen = seen
        self._sent = 0
        self._received = 0
        self._probed: tuple[int, float] | None = None

    def connect(self, took: float, now: float) -> None:
        """The connection is there, and needs no more."""
        self._seen.add("connect", took, self._session)
        self.ready = True

    def sends(self, mark: Mark, now: float) -> None:
        """A frame goes out."""
        self._sent += 1

    def probe(self, now: float) -> bytes:
        """Look at the frame that goes out next."""
        if self._probed is None:
            self._probed = (self._sent + 1, now)
        return b""

    def receive(self, message: bytes, now: float) -> bytes:
        """Take a message that came back."""
        self._received += 1
        self._seen.counts["audio_ms"] += 20
        if self._probed is not None and self._received == self._probed[0]:
            if self._probed[1] >= self._seen.since:
                self._seen.add("probe", now - self._probed[1], self._session)
            self._probed = None
        return b""

    def receive_binary(self, message: bytes, now: float) -> None:
        """Take one that is no text."""
        self.receive(message, now)

    def receive_pong(self, now: float) -> None:
        """Take the answer to a ping: none is sent."""
