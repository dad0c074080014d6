"""``troupe status``: the actors of a server, live."""

import os
from collections import deque
from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated, Any, Final

import httpx2
import msgspec
from cyclopts import Parameter
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from .failing import fail
from .talk import KEY_VARIABLE

DEFAULT: Final = "http://127.0.0.1:8000"
SILENCE: Final = 30.0
"""Seconds without a word after which the server counts as gone; it says something every 15."""
REMEMBERED: Final = 10
"""Events that stay on the screen."""
_COLOURS: Final = {
    "running": "green",
    "starting": "cyan",
    "stopping": "yellow",
    "backing_off": "yellow",
    "ended": "red",
}


def status(
    url: Annotated[str, Parameter(help="The server.")] = DEFAULT,
    *,
    once: Annotated[bool, Parameter(help="Show it once, and end; so it is in a pipe.", negative="")] = False,
    key: Annotated[str, Parameter(help=f"The server's key; {KEY_VARIABLE} if not given.", show_default=False)] = "",
) -> None:
    """Show the actors of a server, its sessions, and what happens to them, until Ctrl-C."""
    console = Console(highlight=False)
    key = key or os.environ.get(KEY_VARIABLE, "")
    address = (url if "://" in url else f"http://{url}").rstrip("/") + "/api/status"
    happenings: deque[str] = deque(maxlen=REMEMBERED)
    try:
        with httpx2.stream(
            "GET",
            address,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx2.Timeout(10, read=SILENCE),
        ) as response:
            if response.status_code != HTTPStatus.OK:
                fail(_refusal(address, response.status_code), 1)
            lines = _lines(response)
            if once or not console.is_terminal:
                console.print(_table(next(lines)))
                return
            with Live(console=console, auto_refresh=False) as live:
                shown: Table | None = None
                for line in lines:
                    if line["type"] == "actors":
                        shown = _table(line)
                    elif line["type"] == "event":
                        happenings.append(line["text"])
                    if shown is not None:
                        live.update(Group(shown, *(Text(each, style="dim") for each in happenings)), refresh=True)
        fail("the server has ended", 1)
    except httpx2.InvalidURL:
        fail(f"{url} is no address; one is like {DEFAULT}", 2)
    except httpx2.TransportError:
        fail(f"{url} can't be reached; is `troupe serve` running there?", 1)
    except KeyboardInterrupt:
        return


def _lines(response: httpx2.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        if line:
            yield msgspec.json.decode(line)


def _table(told: dict[str, Any]) -> Table:
    table = Table("actor", "state", "restarts", title=told["model"], title_justify="left")
    for actor in told["actors"]:
        *above, name = actor["path"].split("/")
        about = f"{name}: {actor['sessions']} open" if actor["sessions"] is not None else name
        state = Text(actor["state"], style=_COLOURS.get(actor["state"], ""))
        table.add_row("  " * len(above) + about, state, str(actor["restarts"] or ""))
    return table


def _refusal(address: str, status_code: int) -> str:
    if status_code == HTTPStatus.UNAUTHORIZED:
        return f"the server wants a key, or another one: set {KEY_VARIABLE}, or pass --key"
    if status_code == HTTPStatus.NOT_FOUND:
        return f"there is nothing at {address}; is it a Troupe server?"
    return f"the server refused ({status_code})"
