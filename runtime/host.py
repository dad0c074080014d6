"""Where an actor lives: in this process, or in another one. Its reference and its supervisor need not know."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from .exits import Exit
from .incarnation import Incarnation

if TYPE_CHECKING:
    from .cell import Cell
    from .specs import ActorSpec


class AnyIncarnation(Protocol):
    """One life of an actor, wherever: it takes messages from the cell's two lanes until it is stopped, or crashes."""

    async def run(self, ready: Callable[[], None]) -> Exit:
        """Live: become ready, say so, serve, and return why it ended. Cancelling ends it at once.

        Raises:
            Exception: It could not start, or not end in good order: both are crashes.
        """
        ...

    def stop(self) -> None:
        """Finish what is being worked on, leave the rest in the mailbox, and end."""
        ...

    def serve_control(self) -> None:
        """See to it that somebody serves the control lane."""
        ...

    @property
    def in_flight(self) -> int:
        """Calls being worked on."""
        ...


class Host(Protocol):
    """Gives actors their lives."""

    def check(self, spec: "ActorSpec") -> None:
        """Raise `InvalidActor` if such an actor can't live here."""
        ...

    def incarnate(self, cell: "Cell") -> AnyIncarnation:
        """Begin a new life of the actor in `cell`; `AnyIncarnation.run` lives it."""
        ...


class InProcess:
    """In this process: a task tree under its supervisor."""

    def check(self, spec: "ActorSpec") -> None:
        """Every actor can live here."""

    def incarnate(self, cell: "Cell") -> Incarnation:
        """See `Host.incarnate`."""
        return Incarnation(cell)


IN_PROCESS = InProcess()
