"""The part of a future that the runtime uses, on trio. Imported by `parking` when trio runs, and not before."""

from collections.abc import Generator
from typing import Any

from trio.lowlevel import Abort, RaiseCancelT, Task, current_task, reschedule, wait_task_rescheduled


class TrioWaiter:
    """See `parking.Waiter`."""

    __slots__ = ("_state", "_task")

    def __init__(self) -> None:
        self._state = ""
        self._task: Task | None = None

    def done(self) -> bool:
        """See `parking.Waiter.done`."""
        return self._state != ""

    def cancelled(self) -> bool:
        """See `parking.Waiter.cancelled`."""
        return self._state == "cancelled"

    def set_result(self, _result: None, /) -> None:
        """See `parking.Waiter.set_result`."""
        self._state = "woken"
        if self._task is not None:
            reschedule(self._task)

    def __await__(self) -> Generator[Any, Any, None]:
        if self._state == "":
            self._task = current_task()
            yield from wait_task_rescheduled(self._abort).__await__()  # noqa: ASYNC105

    def _abort(self, _raise_cancel: RaiseCancelT) -> Abort:
        self._state = "cancelled"
        return Abort.SUCCEEDED
