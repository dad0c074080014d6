"""Items of a stream between two processes, so that a reader who is slow stops the writer: by credit.

The writer may send `WINDOW` items (fewer, if the stream's own buffer is smaller). Each that found its place in the
channel on the other side is worth one more. So at most a window of items waits between the two channels, and what a
channel does with a sender when it is full happens on the other side as well, a window later.
"""

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from ..channel import Channel
from ..errors import ChannelBroken, ChannelClosed, EndOfChannel, ProtocolError
from ..parking import Line
from .connection import Connection
from .vocabulary import Decode, encode
from .wire import WINDOW, Credit, Items

if TYPE_CHECKING:
    from anyio.abc import TaskGroup


BATCH: Final = 64 * 1024
"""Bytes of items after which a frame is long enough; a single item may be longer."""


class Outflow:
    """From a channel to the other process."""

    __slots__ = ("_channel", "_connection", "_credit", "_granted", "_number")

    def __init__(self, connection: Connection[Any], number: int, buffer: int, channel: Channel[Any]) -> None:
        self._connection = connection
        self._number = number
        self._channel = channel
        self._credit = min(buffer, WINDOW)
        self._granted = Line()

    def grant(self, count: int) -> None:
        """Allow for more items."""
        self._credit += count
        self._granted.wake()

    async def run(self) -> Exception | None:
        """Send items as credit allows, until the channel ends; return the error with which it was closed, if any.

        Cancelling leaves what was not sent in the channel.

        Raises:
            NotSendable: An item is no data, or too long.
        """
        channel = self._channel
        while True:
            while not self._credit:
                await self._granted.wait()
            try:
                first = await channel.receive()
            except EndOfChannel:
                return None
            except Exception as error:  # policy: it may be any, and is meant for the other side
                return error
            items = [encode(first)]
            size = len(items[0])
            try:
                while len(items) < self._credit and channel.items and size < BATCH:
                    items.append(encode(channel.take()))
                    size += len(items[-1])
            finally:  # also when the next one is no data
                self._credit -= len(items)
                self._connection.send(Items(self._number, items))


class Inflow:
    """From the other process to a channel.

    Args:
        connection: Where credit goes.
        number: The call's.
        buffer: As in `wire.Begin`.
        channel: Where items go.
        decode: Reads one.
        tasks: Runs the task that waits while the channel is full.
    """

    __slots__ = ("_channel", "_connection", "_decode", "_number", "_taken", "_tasks", "_waiting", "_window")

    def __init__(
        self,
        connection: Connection[Any],
        number: int,
        buffer: int,
        channel: Channel[Any],
        decode: Decode,
        tasks: "TaskGroup",
    ) -> None:
        self._connection = connection
        self._number = number
        self._channel = channel
        self._decode = decode
        self._tasks = tasks
        self._window = min(buffer, WINDOW)
        self._taken = 0
        self._waiting: deque[Any] = deque()

    def push(self, frame: Items) -> None:
        """Take items that came.

        Raises:
            ProtocolError: More came than there was credit for.
            msgspec.ValidationError: An item is not what the stream's type says (or another of `wire.UNREADABLE`).
        """
        if len(self._waiting) + len(frame.items) > self._window:
            raise ProtocolError(f"more than {self._window} items came without credit")
        for raw in frame.items:
            item = self._decode(raw)
            if self._waiting:
                self._waiting.append(item)
            elif self._channel.offer(item):
                self._took()
            else:
                self._waiting.append(item)
                self._tasks.start_soon(self._catch_up)

    async def _catch_up(self) -> None:
        try:
            while self._waiting:
                await self._channel.send(self._waiting[0])
                self._waiting.popleft()
                self._took()
        except (ChannelClosed, ChannelBroken):
            self._waiting.clear()  # nobody will read it; and without credit, no more will come

    def _took(self) -> None:
        self._taken += 1
        if self._taken * 2 >= self._window:
            self._connection.send(Credit(self._number, self._taken))
            self._taken = 0

    def finish(self) -> None:
        """There is no more to come: what waits goes into the channel, however full that is."""
        while self._waiting:
            item = self._waiting.popleft()
            if not self._channel.closed:
                self._channel.force(item)
