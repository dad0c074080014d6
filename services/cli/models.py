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
from ..catalogue.descriptor import describe
from ..catalogue.prices import FREE, in_words, known_prices, listed
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
UNVERIFIED: Final = "unverified"
"""Stands beside prices that only a third party has told."""
STYLES: Final[dict[State, str]] = {"ready": "green", "needs the model": "yellow", "needs the package": "dim"}

models = App(name="models", help="Show which models there are, or fetch local ones.")


@models.default
def show(
    *,
    config: Annotated[Path | None, Parameter(help="Configuration file; else troupe.toml, if it is there.")] = None,
    prices: Annotated[
        bool, Parameter(help="Show what models cost, and who says so, and nothing else.", negative="")
    ] = False,
) -> None:
    """Show the local models, and those of the providers whose keys are here, with their prices where they are known."""
    console = Console(highlight=False)
    if prices:
        console.print(_prices())
        return
    console.print(_local(models_folder()), "", _elsewhere())
    try:
        configuration, _ = read_config(config, environ=os.environ)
        links = with_keys(configuration, os.environ)
        told = anyio.run(_listed, links) if links else {}
    except ConfigError as error:
        fail(str(error), MISCONFIGURED)
    kinds = {link.provider: link for link in links}
    for provider, found in told.items():
        console.print()
        if isinstance(found, str):
            console.print(Text.assemble((provider, "bold"), f": {found}"))
            continue
        console.print(Text.assemble((provider, "bold"), f", {len(found)} models:"))
        console.print(Text(", ".join(sorted(_named(kinds[provider], model) for model in found))))


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


def _named(link: Link, model: Model) -> str:
    """Return the name of a model of a list, and what it costs, and until when it is there, as far as that is known."""
    told = None if model.price is None else listed(model.price, "")
    price = describe(link.provider, link.kind, link.part, model.id, link.table, listed=told).price
    known = [f"until {model.until}"] if model.until else []
    if price is not None and price is not FREE:
        known.append(in_words(price) + (f", {UNVERIFIED}" if price.status == "third party" else ""))
    return f"{link.provider}/{model.id}" + (f" ({', '.join(known)})" if known else "")


def _prices() -> Table:
    """Return the prices that are known without asking anybody."""
    table = Table("model", "price", "whose word", "read", "", box=None, padding=(0, 2, 0, 0))
    table.columns[0].no_wrap = True
    for kind, models in known_prices().items():
        for name, price in models.items():
            word = Text(UNVERIFIED, "yellow") if price.status == "third party" else Text("the provider", "green")
            table.add_row(Text(f"{kind}/{name}", "bold"), in_words(price), word, price.read, Text(price.note, "dim"))
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
    told: dict[str, tuple[Model, ...] | str] = {}
    async with askable(links) as able, create_task_group() as tasks:
        for provider, ref in able.items():
            tasks.start_soon(_list, provider, ref, told)
    return told


async def _list(provider: str, ref: Ref, told: dict[str, tuple[Model, ...] | str]) -> None:
    try:
        found = await ref.ask(ListModels(), timeout=PATIENCE)
    except ProviderError as error:
        told[provider] = str(error).partition(": ")[2]
    except DeadlineExceeded:
        told[provider] = f"no answer within {PATIENCE:g} s"
    else:
        told[provider] = found
