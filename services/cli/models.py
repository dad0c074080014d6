"""``troupe models``: which models there are, and fetching local ones."""

import os
from pathlib import Path
from typing import Annotated, Final

import anyio
from anyio import create_task_group
from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from ...actors.contracts import ListModels, Model
from ...actors.errors import ProviderError
from ...actors.inference.catalogue import ENGINES, LocalEngine, ModelFile, State, models_folder
from ...actors.inference.errors import NotInstalled
from ...runtime import Ref
from ...runtime.errors import DeadlineExceeded
from ..choice import TITLES, Link, with_keys
from ..config import ConfigError, read_config
from ..config.errors import nearest
from ..health import askable
from ..kinds.registry import KINDS
from ..pulling import PullFailed, pull
from .failing import MISCONFIGURED, fail
from .fetching import fetch

PATIENCE: Final = 8.0
"""Seconds that a provider has to list its models."""
STYLES: Final[dict[State, str]] = {"ready": "green", "needs the model": "yellow", "needs the package": "dim"}

models = App(name="models", help="Show which models there are, or fetch local ones.")


@models.default
def show(
    *, config: Annotated[Path | None, Parameter(help="Configuration file; else troupe.toml, if it is there.")] = None
) -> None:
    """Show the local models, and those of the providers whose keys are here."""
    console = Console(highlight=False)
    console.print(_local(models_folder()), "", _elsewhere())
    try:
        configuration, _ = read_config(config, environ=os.environ)
        links = with_keys(configuration, os.environ)
        listed = anyio.run(_listed, links) if links else {}
    except ConfigError as error:
        fail(str(error), MISCONFIGURED)
    for provider, found in listed.items():
        console.print()
        if isinstance(found, str):
            console.print(Text.assemble((provider, "bold"), f": {found}"))
            continue
        console.print(Text.assemble((provider, "bold"), f", {len(found)} models:"))
        names = (f"{provider}/{model.id}" + (f" (until {model.until})" if model.until else "") for model in found)
        console.print(Text(", ".join(sorted(names))))


@models.command(name="pull")
def pull_model(
    name: Annotated[str, Parameter(help="A local model, such as moonshine-small, or one of ollama/MODEL.")],
    *,
    config: Annotated[Path | None, Parameter(help="Configuration file; else troupe.toml, if it is there.")] = None,
) -> None:
    """Fetch a local model, or one to where Ollama runs; what broke off goes on where it was."""
    console = Console(highlight=False)
    if "/" in name:
        try:
            fetch(name, config, console)
        except ConfigError as error:
            fail(str(error), MISCONFIGURED)
        except ProviderError as error:
            fail(f"{name}: {error}", 1)
        except KeyboardInterrupt:
            fail("interrupted; the same command goes on where it was", 130)
        return
    engine = ENGINES.get(name)
    if engine is None:
        fail(f"there is no local model {name}; {nearest(name, ENGINES)}", MISCONFIGURED)
    folder = models_folder()
    if not engine.missing(folder):
        console.print(f"{name} is here: {folder / name if engine.files else 'it needs no files'}")
        return
    try:
        _pull(engine, folder, console)
    except (PullFailed, NotInstalled) as error:
        fail(f"{name}: {error}", 1)
    except KeyboardInterrupt:
        fail("interrupted; the same command goes on where it was", 130)
    console.print(f"{name} is in {folder / name}")
    if engine.state(folder) == "needs the package":
        console.print(f"It still needs its package: pip install 'troupe[{engine.extra}]'", markup=False)


def _pull(engine: LocalEngine, folder: Path, console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as bars:
        tasks = {file.name: bars.add_task(file.name, total=file.size) for file in engine.missing(folder)}

        def progress(file: ModelFile, done: int, total: int) -> None:
            bars.update(tasks[file.name], completed=done, total=total)

        pull(engine, folder, progress)


def _local(folder: Path) -> Table:
    table = _columns()
    for _ in range(2):
        table.add_column(no_wrap=True)
    for engine in ENGINES.values():
        state = engine.state(folder)
        table.add_row(
            Text(engine.name, "bold"),
            TITLES[engine.kind],
            f"{engine.size / 10**6:.0f} MB" if engine.files else "",
            Text.assemble((_next_step(engine, state), STYLES[state]), "\n", (engine.remark, "dim")),
        )
    return table


def _elsewhere() -> Table:
    """Return the kinds of providers that are not local engines, and what they take."""
    table = _columns()
    for kind in KINDS.values():
        if not kind.engine:
            given = bool(kind.key and os.environ.get(kind.key))
            state = f"{kind.key} is set" if given else f"set {kind.key}" if kind.key else "needs no key"
            about = f"{', '.join(kind.parts)}: {kind.remark}"
            style = STYLES["ready"] if given else "cyan"
            table.add_row(Text(kind.name, "bold"), Text.assemble((state, style), "\n", (about, "dim")))
    return table


def _columns() -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True, min_width=16)
    return table


def _next_step(engine: LocalEngine, state: State) -> str:
    match state:
        case "ready":
            return "ready"
        case "needs the model":
            return f"troupe models pull {engine.name}"
        case "needs the package":
            return f"pip install 'troupe[{engine.extra}]'"


async def _listed(links: tuple[Link, ...]) -> dict[str, tuple[Model, ...] | str]:
    """Ask providers for their models; return those, or why there are none."""
    listed: dict[str, tuple[Model, ...] | str] = {}
    async with askable(links) as able, create_task_group() as tasks:
        for provider, ref in able.items():
            tasks.start_soon(_list, provider, ref, listed)
    return listed


async def _list(provider: str, ref: Ref, listed: dict[str, tuple[Model, ...] | str]) -> None:
    try:
        found = await ref.ask(ListModels(), timeout=PATIENCE)
    except ProviderError as error:
        listed[provider] = str(error).partition(": ")[2]
    except DeadlineExceeded:
        listed[provider] = f"no answer within {PATIENCE:g} s"
    else:
        listed[provider] = found
