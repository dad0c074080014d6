"""Whether the providers that were chosen can be used: asked once, before anybody speaks, with what costs nothing."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from difflib import get_close_matches
from typing import Final, Literal

from anyio import create_task_group
from msgspec import Struct

from ..actors.contracts import ListModels, Model
from ..actors.errors import AuthenticationFailed, ProviderError, ProviderTimeout, ProviderUnavailable, QuotaExceeded
from ..actors.http import HttpClient
from ..runtime import Ref, open_system, supervisor
from ..runtime.errors import DeadlineExceeded
from .catalogue.lists import ProviderList
from .choice import Choice, Link
from .voice import providers, start_providers

PATIENCE: Final = 4.0
"""Seconds that a provider has to answer."""

State = Literal["ready", "doubtful", "refused", "not asked"]


class Health(Struct, frozen=True):
    """What is known of a provider in the part that it was chosen for."""

    state: State
    """Refused: it will not work until somebody sees to the key or the bill. Doubtful: it may."""
    remark: str = ""
    """For people: what is not as it should be."""


async def check(choice: Choice, patience: float = PATIENCE) -> dict[str, Health]:
    """Ask the providers that are elsewhere for their models, all at once; return what came of it by `Link.path`.

    Cancelling is safe.

    Raises:
        ConfigError: A provider can't be made as it is configured.
    """
    remote = tuple(link for link in choice.links if not link.kind.here and link.service is None)
    health = {link.path: Health("ready") for link in choice.links if link.kind.here}
    contained = Health("ready", "it is started with the server")
    health |= {link.path: contained for link in choice.links if link.service is not None}
    if not remote:
        return health
    async with askable(remote) as able, create_task_group() as tasks:
        for provider in dict.fromkeys(link.provider for link in remote):
            links = [link for link in remote if link.provider == provider]
            tasks.start_soon(_ask, able.get(provider), links, health, patience)
    return health


@asynccontextmanager
async def askable(links: tuple[Link, ...]) -> AsyncGenerator[dict[str, Ref]]:
    """Run the actors of some links, and nothing else; give those that answer `ListModels`, one for each provider.

    Those that do not start are left out, with a warning.

    Raises:
        ConfigError: A provider can't be made as it is configured.
    """
    async with (
        HttpClient.open() as http,
        open_system(supervisor("providers", intensity=10, period=60)) as system,
    ):
        await start_providers(system.root, providers(Choice(links=links), http))
        yield {ref.name.partition("/")[0]: ref for ref in system.find(ListModels)}


async def lists_of(links: tuple[Link, ...], patience: float = PATIENCE) -> list[ProviderList]:
    """Ask providers for their models, all at once; those that do not tell in time are left out. Cancelling is safe.

    Args:
        links: One of each provider.
        patience: Seconds that each has to answer.

    Raises:
        ConfigError: A provider can't be made as it is configured.
    """
    lists: list[ProviderList] = []

    async def ask(link: Link, ref: Ref) -> None:
        with suppress(ProviderError, DeadlineExceeded):
            models = await ref.ask(ListModels(), timeout=patience)
            lists.append(ProviderList(link.provider, link.kind, link.table, models))

    async with askable(links) as able, create_task_group() as tasks:
        for link in links:
            if link.provider in able:
                tasks.start_soon(ask, link, able[link.provider])
    return lists


async def _ask(ref: Ref | None, links: list[Link], health: dict[str, Health], patience: float) -> None:
    """Ask one provider, and note what it says about each of its links."""
    if ref is None:
        for link in links:
            health[link.path] = Health("not asked")
        return
    try:
        models = await ref.ask(ListModels(), timeout=patience)
    except ProviderError as error:
        told = _told(error, links[0])
    except DeadlineExceeded:
        told = Health("doubtful", f"no answer within {patience:g} s")
    else:
        for link in links:
            health[link.path] = _among(models, link)
        return
    for link in links:
        health[link.path] = told


def _told(error: ProviderError, link: Link) -> Health:
    """Say what an error means for somebody who wants to start a server."""
    match error:
        case AuthenticationFailed():
            if link.key:
                return Health("refused", f"the key was refused ({error.reason})")
            return Health("refused", f"it wants a key ({error.reason}): set api_key in [providers.{link.provider}]")
        case QuotaExceeded():
            return Health("refused", f"its credit is used up ({error.reason})")
        case ProviderUnavailable() | ProviderTimeout():
            return Health("doubtful", f"it can't be reached ({error.reason})")
        case _:  # it is there, and has no list of models, say
            return Health("not asked")


def _among(models: tuple[Model, ...], link: Link) -> Health:
    """Say whether a provider has the model that it is to be asked for."""
    ids = {model.id: model for model in models}
    model = ids.get(link.model) or ids.get(f"{link.model}:latest")  # as Ollama calls what has no tag
    if model is None and models:
        close = get_close_matches(link.model, ids, n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]}?" if close else ""
        return Health("doubtful", f"it has no model {link.model}{hint}")
    if model is not None and model.until:
        return Health("ready", f"{link.model} will be shut down on {model.until}")
    return Health("ready")
