"""The cell of an actor: what stays the same over all its incarnations: name, mailbox, reference, watchers."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final

from anyio import fail_after
from msgspec import Struct

from . import events
from .call import Ask, Call, Streaming
from .channel import Channel, ChannelStatistics, Overflow
from .deadlines import Patience
from .errors import ActorDied, AskCycle, ChannelBroken, ChannelClosed, ChannelFull, DeadlineExceeded, Unhandled
from .exits import SHUTDOWN, Exit
from .host import AnyIncarnation
from .incarnation import current_worker
from .messages import Message
from .parking import Latch, pass_turn
from .ref import Ref
from .specs import ActorSpec

if TYPE_CHECKING:
    from .system import System

CONTROL_CAPACITY: Final = 64
"""Control messages that may wait at a time."""

OVERLOAD_REPORTS: Final = 1.0
"""Seconds between two `events.Overloaded` of one actor."""


class Down(Message, frozen=True):
    """An actor that was watched has ended for good."""

    control: ClassVar[bool] = True

    ref: Ref
    """The one that ended."""
    exit: Exit
    """Why."""


class ActorStatistics(Struct, frozen=True):
    """A snapshot of one actor's counters."""

    handled: int
    """Messages taken from the mailbox, over all incarnations."""
    failed: int
    """Calls that ended with an error of the handler."""
    in_flight: int
    """Calls being worked on now."""
    mailbox: ChannelStatistics
    """The data lane."""
    control: ChannelStatistics
    """The control lane."""


class Cell:
    """One actor, over all its incarnations."""

    __slots__ = (
        "_quiet_until",
        "_watchers",
        "_watching",
        "control",
        "data",
        "ended",
        "failed",
        "handlers",
        "incarnation",
        "path",
        "ref",
        "spec",
        "system",
        "waits_for",
    )

    def __init__(self, spec: ActorSpec, path: str, system: "System") -> None:
        self.spec = spec
        self.path = path
        self.system = system
        self.handlers = spec.actor.handlers()
        self.data: Channel[Any] = Channel(spec.capacity, spec.overflow)
        self.control: Channel[Any] = Channel(CONTROL_CAPACITY, Overflow.REJECT)
        self.ref = Ref(self)
        self.incarnation: AnyIncarnation | None = None
        self.ended = Latch()
        """Set, with the `Exit`, when there will be no further incarnation."""
        self.failed = 0
        self.waits_for: dict[Cell, int] = {}
        """Whom its handlers wait for, with how many calls; kept only where one call at a time is served."""
        self._watchers: set[Cell] = set()
        self._watching: set[Cell] = set()
        self._quiet_until = 0.0

    def __repr__(self) -> str:
        return f"<{self.spec.actor.__qualname__} {self.path!r}>"

    # -- what its supervisor does ----------------------------------------------------------------------------------

    async def run(self, ready: Callable[[], None]) -> Exit:
        """Live once; see `AnyIncarnation.run`."""
        self.incarnation = self.spec.host.incarnate(self)
        try:
            return await self.incarnation.run(ready)
        finally:
            self.incarnation = None

    def request_stop(self, *, for_good: bool) -> None:
        """Ask it to end. For good: it works off its mailbox first, and nothing new gets in."""
        if for_good:
            self.data.close()
            self.control.close()
        elif self.incarnation is not None:
            self.incarnation.stop()

    def finish(self, exit: Exit) -> None:
        """There will be no further incarnation: answer all that still wait, and tell those who watch."""
        died = ActorDied(self.path, exit)
        for lane in (self.control, self.data):
            for entry in lane.break_off(died):
                if isinstance(entry, Call):
                    entry.fail(ActorDied(self.path, exit))
        self.ended.set(exit)
        self.system.registry.remove(self)
        for watcher in self._watchers:
            watcher.deliver_down(self.ref, exit)
            watcher._watching.discard(self)
        self._watchers.clear()
        for watched in self._watching:
            watched._watchers.discard(self)
        self._watching.clear()

    # -- watching --------------------------------------------------------------------------------------------------

    def watch(self, ref: Ref) -> None:
        """Deliver a `Down` here when `ref` ends for good, or now if it has ended."""
        if Down not in self.handlers:
            raise self._unhandled(Down)
        other = ref.cell
        if other.ended.is_set:
            self.deliver_down(ref, other.ended.value)
        else:
            other._watchers.add(self)
            self._watching.add(other)

    def deliver_down(self, ref: Ref, exit: Exit) -> None:
        """Put a `Down` into the control lane; there are at most as many as there are watched actors."""
        if not self.control.closed:
            self.control.force(Down(ref, exit))
            self._serve_control()

    # -- what callers do -------------------------------------------------------------------------------------------

    async def post(self, entry: Message | Call, message: Message, timeout: float) -> None:
        """Put something into the mailbox, waiting for room as the policy says, but not longer than `timeout`."""
        if message.__class__ not in self.handlers:
            raise self._unhandled(message.__class__)
        lane = self.lane_of(message)
        if not message.control and lane.has_room():  # only the budget is spent
            await pass_turn()
            if lane.offer(entry):
                return
        elif len(lane) >= lane.capacity:
            self._report_overload()
        try:
            with fail_after(timeout):
                await lane.send(entry)
        except (ChannelClosed, ChannelBroken):
            raise self._died() from None
        except TimeoutError:
            raise DeadlineExceeded(self.path, type(message).__qualname__, timeout) from None
        if message.control:
            self._serve_control()

    def post_nowait(self, message: Message) -> None:
        """See `Ref.tell_nowait`."""
        if message.__class__ not in self.handlers:
            raise self._unhandled(message.__class__)
        try:
            self.lane_of(message).send_nowait(message)
        except (ChannelClosed, ChannelBroken):
            raise self._died() from None
        except ChannelFull:
            self._report_overload()
            raise
        if message.control:
            self._serve_control()

    async def ask(self, request: Message, timeout: float) -> Any:
        """See `Ref.ask`."""
        system = self.system
        asker = current_worker.get()
        call = Ask(self.path, request, timeout, self.deadline_of(timeout))
        blocked = self._enter_wait(asker.cell, request) if asker is not None and asker.blocks else None
        system.deadlines.add(call)
        try:
            if request.control or request.__class__ not in self.handlers or not self.data.offer(call):
                await self.post(call, request, timeout)
            return await call.outcome()
        except BaseException:
            call.abandon()
            raise
        finally:
            system.deadlines.remove(call)
            if blocked is not None:
                self._leave_wait(blocked)

    async def begin(self, call: Streaming, timeout: float) -> Callable[[], None]:
        """Put a streaming call into the mailbox; return what to call when the caller leaves."""
        asker, request = current_worker.get(), call.message
        blocked = self._enter_wait(asker.cell, request) if asker is not None and asker.blocks else None
        self.system.deadlines.add(call)

        def leave() -> None:
            call.abandon()
            self.system.deadlines.remove(call)
            if blocked is not None:
                self._leave_wait(blocked)

        try:
            if request.control or request.__class__ not in self.handlers or not self.data.offer(call):
                await self.post(call, request, timeout)
        except BaseException:
            leave()
            raise
        return leave

    def deadline_of(self, timeout: float) -> float:
        """When a call made now ends: after `timeout` seconds, or with the call on whose behalf it is made."""
        deadline = self.system.now() + timeout
        asker = current_worker.get()
        if asker is not None and asker.call is not None:
            return min(deadline, asker.call.deadline)
        return deadline

    def patience(self, request: Message, timeout: float) -> Patience | None:
        """Return how long a caller waits for each item of its answer; None is for ever."""
        if timeout == math.inf:
            return None
        return Patience(self.system.deadlines, timeout, self.path, type(request).__qualname__)

    def lane_of(self, message: Message) -> Channel[Any]:
        """Return the lane a message travels in."""
        return self.control if message.control else self.data

    def _serve_control(self) -> None:
        if self.incarnation is not None:
            self.incarnation.serve_control()

    def _died(self) -> ActorDied:
        return ActorDied(self.path, self.ended.value if self.ended.is_set else SHUTDOWN)

    def _unhandled(self, message: type[Message]) -> Unhandled:
        return Unhandled(self.path, message.__qualname__, tuple(sorted(m.__qualname__ for m in self.handlers)))

    def _report_overload(self) -> None:
        now = self.system.now()
        if now >= self._quiet_until:
            self._quiet_until = now + OVERLOAD_REPORTS
            self.system.emit(events.Overloaded(path=self.path, capacity=self.data.capacity))

    # -- ask cycles ------------------------------------------------------------------------------------------------

    def _enter_wait(self, asker: "Cell", request: Message) -> "Cell | None":
        """Note that `asker`, which serves one call at a time, waits for this actor; refuse if that closes a cycle."""
        if request.control:  # the control lane is served whatever the actor is working on
            return None
        if cycle := asker._path_from(self):
            raise AskCycle((asker.path, *cycle))
        asker.waits_for[self] = asker.waits_for.get(self, 0) + 1
        return asker

    def _leave_wait(self, asker: "Cell") -> None:
        asker.waits_for[self] -= 1
        if not asker.waits_for[self]:
            del asker.waits_for[self]

    def _path_from(self, start: "Cell") -> list[str] | None:
        """Return the names from `start` to this actor along the waits there are now, or None."""
        came_from: dict[Cell, Cell | None] = {start: None}
        queue = [start]
        for cell in queue:
            if cell is self:
                names: list[str] = []
                step: Cell | None = cell
                while step is not None:
                    names.insert(0, step.path)
                    step = came_from[step]
                return names
            for following in cell.waits_for:
                if following not in came_from:
                    came_from[following] = cell
                    queue.append(following)
        return None

    # -- looking at it ---------------------------------------------------------------------------------------------

    def statistics(self) -> ActorStatistics:
        """Take a snapshot of its counters."""
        return ActorStatistics(
            handled=self.data.received + self.control.received,
            failed=self.failed,
            in_flight=self.incarnation.in_flight if self.incarnation is not None else 0,
            mailbox=self.data.statistics(),
            control=self.control.statistics(),
        )
