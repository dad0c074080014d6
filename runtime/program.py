"""A tree of actors as a whole program: `run` returns when it has ended, with an exit code for the shell."""

import signal
import sys
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import Final, Literal

import anyio
from anyio import TASK_STATUS_IGNORED, create_task_group, open_signal_receiver
from anyio.abc import TaskStatus

from . import events
from .errors import RestartLimitExceeded, StartFailed
from .specs import AnySpec, Strategy
from .system import System, root_spec

FAILED: Final = 1
"""The exit code where a child did not start, or the root gave up."""
SIGNALLED: Final = 128
"""Added to the number of a signal, as shells do."""


def run(
    *children: AnySpec,
    strategy: Strategy = Strategy.ONE_FOR_ONE,
    intensity: int = 3,
    period: float = 5.0,
    backend: Literal["asyncio", "trio"] = "asyncio",
    use_uvloop: bool = True,
    on_ready: Callable[[System], Awaitable[None]] | None = None,
    on_event: Callable[[events.Event], None] = events.log,
) -> int:
    """Run a tree of actors until it ends or a signal comes; for the last line of a program: ``sys.exit(run(...))``.

    The first SIGINT or SIGTERM drains, also while the tree still starts: actors work off their mailboxes within their
    grace, and stop in reverse order. The second cancels everybody at once. The third finds Python's own handlers: it
    ends the process even if an actor ignores being cancelled.

    Args:
        children: As for `open_system`.
        strategy: As for `open_system`.
        intensity: As for `open_system`.
        period: As for `open_system`.
        backend: The event loop.
        use_uvloop: Whether asyncio runs on uvloop, if that is installed.
        on_ready: Awaited when all children are ready; an error in it stops the tree and is raised.
        on_event: As for `open_system`.

    Returns:
        0 after a drain, or when the root ended by itself in good order; 1 when a child did not start or the root gave
        up; 128 and the signal's number when a second signal cut the drain short.
    """

    async def main() -> int:
        root = root_spec(*children, strategy=strategy, intensity=intensity, period=period)
        return await _Program(System(root, on_event=on_event)).run(on_ready)

    uvloop = backend == "asyncio" and use_uvloop and find_spec("uvloop") is not None
    return anyio.run(main, backend=backend, backend_options={"use_uvloop": True} if uvloop else {})


class _Program:
    """A system and the signals that came for it."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._signals: list[int] = []

    async def run(self, on_ready: Callable[[System], Awaitable[None]] | None) -> int:
        failure: Exception | None = None
        async with create_task_group() as tasks:
            await tasks.start(self._obey_signals)
            try:
                async with self._system.run():
                    if on_ready is not None:
                        await on_ready(self._system)
                    await self._system.wait_ended()
            except Exception as error:  # policy: judged below, outside of the task group, which would wrap it
                failure = error
            tasks.cancel_scope.cancel()
        return self._exit_code(failure)

    async def _obey_signals(self, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
        with open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            async for number in signals:
                self._signals.append(number)
                if len(self._signals) == 1:
                    self._system.request_stop()
                else:
                    self._system.kill()
                    return

    def _exit_code(self, failure: Exception | None) -> int:
        if len(self._signals) > 1:
            return SIGNALLED + self._signals[1]
        if failure is None or (self._signals and isinstance(failure, StartFailed)):
            return 0
        if isinstance(failure, (StartFailed, RestartLimitExceeded)):
            print(f"{type(failure).__name__}: {failure}", file=sys.stderr)
            return FAILED
        raise failure
