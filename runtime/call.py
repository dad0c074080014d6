"""Calls: one request on its way from a caller to a handler, and what comes back.

A call ends exactly once: by reply, by error, by deadline, by cancellation or by `ActorDied`. Whichever comes first wins
and the others change nothing. Whoever serves it registers as `Call.server`, so that a caller who leaves, or a deadline
that passes, reaches the handler.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Generic, Protocol, TypeVar, cast

from .channel import Channel
from .deadlines import Patience
from .errors import ChannelBroken, DeadlineExceeded, EndOfChannel
from .messages import Message
from .parking import Waiter, new_waiter

R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")


class Server(Protocol):
    """Whoever works on a call."""

    def cancel(self, call: "Call") -> None:
        """Stop working on `call`, if that is what it is working on."""
        ...


class Call:
    """What all kinds of call share. The two hooks below say how each kind hands its outcome to the caller."""

    __slots__ = ("actor", "deadline", "done", "message", "server", "timeout")

    def __init__(self, actor: str, message: Message, timeout: float, deadline: float) -> None:
        self.actor = actor
        self.message = message
        self.timeout = timeout
        """Seconds the caller allowed."""
        self.deadline = deadline
        """Absolute time, on the event loop's clock, after which nobody waits for the outcome."""
        self.done = False
        """Whether it has ended for the caller."""
        self.server: Server | None = None
        """Who works on it, from the moment it leaves the mailbox."""

    def succeed(self, value: Any) -> None:
        """End with a result."""
        if not self.done:
            self.done = True
            self._deliver(value)

    def fail(self, error: Exception) -> None:
        """End with an error, which is raised in the caller."""
        if not self.done:
            self.done = True
            self._reject(error)

    def abandon(self) -> None:
        """End because the caller left: a queued call is skipped, a running handler cancelled."""
        self._break_off(ChannelBroken("the caller left"))

    def expire(self) -> None:
        """End because the deadline passed: like `abandon`, but the caller is told."""
        self._break_off(DeadlineExceeded(self.actor, type(self.message).__qualname__, self.timeout))

    def _break_off(self, error: Exception) -> None:
        if not self.done:
            if self.server is not None:
                self.server.cancel(self)  # first, so that a handler that waits for its caller is not woken by the error
            self.fail(error)

    def explains(self, error: Exception) -> bool:  # noqa: ARG002  (whoever has a reply to give can't be refused it)
        """Whether an error of its handler says no more than that the call has ended: the caller has left, say."""
        return False

    def released(self) -> None:
        """Its handler has ended without a result, perhaps long after the call: of interest to who counts handlers."""

    def arguments(self) -> tuple[Any, ...]:
        """What its handler is called with."""
        raise NotImplementedError

    def _deliver(self, value: Any) -> None:
        raise NotImplementedError

    def _reject(self, error: Exception) -> None:
        raise NotImplementedError


class Ask(Call):
    """A call with one reply, and one task that waits for it."""

    __slots__ = ("_error", "_value", "_waiter")

    def __init__(self, actor: str, message: Message, timeout: float, deadline: float) -> None:
        super().__init__(actor, message, timeout, deadline)
        self._value: Any = None
        self._error: Exception | None = None
        self._waiter: Waiter | None = None

    def arguments(self) -> tuple[Any, ...]:
        """What its handler is called with: the message."""
        return (self.message,)

    def _deliver(self, value: Any) -> None:
        self._value = value
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _reject(self, error: Exception) -> None:
        self._error = error
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def outcome(self) -> Any:
        """Wait for the reply and return it, or raise the error. Cancelling leaves the call to be abandoned."""
        if not self.done:
            self._waiter = new_waiter()
            await self._waiter
        if self._error is not None:
            raise self._error
        return self._value


class Streaming(Call):
    """A call whose handler writes to a bounded channel that the caller reads."""

    __slots__ = ("replies",)

    def __init__(self, actor: str, message: Message, timeout: float, deadline: float, buffer: int) -> None:
        super().__init__(actor, message, timeout, deadline)
        self.replies: Channel[Any] = Channel(buffer)
        """Handler to caller."""

    def arguments(self) -> tuple[Any, ...]:
        """What its handler is called with: the message, and where to put the replies."""
        return self.message, Sender(self.replies)

    def _deliver(self, value: Any) -> None:  # noqa: ARG002  (a streaming handler's result is None)
        self.replies.close()

    def _reject(self, error: Exception) -> None:
        self.replies.close(error)

    def explains(self, error: Exception) -> bool:
        """Whether an error of its handler says no more than that the call has ended: the caller has left, say."""
        if isinstance(error, ExceptionGroup):
            return all(map(self.explains, cast("ExceptionGroup[Exception]", error).exceptions))
        ending = self.replies.error
        return ending is not None and (error is ending or error.__cause__ is ending)

    def abandon(self) -> None:
        """End because the caller left; a handler waiting for room is told that nobody reads any more."""
        super().abandon()
        self.replies.break_off()


class Conversing(Streaming):
    """A streaming call whose caller sends, too."""

    __slots__ = ("sent",)

    def __init__(self, actor: str, message: Message, timeout: float, deadline: float, buffer: int) -> None:
        super().__init__(actor, message, timeout, deadline, buffer)
        self.sent: Channel[Any] = Channel(buffer)
        """Caller to handler."""

    def arguments(self) -> tuple[Any, ...]:
        """What its handler is called with: the message, and the conversation seen from its end."""
        return self.message, Duplex(self.replies, self.sent)

    def _deliver(self, value: Any) -> None:
        super()._deliver(value)
        self.sent.break_off()

    def _reject(self, error: Exception) -> None:
        super()._reject(error)
        self.sent.break_off(error)


class Sender(Generic[T]):
    """Where a streaming handler puts its replies."""

    __slots__ = ("_channel",)

    def __init__(self, channel: Channel[T]) -> None:
        self._channel = channel

    def send(self, item: T) -> Coroutine[Any, Any, None]:
        """Send one reply, waiting while the caller's buffer is full. A cancelled send has sent nothing.

        Raises:
            ChannelBroken: The caller left.
        """
        return self._channel.send(item)

    def send_nowait(self, item: T) -> None:
        """Send one reply, or raise `WouldBlock` when the caller's buffer is full."""
        self._channel.send_nowait(item)


class Receiver(Generic[T]):
    """What comes in, item by item; iterate over it or call `receive`.

    Args:
        channel: Where it comes from.
        patience: How long to wait for each item; None is for ever, which is how handlers read: the deadline of their
            call cancels them.
    """

    __slots__ = ("_channel", "_patience")

    def __init__(self, channel: Channel[T], patience: Patience | None = None) -> None:
        self._channel = channel
        self._patience = patience

    def receive(self) -> Coroutine[Any, Any, T]:
        """Return the next item. Cancelling is safe: a cancelled receive has taken nothing.

        Raises:
            EndOfChannel: There are no more.
            DeadlineExceeded: None came within the time allowed between two items.
            ActorDied: The actor on the other side ended.
            Exception: Whatever the handler raised.
        """
        return self._channel.receive(self._patience)

    async def each(self, function: Callable[[T], Coroutine[Any, Any, None] | None]) -> None:
        """Call `function` with each item, inside the step that sends it, until there are no more.

        It is for what takes no time; the time allowed between two items is not watched. See `Channel.each`.

        Raises:
            ActorDied: The actor on the other side ended.
            Exception: Whatever the handler, or `function`, raised.
        """
        await self._channel.each(function)

    @property
    def waiting(self) -> int:
        """Items that are there already."""
        return len(self._channel.items)

    def poll(self) -> T | None:
        """Return the next item, or None where `receive` would wait or raise."""
        return self._channel.take() if self._channel.items else None

    def __aiter__(self) -> "Receiver[T]":
        return self

    async def __anext__(self) -> T:
        try:
            return await self.receive()
        except EndOfChannel:
            raise StopAsyncIteration from None


class Duplex(Receiver[R], Generic[S, R]):
    """One end of a conversation: sends `S`, receives `R`."""

    __slots__ = ("_outgoing",)

    def __init__(self, outgoing: Channel[S], incoming: Channel[R], patience: Patience | None = None) -> None:
        super().__init__(incoming, patience)
        self._outgoing = outgoing

    def send(self, item: S) -> Coroutine[Any, Any, None]:
        """Send one item, waiting while the other side's buffer is full. A cancelled send has sent nothing.

        Raises:
            ChannelBroken: The other side is gone; its error, if any, is the cause.
            ChannelClosed: `finish` was called before.
        """
        return self._outgoing.send(item)

    def send_nowait(self, item: S) -> None:
        """Send one item, or raise `WouldBlock` when the other side's buffer is full."""
        self._outgoing.send_nowait(item)

    def finish(self) -> None:
        """Say that nothing more will be sent; receiving goes on."""
        self._outgoing.close()
