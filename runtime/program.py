"""A tree of actors as a whole program: `run` returns when it has ended, with an exit code for the shell."""

import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Final, Literal

import anyio
from anyio import create_task_group, open_signal_receiver

from . import events
from .errors import RestartLimitExceeded, StartFailed
from .specs import AnySpec, Strategy
from .system import System, open_system

FAILED: Final = 1
SIGNALLED: Final = 128
"""Added to the number of a signal, as shells do."""


def run(
    *children: AnySpec,
    strategy: Strategy = Strategy.ONE_FOR_ONE,
    intensity: int = 3,
    period: float = 5.0,
    backend: Literal["asyncio", "trio"] = "asyncio",
    on_ready: Callable[[System], Awaitable[None]] | None = None,
    on_event: Callable[[events.Event], None] = events.log,
) -> int:
    """Run a tree of actors until it ends or a signal comes; for the last line of a program: ``sys.exit(run(...))``.

    The first SIGINT or SIGTERM drains: actors work off their mailboxes within their grace, and stop in reverse order.
    The second stops everybody at once.

    Args:
        children: As for `open_system`.
        strategy: As for `open_system`.
        intensity: As for `open_system`.
        period: As for `open_system`.
        backend: The event loop; asyncio runs on uvloop where that is installed.
        on_ready: Awaited when all children are ready; an error in it ends the program.
        on_event: As for `open_system`.

    Returns:
        0 after a drain, or when the root ended by itself in good order; 1 when a child did not start or the root gave
        up; 128 and the signal's number when a second signal cut the drain short.
    """

    async def main() -> int:
        code = 0  # also where the root ends by itself, which cancels the block
        try:
            async with open_system(
                *children, strategy=strategy, intensity=intensity, period=period, on_event=on_event
            ) as system:
                code = await _serve(system, on_ready)
        except (StartFailed, RestartLimitExceeded) as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            return FAILED
        return code

    options = {"use_uvloop": True} if backend == "asyncio" and _has_uvloop() else {}
    return anyio.run(main, backend=backend, backend_options=options)


async def _serve(system: System, on_ready: Callable[[System], Awaitable[None]] | None) -> int:
    code = 0
    async with create_task_group() as tasks:

        async def listen() -> None:
            nonlocal code
            drains = False
            with open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                async for number in signals:
                    if drains:
                        code = SIGNALLED + number
                        system.kill()
                    else:
                        drains = True
                        system.request_stop()

        tasks.start_soon(listen)
        if on_ready is not None:
            await on_ready(system)
        await system.wait_ended()
        tasks.cancel_scope.cancel()
    return code


def _has_uvloop() -> bool:
    try:
        import uvloop as _  # noqa: F401
    except ImportError:
        return False
    return True
