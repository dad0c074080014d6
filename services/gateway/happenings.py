"""What happens to the actors of a server, for whoever watches: the side channel of the playground and the terminal.

It is one response that never ends, a JSON object a line: ``{"type": "actors", ...}`` with the state of every actor
whenever that has changed, and ``{"type": "event", ...}`` when something happened to one. Nothing in it comes from a
conversation. The protocol of the session knows nothing of it, and clients that do not ask for it get nothing.
"""

from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
from anyio import move_on_after
from msgspec import Struct

from ...actors.routing.events import CircuitClosed, CircuitOpened, ProviderReplaced, ProviderUnusable
from ...runtime import Channel, Overflow, System
from ...runtime.events import Crashed, Event, Restarting
from ...runtime.inspect import Node, inspect
from ..cast import CASTS

INTERVAL: Final = 0.5
"""Seconds between two looks at the tree."""
HEARTBEAT: Final = 15.0
"""Seconds after which an unchanged tree is told again, so that a connection that is gone is noticed."""
BEHIND: Final = 64
"""Events that may wait for one watcher; then it misses the oldest."""
WATCHERS: Final = 64
"""How many may watch at once."""


class ActorLine(Struct, frozen=True, kw_only=True):
    """One actor or supervisor."""

    path: str
    state: str
    restarts: int
    sessions: int | None = None
    """Of the supervisors of sessions, and of actors that are one session's: how many there are. They are not listed one
    by one, but for the watcher's own."""


class Actors(Struct, frozen=True, tag_field="type", tag="actors"):
    """All of them, in the order of their start."""

    actors: tuple[ActorLine, ...]
    model: str
    """What clients see as the model."""


class Happening(Struct, frozen=True, kw_only=True, tag_field="type", tag="event"):
    """Something that happened to one."""

    name: str
    """The kind of the event."""
    path: str
    text: str
    """For people."""
    replaced: bool = False
    """Whether a provider was replaced in the middle of a call."""
    provider: str = ""
    """The path of the provider's actor, where it is about one."""


def _named(path: str) -> str:
    """Return what an actor is called for people, who need no ids of sessions."""
    return f"this session's {path.rpartition('/')[2]}" if path.startswith(f"{CASTS}/") else path


def _text(event: Event) -> str | None:
    match event:
        case ProviderReplaced(by=""):
            return f"{_named(event.provider)} failed ({event.code}), and there is nobody else."
        case ProviderReplaced():
            return f"{_named(event.provider)} failed ({event.code}); {_named(event.by)} goes on."
        case ProviderUnusable():
            return f"{_named(event.provider)} refuses to work for this account ({event.code})."
        case CircuitOpened():
            return f"{_named(event.provider)} is left alone for {event.seconds:.0f} s."
        case CircuitClosed():
            return f"{_named(event.provider)} answers again."
        case Crashed():
            return f"{_named(event.path)} crashed ({event.error.rpartition('.')[2]})."
        case Restarting():
            return f"{_named(event.path)} is restarted in {event.delay:.1f} s."
        case _:
            return None


class Happenings:
    """Passes on what happens. `note` belongs among the listeners of a system's events."""

    def __init__(self) -> None:
        self._watchers: dict[Channel[Happening], str] = {}  # and whose session each looks at

    def note(self, event: Event) -> None:
        """Tell all watchers, if it is of interest to them."""
        if not self._watchers or event.path.startswith("sessions/"):
            return
        text = _text(event)
        if text is None:
            return
        told = Happening(
            name=type(event).__name__,
            path=event.path,
            text=text,
            replaced=isinstance(event, ProviderReplaced),
            provider=getattr(event, "provider", ""),
        )
        for watcher, session in self._watchers.items():
            if not event.path.startswith(f"{CASTS}/") or event.path.startswith(f"{CASTS}/{session}/"):
                watcher.send_nowait(told)

    @property
    def full(self) -> bool:
        """Whether as many are watching as may."""
        return len(self._watchers) >= WATCHERS

    @contextmanager
    def watch(self, session: str = "") -> Generator[Channel[Happening]]:
        """Get what happens until the block ends; of actors that are one session's, only those of `session`."""
        channel: Channel[Happening] = Channel(BEHIND, Overflow.DROP_OLDEST)
        self._watchers[channel] = session
        try:
            yield channel
        finally:
            del self._watchers[channel]

    async def lines(
        self, system: System, model: str, gone: Callable[[], bool], session: str = ""
    ) -> AsyncGenerator[bytes]:
        """Give the lines of the side channel, until `gone` says that nobody reads them any more.

        Args:
            system: Whose actors to tell of.
            model: What clients see as the model.
            gone: Whether nobody reads any more.
            session: The id of the watcher's session, if it has one.
        """
        told: Actors | None = None
        told_at = -HEARTBEAT
        with self.watch(session) as happenings:
            while not gone():
                actors = Actors(tuple(_lines(inspect(system), session)), model)
                if actors != told or system.now() - told_at >= HEARTBEAT:
                    told, told_at = actors, system.now()
                    yield msgspec.json.encode(actors) + b"\n"
                happening: Happening | None = None
                with move_on_after(INTERVAL):
                    happening = await happenings.receive()
                if happening is not None:
                    yield msgspec.json.encode(happening) + b"\n"


def _lines(node: Node, session: str) -> Iterator[ActorLine]:
    children = node.children
    if node.path:
        each = node.path in ("sessions", CASTS)
        sessions = len(children) if each else None
        yield ActorLine(path=node.path, state=node.state.value, restarts=node.restarts, sessions=sessions)
        if each:
            children = tuple(child for child in children if node.path == CASTS and child.path == f"{CASTS}/{session}")
    for child in children:
        yield from _lines(child, session)
