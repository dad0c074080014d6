"""Who is there: by path, and by what they can do.

An entry is made with the cell and removed when the cell ends for good, so a name survives any number of restarts.
"""

from typing import TYPE_CHECKING, TypeAlias

from .cell import Cell
from .errors import NoSuchName
from .messages import Message
from .ref import Ref

if TYPE_CHECKING:
    from .supervision import Supervisor

Capability: TypeAlias = type[Message] | str
"""A message class that an actor handles, or a word it was given, such as ``"language:de"``."""


class Registry:
    """The actors and supervisors of one system."""

    def __init__(self) -> None:
        self._bodies: dict[str, Cell | Supervisor] = {}
        self._able: dict[Capability, dict[Cell, None]] = {}

    def add(self, body: "Cell | Supervisor") -> None:
        """Enter an actor or a supervisor under its path; one that ended and is replaced makes room."""
        self._bodies[body.path] = body
        if isinstance(body, Cell):
            for capability in self._capabilities(body):
                self._able.setdefault(capability, {})[body] = None

    def remove(self, body: "Cell | Supervisor") -> None:
        """Remove the entry of an actor or supervisor, if it is its own."""
        if self._bodies.get(body.path) is body:
            del self._bodies[body.path]
        if isinstance(body, Cell):
            for capability in self._capabilities(body):
                able = self._able.get(capability, {})
                able.pop(body, None)
                if not able:
                    self._able.pop(capability, None)

    def ref(self, path: str) -> Ref:
        """Return the reference to the actor at `path`.

        Raises:
            NoSuchName: There is no actor at that path.
        """
        body = self._bodies.get(path)
        if not isinstance(body, Cell):
            raise NoSuchName(f"no actor is at {path!r}")
        return body.ref

    def supervisor(self, path: str) -> "Supervisor":
        """Return the supervisor at `path`; the root's path is empty.

        Raises:
            NoSuchName: There is no supervisor at that path.
        """
        body = self._bodies.get(path)
        if body is None or isinstance(body, Cell):
            raise NoSuchName(f"no supervisor is at {path!r}")
        return body

    def find(self, capability: Capability, *others: Capability) -> list[Ref]:
        """Return the actors that have all of these capabilities, in the order in which they were added."""
        able = [self._able.get(other, {}) for other in others]
        return [cell.ref for cell in self._able.get(capability, {}) if all(cell in cells for cells in able)]

    @staticmethod
    def _capabilities(cell: Cell) -> list[Capability]:
        return [*cell.handlers, *cell.spec.capabilities]
