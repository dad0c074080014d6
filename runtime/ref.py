"""A reference to an actor: the only thing that others hold of it. It survives restarts, and the actor's end."""

import math
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from .call import Conversing, Duplex, Receiver, Streaming
from .exits import Exit
from .messages import DuplexRequest, Message, Request, StreamRequest

if TYPE_CHECKING:
    from .cell import ActorStatistics, Cell

R = TypeVar("R")
S = TypeVar("S")
E_co = TypeVar("E_co", covariant=True)

ASK_TIMEOUT: Final = 5.0
"""Seconds an ask waits for its reply, unless told otherwise."""
ITEM_TIMEOUT: Final = 30.0
"""Seconds a stream waits for each item, unless told otherwise."""
BUFFER: Final = 64
"""Items a stream holds in each direction, unless told otherwise."""


class Ref:
    """Talk to an actor: `tell`, `ask`, `stream`, `open`.

    All four check at once that the actor handles the message, and raise `Unhandled` if not. While the actor restarts,
    what it is sent waits in its mailbox; when it has ended for good, they raise `ActorDied`.
    """

    __slots__ = ("__weakref__", "cell")

    def __init__(self, cell: "Cell") -> None:
        self.cell = cell

    @property
    def name(self) -> str:
        """The path from the root supervisor, such as ``"speech/whisper"``."""
        return self.cell.path

    @property
    def ended(self) -> bool:
        """Whether the actor has ended for good."""
        return self.cell.ended.is_set

    def __repr__(self) -> str:
        return f"<Ref {self.cell.path!r}>"

    async def tell(self, message: Message, *, timeout: float = ASK_TIMEOUT) -> None:
        """Put a message into the mailbox, waiting for room if its overflow policy is to wait.

        The handler's result, if any, is dropped; an error in it crashes the actor. Cancelling is safe: a cancelled tell
        has sent nothing.

        Args:
            message: What to tell.
            timeout: Seconds to wait for room in the mailbox.

        Raises:
            ActorDied: The actor has ended for good.
            DeadlineExceeded: There was no room in time.
            ChannelFull: The mailbox is full, and its policy is to refuse; or the control lane is full.
            Unhandled: The actor does not handle such messages.
        """
        cell = self.cell
        if message.control or message.__class__ not in cell.handlers or not cell.data.offer(message):
            await cell.post(message, message, timeout)

    def tell_nowait(self, message: Message) -> None:
        """Put a message into the mailbox, or raise `WouldBlock`; the rest is as in `tell`."""
        self.cell.post_nowait(message)

    def ask(self, request: Request[R], *, timeout: float = ASK_TIMEOUT) -> Coroutine[Any, Any, R]:
        """Send a request and wait for its one reply. Cancelling cancels the handler.

        Args:
            request: What to ask.
            timeout: Seconds to wait, room in the mailbox included; less if the handler that asks has less left itself.

        Raises:
            ActorDied: The actor crashed while working on it, or has ended for good.
            DeadlineExceeded: There was no reply in time; the handler was cancelled.
            AskCycle: The actor would, over others, wait for itself.
            ChannelFull: The mailbox is full, and its policy is to refuse.
            Unhandled: The actor does not handle such requests.
            Exception: Whatever the handler raised.
        """
        return self.cell.ask(request, timeout)

    def stream(
        self, request: StreamRequest[R], *, timeout: float = ITEM_TIMEOUT, total: float = math.inf, buffer: int = BUFFER
    ) -> AbstractAsyncContextManager[Receiver[R]]:
        """Send a request whose replies are read one by one.

        ::

            async with ref.stream(Watch()) as replies:
                async for reply in replies:
                    ...

        Leaving the block cancels the handler, if it is still running. Entering it raises what `ask` raises before an
        answer is there; reading raises `ActorDied`, `DeadlineExceeded` or whatever the handler raised, after the
        replies that were sent before.

        Args:
            request: What to ask.
            timeout: Seconds to wait for each reply.
            total: Seconds after which the call ends in any case.
            buffer: Replies that may wait to be read; then the handler waits.
        """
        cell = self.cell
        call = Streaming(cell.path, request, total, cell.deadline_of(total), buffer)
        return _Open(cell, call, timeout, Receiver[R](call.replies, cell.patience(request, timeout)))

    def open(
        self,
        request: DuplexRequest[S, R],
        *,
        timeout: float = ITEM_TIMEOUT,
        total: float = math.inf,
        buffer: int = BUFFER,
    ) -> AbstractAsyncContextManager[Duplex[S, R]]:
        """Open a conversation: send items while replies come in. The rest is as in `stream`.

        Args:
            request: What to open.
            timeout: Seconds to wait for each reply.
            total: Seconds after which the call ends in any case.
            buffer: Items that may wait in each direction.
        """
        cell = self.cell
        call = Conversing(cell.path, request, total, cell.deadline_of(total), buffer)
        return _Open(cell, call, timeout, Duplex[S, R](call.sent, call.replies, cell.patience(request, timeout)))

    async def wait_ended(self) -> Exit:
        """Wait until the actor has ended for good, and return why; at once if it has. Cancelling is safe."""
        exit: Exit = await self.cell.ended.wait()
        return exit

    def statistics(self) -> "ActorStatistics":
        """Take a snapshot of the actor's counters."""
        return self.cell.statistics()


class _Open(AbstractAsyncContextManager[E_co]):
    """A streaming call for as long as its block lasts."""

    __slots__ = ("_call", "_cell", "_end", "_leave", "_timeout")

    def __init__(self, cell: "Cell", call: Streaming, timeout: float, end: E_co) -> None:
        self._cell = cell
        self._call = call
        self._timeout = timeout
        self._end = end
        self._leave: Callable[[], None] | None = None

    async def __aenter__(self) -> E_co:
        self._leave = await self._cell.begin(self._call, self._timeout)
        return self._end

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._leave is not None:
            self._leave()
