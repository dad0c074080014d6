"""The actor: one class, one task tree, one bounded mailbox, one supervisor."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, ClassVar, TypeVarTuple

from .channel import Overflow
from .errors import InvalidActor
from .handlers import Handler, find_handlers
from .messages import Message

if TYPE_CHECKING:
    from .incarnation import Incarnation
    from .ref import Ref
    from .system import System

Ts = TypeVarTuple("Ts")


class Context:
    """What an actor can reach of the runtime: itself, its system, its own tasks. One per incarnation."""

    __slots__ = ("_incarnation",)

    def __init__(self, incarnation: "Incarnation") -> None:
        self._incarnation = incarnation

    @property
    def ref(self) -> "Ref":
        """The reference to this actor, to give away. It survives restarts."""
        return self._incarnation.cell.ref

    @property
    def system(self) -> "System":
        """The system it runs in."""
        return self._incarnation.cell.system

    def start_soon(self, function: Callable[[*Ts], Awaitable[None]], *arguments: *Ts) -> None:
        """Run a task of the actor's own beside its handlers.

        It is cancelled when the actor stops, and an error in it crashes the actor.

        Raises:
            InvalidActor: The actor is not ready yet (tasks that a lifespan needs are its own business), or stopping.
        """
        self._incarnation.start_soon(function, *arguments)

    def stop(self) -> None:
        """End this incarnation after the message it is working on, with exit reason `Normal`.

        A permanent actor is started again by its supervisor; what is in the mailbox waits for the next incarnation.
        """
        self._incarnation.stop_normally()

    def crash(self, error: Exception) -> None:
        """End this incarnation at once with `error`: callers get `ActorDied`, whatever is running is cancelled.

        For errors that come up elsewhere, such as in a callback of a library; a handler or a task raises its own.
        """
        self._incarnation.crash(error)

    def watch(self, ref: "Ref") -> None:
        """Get a `Down` message as soon as the other actor ends for good; at once if it has ended already.

        Raises:
            Unhandled: This actor has no handler for `Down`.
        """
        self._incarnation.cell.watch(ref)


class Actor:
    """Base of all actors. A subclass declares handlers; see `troupe.runtime.handlers` for how they are found.

    ::

        class Counter(Actor):
            def __init__(self) -> None:
                self.total = 0

            def add(self, message: Add) -> None:
                self.total += message.amount

            async def report(self, request: Total) -> int:
                return self.total

    A fresh object is built for every incarnation, so state never survives a crash; the mailbox does.
    """

    capacity: ClassVar[int] = 256
    """Messages the mailbox holds."""
    overflow: ClassVar[Overflow] = Overflow.BLOCK
    """What a full mailbox does with one more message."""
    max_concurrency: ClassVar[int] = 1
    """Messages it works on at a time. Messages of the control lane come beside these."""
    fatal: ClassVar[tuple[type[Exception], ...]] = ()
    """Errors that crash the actor even when a caller is there to receive them: its state can't be trusted any more."""
    capabilities: ClassVar[frozenset[str]] = frozenset()
    """What it can do beyond the messages it handles, such as ``"language:de"``; see `Registry.find`."""

    _handlers: ClassVar[Mapping[type[Message], Handler] | None] = None
    _context: Context | None = None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._handlers = None

    @classmethod
    def handlers(cls) -> Mapping[type[Message], Handler]:
        """Return what handles what; found once per class.

        Raises:
            InvalidActor: A handler does not fit its message.
        """
        if cls._handlers is None:
            cls._handlers = find_handlers(cls)
        return cls._handlers

    @property
    def context(self) -> Context:
        """This incarnation's context; there from the beginning of `lifespan` on.

        Raises:
            InvalidActor: It is asked for too early, in ``__init__``.
        """
        if self._context is None:
            raise InvalidActor(f"{type(self).__qualname__} has no context yet: it is there from lifespan() on")
        return self._context

    def enter_context(self, context: Context) -> None:
        """Give the actor its context; the runtime does this once, before `lifespan`."""
        self._context = context

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Open what the actor needs, yield, and close it again; the actor is ready once it has been entered.

        It is entered and left in one task, also when the actor crashes, so task groups and cancel scopes are welcome in
        it. An error before the yield is a failed start; after it, a crash.
        """
        yield
