"""Run an async function, or a whole test suite, in virtual time."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Literal, TypeVar, TypeVarTuple

import anyio

from .leaks import no_leaks
from .loop import VirtualTimeLoop

T = TypeVar("T")
Args = TypeVarTuple("Args")

Backend = Literal["asyncio", "trio"]


def run(
    async_fn: Callable[[*Args], Awaitable[T]], *args: *Args, backend: Backend = "asyncio", seed: int | None = None
) -> T:
    """Runs `async_fn(*args)` in virtual time: timers cost no time, and the clock starts at 0.

    Args:
        async_fn: The function to run.
        *args: Its arguments.
        backend: The event loop; trio has to be installed for "trio".
        seed: Shuffles the order in which tasks run that are ready at the same time. The same seed gives the same
            order in every run; None is the back end's own order, which on trio is random.

    Raises:
        DeadlockError: Every task waited and nothing could wake one.
        LeakError: A task or thread that `async_fn` started was still running when it returned.
    """

    async def main() -> T:
        async with no_leaks():
            return await async_fn(*args)

    options = backend_options(backend, seed)
    try:
        return anyio.run(main, backend=backend, backend_options=options)
    except BaseException as error:
        # trio can only be told of a deadlock by cancelling it
        for virtual_time in options.get("instruments", ()):
            if virtual_time.deadlock is not None:
                raise virtual_time.deadlock from error
        raise


def backend_options(backend: Backend, seed: int | None = None) -> dict[str, Any]:
    """What `anyio.run` and the `anyio_backend` fixture of anyio's pytest plugin need to run in virtual time.

    Args:
        backend: The event loop the options are for.
        seed: As for `run`.
    """
    if backend == "trio":
        from .trio_clock import VirtualTime  # trio is optional

        time = VirtualTime(seed=seed)
        return {"clock": time.clock, "instruments": [time]}
    return {"loop_factory": partial(VirtualTimeLoop, seed=seed)}
