"""Tools to test actors: virtual time, seeded scheduling, stand-ins that record, faults, a check for what is left.

`run` runs an async function in virtual time on asyncio or trio: a minute of timers passes in milliseconds, and the
same seed gives the same interleaving of tasks. `backend_options` does the same for tests that anyio's pytest plugin
runs. `docs/testing.md` shows both.
"""

from ..outside import hold_clock
from .faults import Fault, Faults, InjectedCrash
from .leaks import LeakError, no_leaks
from .loop import VirtualTimeLoop
from .recorder import Recorder
from .run import backend_options, run
from .waiting import DeadlockError

__all__ = [
    "DeadlockError",
    "Fault",
    "Faults",
    "InjectedCrash",
    "LeakError",
    "Recorder",
    "VirtualTimeLoop",
    "backend_options",
    "hold_clock",
    "no_leaks",
    "run",
]
