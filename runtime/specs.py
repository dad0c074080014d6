"""What a supervisor is told about its children: plain data, made once, from which every incarnation is built."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias, TypeVarTuple

from .actor import Actor
from .channel import Overflow
from .errors import InvalidActor
from .host import IN_PROCESS, Host
from .restart import Backoff, Restart

Ts = TypeVarTuple("Ts")


class Strategy(Enum):
    """Which children are restarted when one of them ends."""

    ONE_FOR_ONE = "one_for_one"
    """Only that one."""
    ONE_FOR_ALL = "one_for_all"
    """All of them: they are of no use without each other."""
    REST_FOR_ONE = "rest_for_one"
    """That one and those started after it: they depend on it."""
    DYNAMIC = "dynamic"
    """Only that one; children come and go in any number, and are stopped all at once."""


class AutoShutdown(Enum):
    """Whether a supervisor ends when its significant children do."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    ALL_SIGNIFICANT = "all_significant"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """What is common to actors and supervisors as children."""

    name: str
    """Unique among its siblings."""
    restart: Restart = Restart.PERMANENT
    """Which endings make its supervisor start it again."""
    shutdown: float = 5.0
    """Seconds it has to stop when asked to; then it is cancelled."""
    start_timeout: float = 30.0
    """Seconds it has to become ready."""
    backoff: Backoff = field(default_factory=Backoff)
    """How long to wait before each restart."""
    significant: bool = False
    """Whether its end counts for its supervisor's `AutoShutdown`."""

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name:
            raise InvalidActor(f"a child's name is not empty and has no slash, unlike {self.name!r}")
        if not (self.shutdown >= 0 and self.start_timeout > 0):
            raise InvalidActor(f"{self.name!r}: shutdown ≥ 0 and start_timeout > 0 must hold")
        if self.significant and self.restart is Restart.PERMANENT:
            raise InvalidActor(f"{self.name!r} is significant, so it can't be permanent: it would never end")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorSpec(ChildSpec):
    """One actor."""

    factory: Callable[..., Actor]
    """Builds a fresh object for every incarnation: an actor class, or a function that returns an actor."""
    arguments: tuple[Any, ...] = ()
    """What `factory` is called with."""
    actor: type[Actor]
    """The class whose handlers serve the messages."""
    capacity: int = 256
    """Messages its mailbox holds."""
    overflow: Overflow = Overflow.BLOCK
    """What a full mailbox does with one more."""
    max_concurrency: int = 1
    """Messages it works on at a time."""
    capabilities: frozenset[str] = frozenset()
    """What it can do beyond the messages it handles, such as ``"language:de"``."""
    host: Host = IN_PROCESS
    """Where it lives."""

    def __post_init__(self) -> None:
        ChildSpec.__post_init__(self)
        if self.capacity < 1 or self.max_concurrency < 1:
            raise InvalidActor(f"{self.name!r}: capacity and max_concurrency are at least 1")
        self.actor.handlers()  # so that what is wrong with the class is said here and not at its first start
        self.host.check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorSpec(ChildSpec):
    """A supervisor and the children it begins with."""

    children: tuple["AnySpec", ...] = ()
    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: int = 3
    """Restarts allowed in any `period`; one more, and it stops its children and ends."""
    period: float = 5.0
    """Seconds."""
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER
    max_children: int = 10_000
    """Children it accepts."""
    shutdown: float = math.inf  # the children's own deadlines bound its end, and its start
    start_timeout: float = math.inf

    def __post_init__(self) -> None:
        ChildSpec.__post_init__(self)
        counts = Counter(child.name for child in self.children)
        if doubled := ", ".join(sorted(name for name, count in counts.items() if count > 1)):
            raise InvalidActor(f"supervisor {self.name!r} has two children of the same name: {doubled}")
        if self.intensity < 0 or not self.period > 0:
            raise InvalidActor(f"supervisor {self.name!r}: intensity ≥ 0 and period > 0 must hold")
        if len(self.children) > self.max_children:
            count = f"{len(self.children)} children, more than max_children={self.max_children} allows"
            raise InvalidActor(f"supervisor {self.name!r} has {count}")
        for child in self.children:
            self.check(child)

    def check(self, child: "AnySpec") -> None:
        """Check that `child` may be a child of this supervisor.

        Raises:
            InvalidActor: It may not.
        """
        if child.significant and self.auto_shutdown is AutoShutdown.NEVER:
            raise InvalidActor(f"{child.name!r} is significant, but supervisor {self.name!r} has no auto_shutdown")


AnySpec: TypeAlias = ActorSpec | SupervisorSpec


def child(
    factory: Callable[[*Ts], Actor],
    *arguments: *Ts,
    name: str,
    restart: Restart = Restart.PERMANENT,
    shutdown: float = 5.0,
    start_timeout: float = 30.0,
    backoff: Backoff | None = None,
    significant: bool = False,
    capacity: int | None = None,
    overflow: Overflow | None = None,
    max_concurrency: int | None = None,
    capabilities: frozenset[str] | set[str] = frozenset(),
    actor: type[Actor] | None = None,
    host: Host = IN_PROCESS,
) -> ActorSpec:
    """Describe an actor as a child: ``child(Greeter, "hello", name="greeter")``.

    Args:
        factory: The actor's class, or a function that builds the actor (then say which class as `actor`).
        arguments: What the factory is called with, at every start.
        name: Unique among its siblings.
        restart: See `Restart`.
        shutdown: Seconds it has to stop when asked to.
        start_timeout: Seconds it has to become ready.
        backoff: See `Backoff`.
        significant: Whether its end counts for its supervisor's `AutoShutdown`.
        capacity: Messages its mailbox holds; the class's `Actor.capacity` if not given.
        overflow: See `Overflow`; the class's `Actor.overflow` if not given.
        max_concurrency: Messages it works on at a time; the class's `Actor.max_concurrency` if not given.
        capabilities: What it can do beyond the messages it handles; added to the class's `Actor.capabilities`.
        actor: The class, where `factory` is not one.
        host: Where it lives: in this process, or in one of its own (`Process`).

    Raises:
        InvalidActor: Something about the class or the options is wrong.
    """
    cls = factory if isinstance(factory, type) else actor
    if cls is None or not issubclass(cls, Actor):
        raise InvalidActor(f"{factory!r} is not an Actor class; give the class it builds as actor=...")
    return ActorSpec(
        factory=factory,
        arguments=arguments,
        actor=cls,
        name=name,
        restart=restart,
        shutdown=shutdown,
        start_timeout=start_timeout,
        backoff=backoff or Backoff(),
        significant=significant,
        capacity=cls.capacity if capacity is None else capacity,
        overflow=cls.overflow if overflow is None else overflow,
        max_concurrency=cls.max_concurrency if max_concurrency is None else max_concurrency,
        capabilities=cls.capabilities | capabilities,
        host=host,
    )


def supervisor(
    name: str,
    *children: AnySpec,
    strategy: Strategy = Strategy.ONE_FOR_ONE,
    intensity: int = 3,
    period: float = 5.0,
    restart: Restart = Restart.PERMANENT,
    backoff: Backoff | None = None,
    significant: bool = False,
    start_timeout: float = math.inf,
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER,
    max_children: int = 10_000,
) -> SupervisorSpec:
    """Describe a supervisor: ``supervisor("speech", child(...), child(...), strategy=Strategy.ONE_FOR_ALL)``.

    Args:
        name: Unique among its siblings.
        children: Started in this order, stopped in the reverse.
        strategy: See `Strategy`.
        intensity: Restarts allowed in any `period`.
        period: Seconds.
        restart: See `Restart`; for the supervisor itself, when it has given up.
        backoff: See `Backoff`; likewise.
        significant: Whether its end counts for its own supervisor's `AutoShutdown`.
        start_timeout: Seconds it has to become ready, all its children included; theirs bound it if not given.
        auto_shutdown: See `AutoShutdown`.
        max_children: Children it accepts.

    Raises:
        InvalidActor: Names or options are wrong.
    """
    return SupervisorSpec(
        name=name,
        children=children,
        strategy=strategy,
        intensity=intensity,
        period=period,
        restart=restart,
        backoff=backoff or Backoff(),
        significant=significant,
        start_timeout=start_timeout,
        auto_shutdown=auto_shutdown,
        max_children=max_children,
    )
