"""asyncio in virtual time: an event loop that jumps to its next timer when nothing else can happen."""

import asyncio
import random
import selectors
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from itertools import count, groupby
from typing import Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from .. import outside
from .waiting import PATIENCE, DeadlockError, is_anyio_worker, strangers

T = TypeVar("T")

Ready: TypeAlias = list[tuple[selectors.SelectorKey, int]]
Select: TypeAlias = Callable[[float | None], Ready]


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio event loop whose clock starts at 0.0 s and moves only when there is nothing else to do.

    When no callback is ready, in this order: file descriptors that are ready are served; while work outside the loop
    is under way (calls in threads, `hold_clock`) the loop waits for it in real time; then the clock jumps to the next
    timer. Without a timer it waits in real time for what could still wake it: a registered file descriptor, a signal
    handler, a thread that it doesn't know. When there is none of these it raises `DeadlockError`.

    Args:
        seed: Shuffles the order in which tasks run that are ready at the same time; the same seed gives the same
            order. None keeps asyncio's order, first in, first out. Only steps of tasks that stand next to each
            other in the queue are shuffled: transports and futures rely on the order of their own callbacks.
    """

    _ready: deque[asyncio.Handle]
    _selector: selectors.BaseSelector
    _signal_handlers: dict[int, object]

    def __init__(self, *, seed: int | None = None) -> None:
        self._now = 0.0
        self._random = None if seed is None else random.Random(seed)
        self._numbers: WeakKeyDictionary[asyncio.Task[Any], int] = WeakKeyDictionary()
        self._next_number = count(1)
        self._executor_calls: set[asyncio.Future[Any]] = set()
        self._threads_before = set(threading.enumerate())
        super().__init__(_JumpingSelector(self._shuffle, self._wait))

    def time(self) -> float:
        """The virtual time in seconds since the loop was made."""
        return self._now

    def create_task(self, coro: Coroutine[Any, Any, T], **options: Any) -> asyncio.Task[T]:  # type: ignore[override]
        """As asyncio's; numbers the tasks, because sets of tasks (cancelling a group) have no stable order."""
        task: asyncio.Task[T] = super().create_task(coro, **options)
        self._numbers[task] = next(self._next_number)
        return task

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """As asyncio's; the clock stands still until the call is done."""
        future = super().run_in_executor(executor, func, *args)
        self._executor_calls.add(future)
        future.add_done_callback(self._executor_calls.discard)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """As asyncio's, but without its time limit, which would be over at once."""
        del timeout
        await super().shutdown_default_executor()

    def _wait(self, timeout: float | None, select: Select) -> Ready:
        """Nothing is ready: waits for what may come in real time, or moves the clock to the next timer."""
        threads = strangers(self._threads_before)
        is_held = bool(self._executor_calls) or outside.under_way(self) or any(map(is_anyio_worker, threads))
        if not is_held and (ready := select(0)):  # since the last look, a thread may have had its last word, and ended
            return ready
        if timeout is None:
            if is_held or threads or self._signal_handlers or len(self._selector.get_map()) > 1:  # 1: its own pipe
                return select(None)
            raise DeadlockError((task.get_name(), task.get_coro()) for task in asyncio.all_tasks(self))
        if is_held and (ready := select(PATIENCE)):
            return ready
        self._now += timeout
        return []

    def _shuffle(self) -> None:
        if self._random is None:
            return
        # Other threads may append at the right end meanwhile, so the rest happens at the left one.
        handles = [self._ready.popleft() for _ in range(len(self._ready))]
        order: list[asyncio.Handle] = []
        for is_task, neighbours in groupby(handles, lambda handle: _task(handle) is not None):
            batch = list(neighbours)
            if is_task:
                batch.sort(key=lambda handle: self._numbers.get(_task(handle), 0))
                self._random.shuffle(batch)
            order += batch
        self._ready.extendleft(reversed(order))


class _JumpingSelector(selectors.DefaultSelector):
    """The point where an asyncio loop goes to wait: here it may jump instead."""

    def __init__(self, shuffle: Callable[[], None], wait: Callable[[float | None, Select], Ready]) -> None:
        super().__init__()
        self._shuffle = shuffle
        self._wait = wait

    def select(self, timeout: float | None = None) -> Ready:
        self._shuffle()
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        return self._wait(timeout, super().select)


def _task(handle: asyncio.Handle) -> Any:
    """The task of which this handle is the next step, or None; asyncio's own debug output tells them the same way."""
    owner = getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined]
    return owner if isinstance(owner, asyncio.Task) else None  # pyright: ignore[reportUnknownVariableType]
