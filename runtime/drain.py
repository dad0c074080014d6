"""Handing the items of a channel to a function, inside the step that sends them.

A task that receives costs a trip through the event loop for every item that it has to wait for, however long the loop
needs to come round. A function that does all its work at once needs no task of its own for that.
"""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .parking import Waiter, new_waiter, pass_turn

if TYPE_CHECKING:
    from .channel import Channel

T = TypeVar("T")


class Drain(Generic[T]):
    """One function at the end of one channel; `Channel.each` says what it does.

    Args:
        channel: Where the items come from. Nobody else receives from it.
        function: Gets each.
        budget: Items that may pass before the event loop has to come round, as a function that keeps up with its sender
            would let it run on for ever.
    """

    __slots__ = ("_budget", "_channel", "_error", "_function", "_left", "_pending", "_waiter")

    def __init__(
        self, channel: "Channel[T]", function: Callable[[T], Coroutine[Any, Any, None] | None], budget: int
    ) -> None:
        self._channel = channel
        self._function = function
        self._budget = budget
        self._left = 0
        self._waiter: Waiter | None = None
        self._pending: Coroutine[Any, Any, None] | None = None
        self._error: Exception | None = None

    async def run(self) -> None:
        """Hand out items until the channel is closed and empty."""
        channel = self._channel
        try:
            while True:
                self._left = self._budget
                while channel.items and self._left > 0 and self._hand_out(channel.take()):
                    pass
                if not (channel.items or channel.closed or self._pending or self._error):
                    self._waiter = new_waiter()
                    channel.drain = self
                    await self._waiter
                if self._error is not None:
                    raise self._error
                if (pending := self._pending) is not None:
                    self._pending = None
                    await pending
                elif channel.items:
                    await pass_turn()
                elif channel.closed:
                    return
        finally:
            if channel.drain is self:
                channel.drain = None
            if self._pending is not None:
                self._pending.close()  # cancelled before it could begin

    def hand(self, item: T) -> None:
        """Take an item that has just been sent, while the task waits."""
        channel = self._channel
        channel.drain = None  # what the function itself sends comes after this item
        channel.received += 1
        going_on = self._hand_out(item)
        while going_on and channel.items and self._left > 0:
            going_on = self._hand_out(channel.take())
        if going_on and self._left > 0 and not channel.closed:
            channel.drain = self
        else:
            self.wake()

    def wake(self) -> None:
        """Let the task see what there is to do."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _hand_out(self, item: T) -> bool:
        """Call the function; return whether the next item may follow at once."""
        self._left -= 1
        try:
            self._pending = self._function(item)
        except Exception as error:  # policy: it is the receiver's error, and must not be raised in the sender
            self._error = error
            return False
        return self._pending is None
