"""trio in virtual time: its own autojump clock, which here also waits for threads, and its seeded scheduler."""

import math
import signal
import threading
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import trio
from trio.lowlevel import Task, current_root_task, current_statistics, current_trio_token
from trio.testing import MockClock, active_thread_count

from .. import outside
from .waiting import PATIENCE, DeadlockError, strangers

scheduler: Any = import_module("trio._core._run")  # private: Hypothesis's plugin for trio seeds it in the same way


class VirtualTime(trio.abc.Instrument):
    """Runs trio's autojump clock, holds it while work outside the run is under way, ends deadlocks, seeds the order.

    Args:
        seed: Seed of the order in which tasks run that are ready at the same time; None leaves it to chance.

    Attributes:
        clock: The clock to start the run with; it starts at 0.0 s in every run.
        deadlock: Why the run was cancelled, once it was because every task waited.
    """

    def __init__(self, *, seed: int | None = None) -> None:
        self.clock = MockClock(autojump_threshold=0)
        self.deadlock: DeadlockError | None = None
        self._seed = seed
        self._idle_rounds = 0

    def before_run(self) -> None:
        """Starts at time 0 and at the beginning of the seed, also when a test runner starts a second run."""
        self.clock.__init__(autojump_threshold=0)
        self.deadlock = None
        self._token = current_trio_token()
        self._threads_before = set(threading.enumerate())
        self._handlers_before = _signal_handlers()
        if self._seed is not None:
            self._scheduler_before = scheduler._ALLOW_DETERMINISTIC_SCHEDULING, scheduler._r.getstate()
            scheduler._ALLOW_DETERMINISTIC_SCHEDULING = True
            scheduler._r.seed(self._seed)

    def after_run(self) -> None:
        """Gives the scheduler back as it was."""
        if self._seed is not None:
            scheduler._ALLOW_DETERMINISTIC_SCHEDULING, state = self._scheduler_before
            scheduler._r.setstate(state)

    def after_task_step(self, task: Task) -> None:
        """The last step before the run goes idle decides whether the clock may jump then."""
        del task
        self._idle_rounds = 0
        self._set_threshold(PATIENCE if self._is_working() else 0)

    def before_io_wait(self, timeout: float) -> None:
        """In the second round in which no task took a step, looks whether anything is left that could wake one."""
        del timeout
        self._idle_rounds += 1  # the first round serves what is ready, and tasks in `wait_all_tasks_blocked`
        if self._idle_rounds < 2 or self.deadlock or self._is_working():
            return
        if current_statistics().seconds_to_next_deadline < math.inf:
            return
        if (
            _waiting_for_io() > 1  # the run's own wake-up socket
            or _signal_handlers() != self._handlers_before
            or strangers(self._threads_before)
        ):
            self._set_threshold(math.inf)  # with nothing to jump to, the clock would spin
            return
        root = current_root_task()
        assert root is not None
        main = root.child_nurseries[-1]
        self.deadlock = DeadlockError((task.name, task.coro) for task in _descendants(main))
        main.cancel_scope.cancel(reason=str(self.deadlock))

    def _set_threshold(self, threshold: float) -> None:
        if self.clock.autojump_threshold != threshold:
            self.clock.autojump_threshold = threshold

    def _is_working(self) -> bool:
        return outside.under_way(self._token) or active_thread_count() > 0


def _descendants(nursery: trio.Nursery) -> Iterator[Task]:
    for task in nursery.child_tasks:
        yield task
        for inner in task.child_nurseries:
            yield from _descendants(inner)


def _waiting_for_io() -> int:
    """How many tasks wait for a file descriptor."""
    io = current_statistics().io_statistics
    return sum(getattr(io, field, 0) for field in ("tasks_waiting_read", "tasks_waiting_write", "tasks_waiting"))


def _signal_handlers() -> list[object]:
    return [signal.getsignal(number) for number in signal.valid_signals()]
