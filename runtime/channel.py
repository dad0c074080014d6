"""A bounded channel between tasks, the same on asyncio and trio.

Sending and receiving go through the event loop only when they have to: while there is room, or an item, they are
plain method calls. So that a busy pair cannot starve everybody else, each channel lets at most `BUDGET` operations pass
before it yields once. Every ``await`` on a channel may be cancelled: an item is either in the channel, or was handed
out; it is never lost between the two, and never there twice (see `troupe.runtime.parking`).
"""

from collections import deque
from enum import Enum
from types import TracebackType
from typing import Generic, TypeVar

from anyio.lowlevel import checkpoint
from msgspec import Struct

from .errors import ChannelBroken, ChannelClosed, ChannelFull, EndOfChannel, WouldBlock
from .parking import Line

T = TypeVar("T")
D = TypeVar("D")

BUDGET = 64
"""Operations that may pass without a trip through the event loop."""


class Overflow(Enum):
    """What a full channel does with one more item."""

    BLOCK = "block"
    """The sender waits for room."""
    DROP_OLDEST = "drop_oldest"
    """The oldest item makes room, and is counted as dropped: for live media."""
    REJECT = "reject"
    """The sender gets `ChannelFull`: for calls that had better go elsewhere."""
    LATEST = "latest"
    """Whatever waits is dropped, and only the new item stays: for states, of which only the last one matters."""


class ChannelStatistics(Struct, frozen=True):
    """A snapshot of one channel."""

    capacity: int
    """Items it can hold."""
    depth: int
    """Items in it now."""
    high_water: int
    """The most items it ever held."""
    sent: int
    """Items accepted since it was made."""
    received: int
    """Items handed out since it was made."""
    dropped: int
    """Items thrown away by the overflow policy, or by `Channel.break_off`."""
    waiting_senders: int
    """Tasks waiting for room."""
    waiting_receivers: int
    """Tasks waiting for an item."""


class Channel(Generic[T]):
    """Items in order, from many senders to many receivers, each item to exactly one of them.

    Args:
        capacity: Items it can hold, at least 1.
        overflow: What happens to one more item than that.
    """

    __slots__ = (
        "_broken",
        "_budget",
        "_closed",
        "_dropped",
        "_error",
        "_high_water",
        "_items",
        "_received",
        "_receivers",
        "_senders",
        "_simple",
        "capacity",
        "overflow",
    )

    def __init__(self, capacity: int, overflow: Overflow = Overflow.BLOCK) -> None:
        if capacity < 1:
            raise ValueError(f"a channel holds at least 1 item, not {capacity}")
        self.capacity = capacity
        self.overflow = overflow
        self._items: deque[T] = deque()
        self._senders = Line()
        self._receivers = Line()
        self._simple = overflow is Overflow.BLOCK  # open, and a full channel makes its senders wait: the common case
        self._closed = False
        self._broken = False
        self._error: BaseException | None = None
        self._budget = BUDGET
        self._high_water = 0
        self._received = 0
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._items)

    def __bool__(self) -> bool:
        return True  # an empty channel is still a channel

    @property
    def closed(self) -> bool:
        """Whether nothing more can be sent."""
        return self._closed

    # -- sending ---------------------------------------------------------------------------------------------------

    async def send(self, item: T) -> None:
        """Put an item in, as soon as the overflow policy allows it.

        Cancelling is safe: a cancelled send has sent nothing.

        Raises:
            ChannelClosed: The channel was closed, before or while waiting.
            ChannelBroken: Nobody will receive any more.
            ChannelFull: There is no room, and the policy is `Overflow.REJECT`.
        """
        self._budget -= 1
        if self._budget <= 0:  # before the item moves, so that being cancelled here leaves nothing half done
            self._budget = BUDGET
            await checkpoint()
        senders = self._senders
        if self._simple and not senders.waiters and len(self._items) + senders.promised < self.capacity:
            self._put(item)
        elif not self._simple:
            self.send_nowait(item)
        else:
            await senders.wait()
            if self._closed:
                raise self._refusal()
            self._put(item)

    def send_nowait(self, item: T) -> None:
        """Put an item in, or raise.

        Raises:
            ChannelClosed: The channel was closed.
            ChannelBroken: Nobody will receive any more.
            WouldBlock: There is no room, and the policy is `Overflow.BLOCK`.
            ChannelFull: There is no room, and the policy is `Overflow.REJECT`.
        """
        if self._closed:
            raise self._refusal()
        if len(self._items) + self._senders.promised >= self.capacity:
            match self.overflow:
                case Overflow.BLOCK:
                    raise WouldBlock(f"all {self.capacity} places are taken")
                case Overflow.REJECT:
                    raise ChannelFull(f"all {self.capacity} places are taken")
                case Overflow.DROP_OLDEST:
                    self._high_water = self.capacity
                    self._items.popleft()
                    self._dropped += 1
                case Overflow.LATEST:
                    self._high_water = self.capacity
                    self._dropped += len(self._items)
                    self._items.clear()
        self._put(item)

    def offer(self, item: T) -> bool:
        """Put an item in without waiting; False, and nothing done, where `send` would have to wait, yield or raise."""
        senders = self._senders
        if self._simple and not senders.waiters and len(self._items) + senders.promised < self.capacity:
            self._budget -= 1
            if self._budget > 0:
                self._put(item)
                return True
        return False

    def force(self, item: T) -> None:
        """Put an item in even when it is full: for what is bounded by other means and must not be lost.

        Raises:
            ChannelClosed: The channel was closed.
            ChannelBroken: Nobody will receive any more.
        """
        if self._closed:
            raise self._refusal()
        self._put(item)

    def _put(self, item: T) -> None:
        self._items.append(item)
        if self._receivers.waiters:
            self._receivers.wake()

    def _refusal(self) -> Exception:
        if self._broken:
            refusal: Exception = ChannelBroken("nobody will receive from this channel any more")
            refusal.__cause__ = self._error
            return refusal
        return ChannelClosed("this channel was closed for sending")

    # -- receiving -------------------------------------------------------------------------------------------------

    async def receive(self) -> T:
        """Take the next item, waiting for one if need be.

        Cancelling is safe: a cancelled receive has taken nothing.

        Raises:
            EndOfChannel: The channel was closed, and all its items have been received.
            BaseException: The error the channel was closed with, once all its items have been received.
        """
        self._budget -= 1
        if self._budget <= 0:
            self._budget = BUDGET
            await checkpoint()
        items = self._items
        while len(items) <= self._receivers.promised:
            if self._closed and not items:
                raise self._ending()
            await self._receivers.wait()
            if items:  # woken: one of them is ours, whatever is promised to those behind
                break
        return self._take()

    def receive_nowait(self) -> T:
        """Take the next item, or raise.

        Raises:
            WouldBlock: Nothing is there, or what is there is promised to a task that waited before.
            EndOfChannel: The channel was closed, and all its items have been received.
            BaseException: The error the channel was closed with, once all its items have been received.
        """
        if len(self._items) > self._receivers.promised:
            return self._take()
        if self._closed and not self._items:
            raise self._ending()
        raise WouldBlock("no item is there")

    def poll(self, default: D) -> T | D:
        """Take the next item, or return `default` where `receive` would have to wait or would raise."""
        return self._take() if len(self._items) > self._receivers.promised else default

    def _take(self) -> T:
        items = self._items
        if len(items) > self._high_water:  # the depth is greatest just before something is taken
            self._high_water = len(items)
        self._received += 1
        item = items.popleft()
        if self._senders.waiters and len(items) + self._senders.promised < self.capacity:
            self._senders.wake()
        return item

    def _ending(self) -> BaseException:
        return EndOfChannel("the channel was closed and is empty") if self._error is None else self._error

    # -- ending ----------------------------------------------------------------------------------------------------

    def close(self, error: BaseException | None = None) -> None:
        """End the channel from the sending side; closing again changes nothing.

        Receivers get what is in it, and then `error`, or `EndOfChannel`. Senders that wait get `ChannelClosed`.
        """
        if not self._closed:
            self._closed = True
            self._simple = False
            self._error = error
            self._senders.wake_all()
            self._receivers.wake_all()

    def break_off(self, error: BaseException | None = None) -> list[T]:
        """End the channel from the receiving side, and return what nobody will receive.

        Senders, waiting or new, get `ChannelBroken` with `error` as its cause; receivers get `error` or `EndOfChannel`.
        """
        left = list(self._items)
        self._high_water = max(self._high_water, len(left))
        self._items.clear()
        self._dropped += len(left)
        self.close(error)
        self._broken = True
        return left

    def __enter__(self) -> "Channel[T]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __aiter__(self) -> "Channel[T]":
        return self

    async def __anext__(self) -> T:
        try:
            return await self.receive()
        except EndOfChannel:
            raise StopAsyncIteration from None

    # -- looking at it ---------------------------------------------------------------------------------------------

    def statistics(self) -> ChannelStatistics:
        """Take a snapshot of its counters."""
        depth = len(self._items)
        return ChannelStatistics(
            capacity=self.capacity,
            depth=depth,
            high_water=max(self._high_water, depth),
            sent=self._received + self._dropped + depth,
            received=self._received,
            dropped=self._dropped,
            waiting_senders=len(self._senders.waiters or ()),
            waiting_receivers=len(self._receivers.waiters or ()),
        )
