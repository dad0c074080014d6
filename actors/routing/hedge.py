"""Two providers at a time: whoever has the first word goes on alone."""

from typing import TYPE_CHECKING

from anyio import CancelScope, Event, create_task_group, move_on_after

if TYPE_CHECKING:
    from .chain import Attempt, Call


class Race:
    """One attempt, and a second one beside it if the first has given nothing after a while.

    The attempts run side by side up to the first word of either. Who has it leads, and the other is cancelled: it has
    not failed, and may be tried again.
    """

    def __init__(self, call: "Call") -> None:
        self._call = call
        self._leader: Attempt | None = None
        self._scopes: dict[Attempt, CancelScope] = {}
        self._decided = Event()  # one leads, or the only one has failed

    async def run(self, first: "Attempt", hedge_after: float) -> None:
        """Run until no attempt is under way. Cancelling cancels both."""
        async with create_task_group() as tasks:
            tasks.start_soon(self._enter, first)
            with move_on_after(hedge_after):
                await self._decided.wait()
            if not self._decided.is_set() and (second := self._call.next()) is not None:
                tasks.start_soon(self._enter, second)

    def leads(self, attempt: "Attempt") -> bool:
        """Whether the attempt, which has its first word, is the one to go on."""
        if self._leader is None:
            self._leader = attempt
            self._decided.set()
            self._cancel_all_but(attempt)
        return self._leader is attempt

    def lost(self, attempt: "Attempt") -> bool:
        """Whether another attempt leads."""
        return self._leader is not None and self._leader is not attempt

    async def _enter(self, attempt: "Attempt") -> None:
        attempt.race = self
        with CancelScope() as self._scopes[attempt]:
            await self._call.run(attempt)
        self._decided.set()
        if self._call.over:
            self._cancel_all_but(attempt)

    def _cancel_all_but(self, attempt: "Attempt") -> None:
        for other, scope in self._scopes.items():
            if other is not attempt:
                scope.cancel()
