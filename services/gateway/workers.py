"""Several processes on one port: a parent that accepts connections, hands them out, and keeps the others running.

The parent accepts and gives each connection to the worker that has the fewest. A voice session lasts for minutes, so
what decides how many a machine holds is how evenly they are spread. Measured with 200 connections over four workers: a
listening socket that all of them accept from gave 25 to 83 each, and at another pace none to one of them and 105 to
another; SO_REUSEPORT 41 to 58, and loses what waits at a worker that dies; this way it is 50 each.

Workers are forked, so that keys and the rest of the configuration need not be written down to reach them. The parent
runs no event loop and no thread, and serves nobody: it has no reason to fail. Should it be killed all the same, the
workers see their end of the control socket close, and end.
"""

import logging
import os
import selectors
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Final

from ...runtime.restart import Backoff

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
CONNECTION, DRAIN, HURRY = b"c", b"d", b"h"
"""What the parent tells a worker: here is a connection; drain and end; end at once."""
REPORT: Final = struct.Struct("!?II")
"""What a worker tells the parent: whether it is ready, how many connections it has taken, how many it has open."""
BACKOFF: Final = Backoff()
OVERTIME: Final = 5.0
"""Seconds beyond its patience that a worker has to end in; then it is killed."""
PAUSE: Final = 0.1
"""Seconds without accepting when the process has no file descriptors left."""

_log = logging.getLogger("troupe.gateway")


@dataclass(eq=False, slots=True)
class Worker:
    """A process, seen from the parent."""

    number: int
    pid: int
    control: socket.socket
    started: float
    ready: bool = False
    handed: int = 0
    taken: int = 0
    open: int = 0
    heard: bytearray = field(default_factory=bytearray)

    @property
    def load(self) -> int:
        """Connections that it has, or is about to have."""
        return self.open + self.handed - self.taken


class Workers:
    """The parent.

    Args:
        listener: Where connections come in.
        count: How many workers there are to be.
        work: What a worker does with its end of the control socket; returns its exit status.
        patience: Seconds that a worker may take to drain.
    """

    def __init__(
        self, listener: socket.socket, count: int, work: Callable[[socket.socket], int], patience: float
    ) -> None:
        self._listener = listener
        self._count = count
        self._work = work
        self._patience = patience
        self._workers: dict[int, Worker] = {}
        self._selector = selectors.DefaultSelector()
        self._waking, self._woken = socket.socketpair()
        self._opened = False
        """Whether all workers have been ready once: before, the first one would get all connections."""
        self._accepting = False
        self._accept_after = 0.0
        self._attempts: dict[int, int] = {}
        self._due: dict[int, float] = {}
        """When to start which worker again."""
        self._was_ready = False
        self._told = 0
        self._kill_at = float("inf")
        self._random = Random()

    def run(self) -> int:
        """Run until told to end by SIGTERM or SIGINT, and all workers have ended; return the exit status.

        That is 0 after an orderly end, and 1 where a worker could not start in the first place or had to be killed.
        """
        self._waking.setblocking(False)
        self._woken.setblocking(False)
        self._listener.setblocking(False)
        before = {number: signal.signal(number, _noted) for number in SIGNALS}
        wakeup = signal.set_wakeup_fd(self._waking.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._woken, selectors.EVENT_READ, self._hear_signals)
        status = 0
        try:
            for number in range(self._count):
                self._start(number)
            while self._workers or (self._due and not self._told):
                for key, _ in self._selector.select(self._until()):
                    key.data()
                status |= self._tend()
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.close()
            self._waking.close()
            self._woken.close()
        return status

    # -- connections -----------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        """Give each connection that waits to the worker that has the fewest."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError, InterruptedError):
                return
            except OSError as error:  # no file descriptors left: asking again at once would not change that
                _log.error("can't accept connections: %s", error.strerror)
                self._accept_after = time.monotonic() + PAUSE
                return
            with connection:
                self._hand_out(connection)

    def _hand_out(self, connection: socket.socket) -> None:
        for worker in sorted((each for each in self._workers.values() if each.ready), key=lambda each: each.load):
            with suppress(OSError):  # it is stuck, or has just died: the next one
                socket.send_fds(worker.control, [CONNECTION], [connection.fileno()])
                worker.handed += 1
                return

    # -- workers ---------------------------------------------------------------------------------------------------

    def _start(self, number: int) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if not pid:
            ours.close()
            self._become_worker(theirs)
        theirs.close()
        worker = self._workers[number] = Worker(number, pid, ours, time.monotonic())
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._hear(worker))

    def _become_worker(self, control: socket.socket) -> None:
        """Never returns: what is above on the stack is the parent's."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)  # signals of the terminal or the service manager reach all; the parent decides
            for worker in self._workers.values():
                worker.control.close()  # else they would not see the parent die
            for each in (self._selector, self._waking, self._woken, self._listener):
                each.close()
            status = self._work(control)
        finally:
            error = sys.exception()
            if error is not None:
                sys.excepthook(type(error), error, error.__traceback__)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _hear(self, worker: Worker) -> None:
        """Take a worker's report, or note its death: the kernel closes its socket in the same moment."""
        try:
            data = worker.control.recv(64 * REPORT.size)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._bury(worker)
            return
        worker.heard += data
        while len(worker.heard) >= REPORT.size:
            worker.ready, worker.taken, worker.open = REPORT.unpack_from(worker.heard)
            del worker.heard[: REPORT.size]
        self._was_ready = self._was_ready or worker.ready

    def _bury(self, worker: Worker) -> None:
        self._selector.unregister(worker.control)
        worker.control.close()
        del self._workers[worker.number]
        _, wait_status = os.waitpid(worker.pid, 0)
        code = os.waitstatus_to_exitcode(wait_status)
        if self._told:
            return
        if not self._was_ready:
            _log.error("a worker could not start; there is no point in trying again")
            self._tell(HURRY)
            return
        lived = time.monotonic() - worker.started
        attempt = 0 if lived >= BACKOFF.quiet else self._attempts.get(worker.number, 0)
        self._attempts[worker.number] = attempt + 1
        delay = BACKOFF.delay(attempt, self._random)
        self._due[worker.number] = time.monotonic() + delay
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        _log.error("worker %d (process %d) %s; another starts in %.1f s", worker.number, worker.pid, how, delay)

    # -- time and signals ------------------------------------------------------------------------------------------

    def _until(self) -> float | None:
        """Seconds until something is due."""
        times = [*self._due.values(), self._kill_at]
        if self._accept_after:
            times.append(self._accept_after)
        earliest = min(times)
        return None if earliest == float("inf") else max(0.0, earliest - time.monotonic())

    def _tend(self) -> int:
        """Do what is due; return 1 if that was to kill somebody, or if nothing could start."""
        now = time.monotonic()
        for number in [number for number, due in self._due.items() if due <= now]:
            del self._due[number]
            if not self._told:
                self._start(number)
        if self._accept_after and self._accept_after <= now:
            self._accept_after = 0.0
        if self._workers and all(worker.ready for worker in self._workers.values()):
            self._opened = True
        accepting = self._opened and not self._accept_after and any(worker.ready for worker in self._workers.values())
        if accepting and not self._accepting:
            self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        elif self._accepting and not accepting:
            self._selector.unregister(self._listener)
        self._accepting = accepting
        if self._kill_at <= now:
            self._kill_at = float("inf")
            for worker in self._workers.values():
                os.kill(worker.pid, signal.SIGKILL)
            return int(bool(self._workers))
        return int(bool(self._told) and not self._was_ready)

    def _hear_signals(self) -> None:
        with suppress(BlockingIOError):
            for _ in self._woken.recv(64):
                self._tell(HURRY if self._told else DRAIN)

    def _tell(self, order: bytes) -> None:
        self._told += 1
        self._kill_at = time.monotonic() + OVERTIME + (self._patience if order == DRAIN else 0)
        for worker in self._workers.values():
            with suppress(OSError):
                worker.control.send(order)


def _noted(_number: int, _frame: object) -> None:
    """Take a signal: what follows from it is done where the wake-up is read."""
