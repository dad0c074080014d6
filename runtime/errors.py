"""Everything the runtime raises.

::

    RuntimeFault (never raised itself)
    ├── ActorDied               the actor ended while, or before, it could answer
    ├── DeadlineExceeded        the call's deadline passed (also a TimeoutError)
    ├── AskCycle                this ask would wait for itself
    ├── Unhandled               the actor has no handler for this kind of message (also a TypeError)
    ├── ChannelClosed           you, or somebody on your side, closed this channel
    ├── ChannelBroken           the other side of the channel is gone
    ├── ChannelFull             no room, and the overflow policy is REJECT
    │   └── WouldBlock          no room, or nothing there, and the call was told not to wait
    ├── EndOfChannel            the channel ended, and nothing is wrong
    ├── NameTaken               a sibling has that name
    ├── NoSuchName              nothing is registered under that name
    ├── TooManyChildren         a supervisor has as many as it may have
    ├── StartFailed             a child did not become ready; the reason is its ``__cause__``
    ├── RestartLimitExceeded    a supervisor gave up; the last crash is its ``__cause__``
    ├── StrayCancellation       a CancelledError came up that nobody had sent; see its docstring
    ├── InvalidActor            an actor class, a message class or a child specification is wrong (also a TypeError)
    ├── NotSendable             a message, reply or item can't travel to another process (also a TypeError)
    ├── WorkerLost              a worker process ended, hung or hung up, unasked
    ├── ProtocolError           a worker process sent what the protocol does not allow
    └── RemoteError             a handler in a worker process raised something that can't be built again here

The type says who did it: ``...Closed`` was you, ``...Died`` and ``...Broken`` were they, ``End...`` is no fault at all.
"""

from .exits import Exit


class RuntimeFault(Exception):
    """Base of everything the runtime raises; never raised itself."""


class ActorDied(RuntimeFault):
    """The actor ended: in flight or queued, this call will get no other answer."""

    def __init__(self, actor: str, exit: Exit) -> None:
        super().__init__(actor, exit)
        self.actor = actor
        self.exit = exit

    def __str__(self) -> str:
        return f"actor {self.actor!r} ended: {self.exit}"


class DeadlineExceeded(RuntimeFault, TimeoutError):
    """The deadline of a call passed before its answer was there."""

    def __init__(self, actor: str, request: str, timeout: float) -> None:
        super().__init__(actor, request, timeout)
        self.actor = actor
        self.request = request
        self.timeout = timeout

    def __str__(self) -> str:
        return f"{self.actor!r} did not answer {self.request} within {self.timeout:g} s"


class AskCycle(RuntimeFault):
    """Actors that serve one call at a time would wait for each other, for ever."""

    def __init__(self, cycle: tuple[str, ...]) -> None:
        super().__init__(cycle)
        self.cycle = cycle

    def __str__(self) -> str:
        return (
            f"ask cycle: {' -> '.join(self.cycle)}. Each of them serves one call at a time and waits for the next. "
            "Use tell for one of the steps, answer from the handler's own data, or give an actor max_concurrency > 1."
        )


class Unhandled(RuntimeFault, TypeError):
    """The actor has no handler for this kind of message."""

    def __init__(self, actor: str, message: str, handled: tuple[str, ...]) -> None:
        super().__init__(actor, message, handled)
        self.actor = actor
        self.message = message
        self.handled = handled

    def __str__(self) -> str:
        return f"{self.actor!r} has no handler for {self.message}; it handles {', '.join(self.handled) or 'nothing'}"


class ChannelClosed(RuntimeFault):
    """The channel was closed: nothing more can be sent."""


class ChannelBroken(RuntimeFault):
    """The other side is gone: what is sent would never be read, or what is awaited never be sent."""


class ChannelFull(RuntimeFault):
    """There is no room, and the channel's overflow policy is to refuse."""


class WouldBlock(ChannelFull):
    """The operation would have to wait, and was told not to."""


class EndOfChannel(RuntimeFault):
    """The channel was closed and everything in it has been received."""


class NameTaken(RuntimeFault):
    """A child of that name is there already."""


class NoSuchName(RuntimeFault, LookupError):
    """Nothing is registered under that name."""


class TooManyChildren(RuntimeFault):
    """A supervisor has as many children as its specification allows; try another one, or later."""

    def __init__(self, supervisor: str, most: int) -> None:
        super().__init__(supervisor, most)
        self.supervisor = supervisor
        self.most = most

    def __str__(self) -> str:
        return f"supervisor {self.supervisor!r} has {self.most} children, as many as max_children allows"


class StartFailed(RuntimeFault):
    """A child ended before it was ready."""

    def __init__(self, name: str, exit: Exit) -> None:
        super().__init__(name, exit)
        self.name = name
        self.exit = exit

    def __str__(self) -> str:
        return f"{self.name!r} did not start: {self.exit}"


class RestartLimitExceeded(RuntimeFault):
    """More restarts than a supervisor's intensity allows in its period."""

    def __init__(self, supervisor: str, child: str, intensity: int, period: float) -> None:
        super().__init__(supervisor, child, intensity, period)
        self.supervisor = supervisor
        self.child = child
        self.intensity = intensity
        self.period = period

    def __str__(self) -> str:
        return (
            f"supervisor {self.supervisor!r} gives up: more than {self.intensity} restarts in {self.period:g} s, "
            f"the last of {self.child!r}"
        )


class StrayCancellation(RuntimeFault):
    """An actor awaited something that somebody else cancelled: a crash, because nobody had cancelled the actor.

    On asyncio that raises a `CancelledError` which looks like a cancellation of the waiting task. Where it may happen,
    catch it at the ``await``.
    """

    def __init__(self, actor: str) -> None:
        super().__init__(actor)
        self.actor = actor

    def __str__(self) -> str:
        return f"{self.actor!r} awaited something that was cancelled, though the actor itself was not"


class InvalidActor(RuntimeFault, TypeError):
    """An actor class, a message class or a child specification is wrong; the text says what to write instead."""


class NotSendable(RuntimeFault, TypeError):
    """A message, a reply or an item of a stream can't travel to another process: it is no data, or too long."""


class WorkerLost(RuntimeFault):
    """A worker process ended, hung or hung up, without having been asked to."""

    def __init__(self, actor: str, how: str) -> None:
        super().__init__(actor, how)
        self.actor = actor
        self.how = how

    def __str__(self) -> str:
        return f"the worker process of {self.actor!r} {self.how}"


class ProtocolError(RuntimeFault):
    """The other process sent what the protocol does not allow: it is not what it should be, or of another version."""


class RemoteError(RuntimeFault):
    """A handler in a worker process raised something that can't be built again here; a note has the traceback."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error
        """Its class, as ``module:qualified.name``."""

    def __str__(self) -> str:
        return f"{self.error.replace(':', '.')} was raised in a worker process"
