"""How services are shown: a table that keeps up with them, or a line for each change where nobody watches."""

from collections.abc import Sequence
from typing import Final

from anyio import create_task_group
from msgspec.structs import replace
from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ...runtime import System
from ...runtime.inspect import Node, inspect
from ...runtime.life import State as ChildState
from ..docker.status import Replica, State, Status, any_change

STYLES: Final[dict[State, str]] = {
    State.HEALTHY: "green",
    State.STARTING: "cyan",
    State.PULLING: "cyan",
    State.BUILDING: "cyan",
    State.UNHEALTHY: "yellow",
    State.DRAINING: "yellow",
    State.BACKING_OFF: "yellow",
    State.FAILED: "bold red",
    State.ABSENT: "dim",
    State.STOPPED: "dim",
}
TICK: Final = 1.0
"""Seconds after which the table is drawn anew, whatever happens: a backoff goes by without a change."""


def table(statuses: Sequence[Status]) -> Table:
    """Return services as a table."""
    shown = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("service", "state", "where", "starts"):
        shown.add_column(title, no_wrap=True)
    shown.add_column("", overflow="fold")
    for status in statuses:
        name = f"{status.service} {status.replica}" if status.replica else status.service
        where = ", ".join(f"{port}: {place.url()}" for port, place in status.places.items())
        state = Text(status.state.value, STYLES[status.state])
        shown.add_row(Text(name, "bold"), state, where, str(status.starts or ""), _progress(status))
    return shown


def _progress(status: Status) -> RenderableType:
    if status.done is None:
        return Text(status.remark, "dim")
    bar = Table.grid(padding=(0, 1))
    bar.add_row(ProgressBar(total=1, completed=status.done, width=30), Text(status.remark, "dim", no_wrap=True))
    return bar


def present(replicas: Sequence[Replica], system: System | None) -> list[Status]:
    """Return how services are, and of those that failed whether they will be started again."""
    waiting = dict(_backing_off(inspect(system))) if system is not None else {}
    return [_with_backoff(each.status, waiting.get(each.path)) for each in replicas]


def _with_backoff(status: Status, left: float | None) -> Status:
    if left is None or status.state is not State.FAILED:
        return status
    return replace(status, state=State.BACKING_OFF, remark=f"again in {left:.1f} s; {status.remark}")


def _backing_off(node: Node) -> list[tuple[str, float]]:
    own = [(node.path, node.backing_off or 0.0)] if node.state is ChildState.BACKING_OFF else []
    return own + [entry for child in node.children for entry in _backing_off(child)]


class Watching:
    """Shows services for as long as `run` goes on."""

    def __init__(self, console: Console, replicas: Sequence[Replica]) -> None:
        self.system: System | None = None
        self._console = console
        self._replicas = replicas

    async def run(self) -> None:
        """Show them until cancelled."""
        if self._console.is_terminal:
            await self._draw()
        else:
            async with create_task_group() as tasks:
                for replica in self._replicas:
                    tasks.start_soon(self._tell, replica)

    async def _draw(self) -> None:
        with Live(console=self._console, auto_refresh=False) as live:
            try:
                while True:
                    live.update(table(present(self._replicas, self.system)), refresh=True)
                    await any_change(self._replicas, TICK)
            finally:
                live.update(table(present(self._replicas, self.system)), refresh=True)

    async def _tell(self, replica: Replica) -> None:
        told = ""
        while True:
            status = replica.status
            where = " ".join(place.url() for place in status.places.values())
            line = " ".join(filter(None, (f"{status.service}:", status.state.value, where, status.remark)))
            if line != told and status.done is None and status.state is not State.ABSENT:
                self._console.print(line, soft_wrap=True)
                told = line
            await replica.changed()
