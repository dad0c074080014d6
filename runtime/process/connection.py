"""Frames over a stream of bytes: one writer that sends all there is at once, one reader that decodes all there is."""

from typing import Any, Final, Generic, TypeVar

from ..parking import Line
from .stream import Stream
from .wire import Frame, Unpacker, pack

F = TypeVar("F")

MAX_FRAME: Final = 64 * 1024 * 1024
"""Bytes that a frame may have."""


class Connection(Generic[F]):
    """One end of a connection.

    Args:
        stream: Carries the bytes.
        frames: The union of frames that may come in.
        max_frame: Bytes that a frame may have, in either direction.
    """

    def __init__(self, stream: Stream, frames: Any, max_frame: int = MAX_FRAME) -> None:
        self._stream = stream
        self._unpacker: Unpacker[F] = Unpacker(frames, max_frame)
        self._max_frame = max_frame
        self._out = bytearray()
        self._writing = False
        self._work = Line()
        self.heard = 0
        """How many times something came in: a sign of life."""

    def send(self, frame: Frame, *, more: bool = False) -> None:
        """Send a frame, as soon as the stream takes it. Who sends has to see to it that there are not too many.

        Args:
            frame: What to send.
            more: Whether others are likely to follow at once, so that it waits a turn of the event loop for them: that
                is good for throughput. Otherwise it goes out now, and what has been waiting with it: good for latency.

        Raises:
            NotSendable: The frame is too long; nothing has been sent.
        """
        self._out += pack(frame, self._max_frame)
        if not more:
            self._push()
        if self._out and not self._writing:
            self._writing = True
            self._work.wake()

    def _push(self) -> None:
        del self._out[: self._stream.send_nowait(self._out)]

    async def write(self) -> None:
        """Send what `send` could not, until cancelled. Cancelling is safe."""
        while True:
            if not self._writing:
                await self._work.wait()
            await self.flush()
            self._writing = False

    async def flush(self) -> None:
        """Wait until all has been sent; not while `write` runs. Cancelling is safe."""
        while self._out:
            self._push()
            if self._out:
                await self._stream.wait_sendable()

    async def receive(self) -> list[F]:
        """Wait for the next frames and return all that came; none once the other side has closed. Cancelling is safe.

        Raises:
            ProtocolError: What came is none of our frames. The connection is of no further use.
        """
        while True:
            data = await self._stream.receive(self._unpacker.missing)
            if not data:
                return []
            self.heard += 1
            if frames := self._unpacker.feed(data):
                return frames

    def close(self) -> None:
        """Close the stream; not while `write` or `receive` runs."""
        self._stream.close()
