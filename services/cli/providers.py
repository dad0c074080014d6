"""``troupe providers``: which providers there are, whether they can be used, and how they do in a running server."""

import os
from pathlib import Path
from typing import Annotated, Final

import anyio
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...actors.inference.catalogue import ENGINES, models_folder
from ..choice import Choice, with_keys
from ..config import ConfigError, read_config
from ..health import Health, check
from ..kinds.kind import Kind
from ..kinds.registry import KINDS
from .failing import MISCONFIGURED, fail
from .live import Unreadable, live
from .startup import STYLES
from .talk import KEY_VARIABLE

ENGINE_STYLES: Final = {"ready": "green", "needs the model": "yellow", "needs the package": "dim"}


def providers(
    url: Annotated[str | None, Parameter(help="A server, to see how its providers do.")] = None,
    *,
    key: Annotated[str, Parameter(help=f"The server's key; {KEY_VARIABLE} if not given.", show_default=False)] = "",
    config: Annotated[Path | None, Parameter(help="Configuration file; else troupe.toml, if it is there.")] = None,
    ask: Annotated[bool, Parameter(help="Ask those whose keys are here whether they work.")] = True,
) -> None:
    """Show every kind of provider: what it does, whether its key or model is here, and whether it works.

    Keys are never shown. With the address of a server: its providers' calls, errors, retries, times to connect and to
    the first of an answer, circuit breakers, what was used and what it cost, since it was started.
    """
    console = Console(highlight=False)
    if url is not None:
        try:
            console.print(live(url, key or os.environ.get(KEY_VARIABLE, "")))
        except Unreadable as error:
            fail(str(error), 1)
        return
    try:
        configuration, _ = read_config(config, environ=os.environ)
        links = with_keys(configuration, os.environ)
        asked = anyio.run(check, Choice(links=links)) if links and ask else {}
    except ConfigError as error:
        fail(str(error), MISCONFIGURED)
    health = {link.provider: asked[link.path] for link in links if link.path in asked}
    console.print(_table(health))


def _table(health: dict[str, Health]) -> Table:
    table = Table("provider", "does", "key", "installed", "health", box=None, padding=(0, 2, 0, 0))
    for kind in KINDS.values():
        table.add_row(
            Text(kind.name, "bold"), ", ".join(kind.works), _key(kind), _installed(kind), _health(kind, health)
        )
    for name in health.keys() - KINDS.keys():
        table.add_row(Text(name, "bold"), "", "configured", "yes", _said(health[name]))
    return table


def _key(kind: Kind) -> Text:
    if not kind.key:
        return Text("needs none", "dim")
    return Text("found", "green") if os.environ.get(kind.key) else Text(f"set {kind.key}", "yellow")


def _installed(kind: Kind) -> Text:
    """Say whether its package and weights are here, and if not, what fetches them."""
    if not kind.engine:
        return Text("yes", "green")
    engine = ENGINES[kind.engine]
    match state := engine.state(models_folder()):
        case "ready":
            step = "yes"
        case "needs the model":
            step = f"troupe models pull {engine.name}"
        case "needs the package":
            step = f"pip install 'troupe[{engine.extra}]'"
    return Text(step, ENGINE_STYLES[state])


def _health(kind: Kind, health: dict[str, Health]) -> Text:
    if kind.name in health:
        return _said(health[kind.name])
    if kind.engine:
        return Text("ready", "green") if ENGINES[kind.engine].state(models_folder()) == "ready" else Text("")
    return Text("")


def _said(health: Health) -> Text:
    return Text(f"{health.state}: {health.remark}" if health.remark else health.state, STYLES[health.state])
