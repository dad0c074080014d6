"""Tools to test actors: virtual time, seeded scheduling, a check that nothing is left running.

`run` runs an async function in virtual time on asyncio or trio: a minute of timers passes in milliseconds, and the
same seed gives the same interleaving of tasks. `backend_options` does the same for tests that anyio's pytest plugin
runs. `docs/testing.md` shows both.
"""

from ..outside import hold_clock
from .leaks import LeakError, no_leaks
from .loop import VirtualTimeLoop
from .run import backend_options, run
from .waiting import DeadlockError

__all__ = [
    "DeadlockError",
    "LeakError",
    "VirtualTimeLoop",
    "backend_options",
    "hold_clock",
    "no_leaks",
    "run",
]
