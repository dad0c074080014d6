"""Calls in a worker: they wait in the actor's mailbox like any others, but their callers are in the parent process.

Each is settled with exactly one frame, and not before its handler has ended: the parent sends the next message when
this one has made room, not when its caller has lost interest.
"""

from typing import TYPE_CHECKING, Any, Final

from ..call import Call, Conversing, Streaming
from ..cell import Cell
from ..channel import Channel
from ..errors import ActorDied, ChannelBroken, NotSendable, ProtocolError
from ..handlers import Kind
from ..messages import Message
from . import wire
from .faults import describe
from .flow import Inflow, Outflow
from .vocabulary import Word, encode

if TYPE_CHECKING:
    from .worker import Session


class RemoteCall(Call):
    """What they share; on its own, an ask.

    Args:
        session: The connection's.
        cell: The actor.
        frame: As it came.
        word: What it is about.
        message: As decoded.
    """

    def __init__(self, session: "Session", cell: Cell, frame: wire.Begin, word: Word, message: Message) -> None:
        Call.__init__(self, cell.path, message, frame.left, cell.system.now() + frame.left)
        self.id = frame.id
        self._word = word
        self._session = session
        self._cell = cell
        self._end: wire.Frame | None = None
        """What it is going to be settled with."""
        self._released = False
        """Whether its handler has ended, or never will begin."""

    # -- what the runtime does -------------------------------------------------------------------------------------

    def arguments(self) -> tuple[Any, ...]:
        """What its handler is called with: the message."""
        return (self.message,)

    def succeed(self, value: Any) -> None:
        """End with a result, which nobody may want any more."""
        super().succeed(value)
        self.released()

    def released(self) -> None:
        """See `Call.released`."""
        self._released = True
        self._settle()

    # -- what the parent does --------------------------------------------------------------------------------------

    def abandon(self) -> None:
        """End because the caller left, or the deadline passed."""
        self._end_early(wire.Reply(self.id))

    def push(self, frame: wire.Items) -> None:
        """Take items that the caller sent."""
        raise ProtocolError(f"{type(self.message).__qualname__} takes no {len(frame.items)} items")

    def finish(self) -> None:
        """The caller has sent its last item."""
        raise ProtocolError(f"{type(self.message).__qualname__} takes no items")

    def grant(self, count: int) -> None:
        """The caller can take so many more items."""
        raise ProtocolError(f"{type(self.message).__qualname__} sends no {count} items")

    # -- how it is settled -----------------------------------------------------------------------------------------

    def _end_early(self, end: wire.Frame) -> None:
        """End whatever the handler is doing; it is cancelled."""
        self.done = True
        self._end = self._end or end
        if self.server is None:
            self._released = True
        else:
            self.server.cancel(self)
        self._settle()  # which waits for the handler, unless that has ended before its items were sent

    def _deliver(self, value: Any) -> None:
        try:
            self._end = wire.Reply(self.id, encode(value))
        except NotSendable as error:
            self._end = wire.Failure(self.id, describe(error))

    def _reject(self, error: Exception) -> None:
        if self.server is None:
            self._end = wire.Refused(self.id)
            self.released()
        elif isinstance(error, ActorDied) and error.actor == self._cell.path:
            self._end = wire.Died(self.id)
            self.released()
        else:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Its handler raised; that it has ended is said next."""
        self._end = wire.Failure(self.id, describe(error))

    def _settle(self) -> None:
        if self._end is None or not self._released or self._session.calls.pop(self.id, None) is None:
            return
        more = len(self._session.calls) > 0
        try:
            self._session.connection.send(self._end, more=more)
        except NotSendable as error:
            self._session.connection.send(wire.Failure(self.id, describe(error)), more=more)


class RemoteTell(RemoteCall):
    """A tell: a call to which nobody listens, so that its error crashes the actor."""

    def _deliver(self, value: Any) -> None:  # noqa: ARG002  (it is dropped)
        self._end = wire.Reply(self.id)

    def _fail(self, error: Exception) -> None:
        self._end = wire.Died(self.id)
        assert self._session.guest is not None
        self._session.guest.crash(error)


class RemoteStream(RemoteCall, Streaming):
    """A stream: settled when its handler has ended and its last item has been sent."""

    def __init__(self, session: "Session", cell: Cell, frame: wire.Begin, word: Word, message: Message) -> None:
        super().__init__(session, cell, frame, word, message)
        self.replies = Channel(min(frame.buffer, wire.WINDOW))
        self._outflow = Outflow(session.connection, frame.id, frame.buffer, self.replies)
        session.tasks.start_soon(self._send_items)

    def arguments(self) -> tuple[Any, ...]:
        """What its handler is called with: the message, and where to put the replies."""
        return Streaming.arguments(self)

    def grant(self, count: int) -> None:
        """See `RemoteCall.grant`."""
        self._outflow.grant(count)

    async def _send_items(self) -> None:
        try:
            error = await self._outflow.run()
        except NotSendable as unsendable:
            self._end_early(wire.Failure(self.id, describe(unsendable)))
            return
        self._end = self._end or (wire.Reply(self.id) if error is None else wire.Failure(self.id, describe(error)))
        self._settle()

    def _end_early(self, end: wire.Frame) -> None:
        super()._end_early(end)
        # afterwards, so that the handler is cancelled before it meets this
        self.replies.break_off(ChannelBroken("the caller left"))

    def _deliver(self, value: Any) -> None:  # noqa: ARG002  (a streaming handler's result is None)
        self.replies.close()

    def _fail(self, error: Exception) -> None:
        self.replies.close(error)

    def _reject(self, error: Exception) -> None:
        super()._reject(error)
        if self._released:
            self.replies.break_off()


class RemoteConversation(RemoteStream, Conversing):
    """A stream whose caller sends, too."""

    def __init__(self, session: "Session", cell: Cell, frame: wire.Begin, word: Word, message: Message) -> None:
        super().__init__(session, cell, frame, word, message)
        self.sent = Channel(min(frame.buffer, wire.WINDOW))
        self._inflow = Inflow(session.connection, frame.id, frame.buffer, self.sent, self._word.sent, session.tasks)

    def arguments(self) -> tuple[Any, ...]:
        """What its handler is called with: the message, and the conversation seen from its end."""
        return Conversing.arguments(self)

    def push(self, frame: wire.Items) -> None:
        """See `RemoteCall.push`."""
        try:
            self._inflow.push(frame)
        except wire.UNREADABLE as error:
            self._end_early(wire.Failure(self.id, describe(error)))

    def finish(self) -> None:
        """See `RemoteCall.finish`."""
        self._inflow.finish()
        self.sent.close()

    def _end_early(self, end: wire.Frame) -> None:
        super()._end_early(end)
        self.sent.break_off(self.replies.error)

    def _deliver(self, value: Any) -> None:
        super()._deliver(value)
        self.sent.break_off()

    def _reject(self, error: Exception) -> None:
        super()._reject(error)
        self.sent.break_off(error)


CALLS: Final[dict[Kind, type[RemoteCall]]] = {
    Kind.TELL: RemoteTell,
    Kind.ASK: RemoteCall,
    Kind.STREAM: RemoteStream,
    Kind.OPEN: RemoteConversation,
}
"""What kind of call a message is."""
