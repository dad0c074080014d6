"""The other end of a routed call: who is served.

That it has gone is no fault of a provider, so it is told apart from what a provider's end of a call raises.
"""

from typing import Generic, TypeVar

from ...runtime import Duplex, Sender
from ...runtime.errors import ChannelBroken, ChannelClosed, EndOfChannel, RuntimeFault, WouldBlock
from .watchdog import Watchdog

T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S")


class CallerGone(Exception):
    """Nobody waits for the answer any more."""


class Listener(Generic[T]):
    """A caller that is sent replies.

    Args:
        replies: Where they go.
    """

    def __init__(self, replies: Sender[T] | Duplex[T, S]) -> None:
        self._replies = replies

    async def give(self, item: T, dog: Watchdog) -> None:
        """Send one reply. While the caller's buffer is full it waits, and `dog` does not count that as silence.

        Cancelling is safe: then it was not sent.

        Raises:
            CallerGone: The caller has left.
        """
        try:
            try:
                self._replies.send_nowait(item)
            except WouldBlock:
                with dog.held():
                    await self._replies.send(item)
        except (ChannelBroken, ChannelClosed) as error:
            raise CallerGone from error


class Speaker(Listener[R], Generic[R, S]):
    """A caller that sends, too.

    Args:
        caller: Its conversation.
    """

    def __init__(self, caller: Duplex[R, S]) -> None:
        super().__init__(caller)
        self._caller = caller

    async def take(self) -> S | None:
        """Return what the caller sends next, or None if that was all. Cancelling is safe: then nothing was taken.

        Raises:
            CallerGone: The caller has left.
        """
        try:
            return await self._caller.receive()
        except EndOfChannel:
            return None
        except RuntimeFault as error:
            raise CallerGone from error
