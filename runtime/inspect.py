"""What is running: the supervision tree as data, and as a picture for terminals."""

import math
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from .cell import ActorStatistics, Cell
from .exits import Crashed
from .life import Child, State
from .supervision import Supervisor
from .system import System


class Node(Struct, frozen=True, kw_only=True):
    """One actor or supervisor at one moment."""

    name: str
    """Its own name; the path is made of those from the root on."""
    path: str
    kind: Literal["actor", "supervisor"]
    type: str
    """The actor's class, or the supervisor's strategy."""
    state: State
    restarts: int
    """How often it was started again since it was added."""
    last_error: str | None = None
    """The type of the error that its last life ended with, if it did; never the error's text."""
    backing_off: float | None = None
    """Seconds until its next life begins, while it is backing off."""
    statistics: ActorStatistics | None = None
    """An actor's counters: mailbox depths and high-water marks, messages handled, calls in flight."""
    children: tuple["Node", ...] = ()
    """A supervisor's children, in the order of their start."""


def inspect(system: System) -> Node:
    """Take a snapshot of the whole tree."""
    return _node(system.child, system.now())


def _node(child: Child, now: float) -> Node:
    body, exit = child.body, child.last_exit
    return Node(
        name=child.spec.name,
        path=body.path,
        kind="actor" if isinstance(body, Cell) else "supervisor",
        type=body.spec.actor.__qualname__ if isinstance(body, Cell) else body.spec.strategy.value,
        state=child.state,
        restarts=max(0, child.lives - 1),
        last_error=type(exit.error).__qualname__ if isinstance(exit, Crashed) else None,
        backing_off=None if child.backing_off_until == math.inf else max(0.0, child.backing_off_until - now),
        statistics=body.statistics() if isinstance(body, Cell) else None,
        children=tuple(_node(each, now) for each in body.children) if isinstance(body, Supervisor) else (),
    )


_COLOURS = {
    State.RUNNING: "32",
    State.STARTING: "36",
    State.STOPPING: "33",
    State.BACKING_OFF: "33",
    State.ENDED: "31",
}


def render(node: Node, *, colour: bool = False) -> str:
    """Draw a tree with a line for each node.

    Args:
        node: The root of what to draw.
        colour: Whether to colour states with ANSI escapes.
    """
    return "\n".join(_lines(node, "", "", colour=colour))


def _lines(node: Node, lead: str, below: str, *, colour: bool) -> Iterator[str]:
    """Draw a node after `lead`, and its children after `below`."""
    state = f"\x1b[{_COLOURS[node.state]}m{node.state.value}\x1b[0m" if colour else node.state.value
    yield lead + "  ".join([node.name, f"({node.type})", state, *_remarks(node)])
    for number, child in enumerate(node.children, 1):
        last = number == len(node.children)
        yield from _lines(child, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "), colour=colour)


def _remarks(node: Node) -> Iterator[str]:
    """Say what is worth a look: nothing, of a node that is well and idle."""
    if node.backing_off is not None:
        yield f"for {node.backing_off:.1f} s"
    if node.restarts:
        yield f"restarted {node.restarts}x"
    if node.last_error is not None:
        yield f"after {node.last_error}"
    if node.statistics is not None:
        mailbox = node.statistics.mailbox
        if node.statistics.in_flight:
            yield f"{node.statistics.in_flight} in flight"
        if mailbox.depth or mailbox.dropped:
            yield f"mailbox {mailbox.depth}/{mailbox.capacity}"
        if mailbox.dropped:
            yield f"{mailbox.dropped} dropped"
        if node.statistics.handled:
            yield f"{node.statistics.handled} handled"
