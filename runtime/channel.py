"""A bounded channel between tasks, the same on asyncio and trio.

Sending and receiving go through the event loop only when they have to: while there is room, or an item, they are
plain method calls. So that a busy pair cannot starve everybody else, each channel lets at most `BUDGET` operations pass
before it yields once. Every ``await`` on a channel may be cancelled: an item is either in the channel, or was handed
out; it is never lost between the two, and never there twice (see `troupe.runtime.parking`).
"""

from collections import deque
from collections.abc import Callable, Coroutine
from enum import Enum
from types import TracebackType
from typing import Any, Generic, TypeVar

from msgspec import Struct

from .deadlines import Patience
from .drain import Drain
from .errors import ChannelBroken, ChannelClosed, ChannelFull, EndOfChannel, WouldBlock
from .parking import Callback, Line, pass_turn

T = TypeVar("T")

BUDGET = 128
"""Operations that may pass without a trip through the event loop: some 50 µs of work, and as many as tokio allows."""


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
        "_direct",
        "_dropped",
        "_error",
        "_free",
        "_high_water",
        "_receivers",
        "_senders",
        "capacity",
        "drain",
        "items",
        "overflow",
        "received",
    )

    def __init__(self, capacity: int, overflow: Overflow = Overflow.BLOCK) -> None:
        if capacity < 1:
            raise ValueError(f"a channel holds at least 1 item, not {capacity}")
        self.capacity = capacity
        self.overflow = overflow
        self.items: deque[T] = deque()
        """What is in it, oldest first; to look at, not to change."""
        self.drain: Drain[T] | None = None
        """Who takes items in the step that sends them, while it waits for one; see `each`."""
        self._senders = Line()
        self._receivers = Line()
        # Below this depth an item may be appended without a further look: that is 0 while somebody waits for room, when
        # the channel is closed, and for policies other than BLOCK; else it is `_free`. A sender who finds the channel
        # deeper yields at every item, so that it can't run on for a whole large capacity.
        self._free = min(capacity, BUDGET)
        self._direct = self._free if overflow is Overflow.BLOCK else 0
        self._closed = False
        self._broken = False
        self._error: BaseException | None = None
        self._budget = BUDGET
        self._high_water = 0
        self.received = 0
        """Items handed out."""
        self._dropped = 0

    def __len__(self) -> int:
        return len(self.items)

    def __bool__(self) -> bool:
        return True  # an empty channel is still a channel

    @property
    def error(self) -> BaseException | None:
        """What it was closed with, if that was an error."""
        return self._error

    @property
    def closed(self) -> bool:
        """Whether nothing more can be sent."""
        return self._closed

    @property
    def handed_out(self) -> bool:
        """Whether `each` waits for more: its function has had all that was sent, and is done with it."""
        return self.drain is not None

    # -- sending ---------------------------------------------------------------------------------------------------

    async def send(self, item: T) -> None:
        """Put an item in, as soon as the overflow policy allows it.

        Cancelling is safe: a cancelled send has sent nothing.

        Raises:
            ChannelClosed: The channel was closed, before or while waiting.
            ChannelBroken: Nobody will receive any more.
            ChannelFull: There is no room, and the policy is `Overflow.REJECT`.
        """
        if not self.offer(item):
            await self._send_slowly(item)

    async def _send_slowly(self, item: T) -> None:
        # Checkpoints come before the item moves, so that being cancelled at one leaves nothing half done.
        if self._closed or self.overflow is not Overflow.BLOCK:
            self._budget -= 1
            if self._budget <= 0:
                self._budget = BUDGET
                await pass_turn()
            self.send_nowait(item)
            return
        if self.has_room():
            await pass_turn()
        if not self._closed and not self.has_room():
            self._direct = 0
            try:
                await self._senders.wait()
            finally:
                if not (self._closed or self._senders.waiters or self._senders.promised):
                    self._direct = self._free
        if self._closed:
            raise self._refusal()
        self._put(item)

    def has_room(self) -> bool:
        """Whether there is a place that no other sender waits for."""
        return not self._senders.waiters and len(self.items) + self._senders.promised < self.capacity

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
        if len(self.items) + self._senders.promised >= self.capacity:
            match self.overflow:
                case Overflow.BLOCK:
                    raise WouldBlock(f"all {self.capacity} places are taken")
                case Overflow.REJECT:
                    raise ChannelFull(f"all {self.capacity} places are taken")
                case Overflow.DROP_OLDEST:
                    self._high_water = self.capacity
                    self.items.popleft()
                    self._dropped += 1
                case Overflow.LATEST:
                    self._high_water = self.capacity
                    self._dropped += len(self.items)
                    self.items.clear()
        self._put(item)

    def offer(self, item: T) -> bool:
        """Put an item in without waiting; False, and nothing done, where `send` would have to wait, yield or raise."""
        items = self.items
        if len(items) < self._direct:
            if self.drain is not None:
                self.drain.hand(item)
                return True
            items.append(item)
            if self._receivers.waiters:
                self._receivers.wake()
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
        if self.drain is not None:
            self.drain.hand(item)
            return
        self.items.append(item)
        if self._receivers.waiters:
            self._receivers.wake()

    def _refusal(self) -> Exception:
        if self._broken:
            refusal: Exception = ChannelBroken("nobody will receive from this channel any more")
            refusal.__cause__ = self._error
            return refusal
        return ChannelClosed("this channel was closed for sending")

    # -- receiving -------------------------------------------------------------------------------------------------

    async def receive(self, patience: Patience | None = None) -> T:
        """Take the next item, waiting for one if need be.

        Cancelling is safe: a cancelled receive has taken nothing.

        Args:
            patience: How long to wait; None is for ever.

        Raises:
            EndOfChannel: The channel was closed, and all its items have been received.
            DeadlineExceeded: None came in time.
            BaseException: The error the channel was closed with, once all its items have been received.
        """
        self._budget -= 1
        if self._budget <= 0:
            self._budget = BUDGET
            await pass_turn()
        items = self.items
        while len(items) <= self._receivers.promised:
            if self._closed and not items:
                raise self._ending()
            await self._receivers.wait(patience)
            if items:  # woken: one of them is ours, whatever is promised to those behind
                return self.take()
        return self.take()

    def receive_nowait(self) -> T:
        """Take the next item, or raise.

        Raises:
            WouldBlock: Nothing is there, or what is there is promised to a task that waited before.
            EndOfChannel: The channel was closed, and all its items have been received.
            BaseException: The error the channel was closed with, once all its items have been received.
        """
        if len(self.items) > self._receivers.promised:
            return self.take()
        if self._closed and not self.items:
            raise self._ending()
        raise WouldBlock("no item is there")

    def take(self) -> T:
        """Take the next item, which has to be there.

        Unlike `receive_nowait` it may take what a waiting task was just woken for; that task then waits on. A pool of
        equal workers does not care which of them gets an item.

        Raises:
            IndexError: The channel is empty.
        """
        items = self.items
        depth = len(items)
        if depth > self._high_water:  # the depth is greatest just before something is taken
            self._high_water = depth
        item = items.popleft()
        self.received += 1
        if self._senders.waiters and depth - 1 + self._senders.promised < self.capacity:
            self._senders.wake()
        return item

    def listen(self, function: Callable[[], None]) -> Callback:
        """Have `function` called when the next item comes that no task waits for, or the channel closes; once.

        It runs inside the call that sends or closes, without a trip through the event loop. So it has to be quick, and
        must not raise. Call it where nothing is there to take; otherwise it waits for one more item than there is.
        """
        return self._receivers.call(function)

    async def each(self, function: Callable[[T], Coroutine[Any, Any, None] | None]) -> None:
        """Call `function` with each item in turn, until the channel is closed and empty.

        It is called inside the step that sends the item, so that nothing comes between the two; where it returns
        something to wait for, the items after that one wait, too. Cancelling is safe: an item is either in the channel,
        or was handed out. A task has to stay in this call meanwhile, but does nothing as a rule.

        Raises:
            BaseException: The error the channel was closed with, or the one that `function` raised; no sender sees it.
        """
        await Drain(self, function, BUDGET).run()
        if self._error is not None:
            raise self._error

    def put_back(self, item: T) -> None:
        """Let an item that was taken be the next one again: whoever took it could not begin with it.

        Neither a full channel nor a closed one refuses it; one that was broken off counts it as dropped.
        """
        self.received -= 1
        if self._broken:
            self._dropped += 1
            return
        self.items.appendleft(item)
        if self.drain is not None:
            self._wake_drain()
        elif self._receivers.waiters:
            self._receivers.wake()

    def _wake_drain(self) -> None:
        drain, self.drain = self.drain, None
        assert drain is not None
        drain.wake()

    def _ending(self) -> BaseException:
        return EndOfChannel("the channel was closed and is empty") if self._error is None else self._error

    # -- ending ----------------------------------------------------------------------------------------------------

    def close(self, error: BaseException | None = None) -> None:
        """End the channel from the sending side; closing again changes nothing.

        Receivers get what is in it, and then `error`, or `EndOfChannel`. Senders that wait get `ChannelClosed`.
        """
        if not self._closed:
            self._closed = True
            self._direct = 0
            self._error = error
            self._senders.wake_all()
            self._receivers.wake_all()
            if self.drain is not None:
                self._wake_drain()

    def break_off(self, error: BaseException | None = None) -> list[T]:
        """End the channel from the receiving side, and return what nobody will receive.

        Senders, waiting or new, get `ChannelBroken` with `error` as its cause; receivers get `error` or `EndOfChannel`.
        """
        left = list(self.items)
        self._high_water = max(self._high_water, len(left))
        self.items.clear()
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
        depth = len(self.items)
        return ChannelStatistics(
            capacity=self.capacity,
            depth=depth,
            high_water=max(self._high_water, depth),
            sent=self.received + self._dropped + depth,
            received=self.received,
            dropped=self._dropped,
            waiting_senders=len(self._senders.waiters or ()),
            waiting_receivers=len(self._receivers.waiters or ()),
        )
