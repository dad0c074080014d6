"""``troupe models pull ollama/MODEL``: fetching a model to where a provider runs, with its progress."""

import os
from pathlib import Path

import anyio
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ...actors.contracts import PullModel, PullProgress
from ...runtime.errors import Unhandled
from ..choice import Link, linked
from ..config import ConfigError, read_config
from ..health import askable


def fetch(name: str, config: Path | None, console: Console) -> None:
    """Fetch a model; what broke off goes on where it was.

    Args:
        name: ``PROVIDER/MODEL``.
        config: The configuration file, if it is not the usual one.
        console: Where progress is shown.

    Raises:
        ConfigError: There is no such provider, or it has no models that could be fetched.
        ProviderError: The model can't be had.
    """
    configuration, _ = read_config(config, environ=os.environ)
    (link,) = linked(configuration, os.environ, "llm", (name,))
    if link.service is not None:
        raise ConfigError(
            f"{link.provider} is started with the server; start it by itself (`troupe service up {link.provider}`), "
            "and give its address as base_url",
            f"[providers.{link.provider}]",
        )
    try:
        anyio.run(_fetch, link, console)
    except Unhandled:
        raise ConfigError(f"{link.provider} has its models already; those of ollama are fetched") from None


async def _fetch(link: Link, console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    async with askable((link,)) as able:
        with Progress(*columns, console=console) as bars:
            shown = _Shown(bars)
            async with able[link.provider].stream(PullModel(link.model)) as told:
                async for progress in told:
                    shown.tell(progress)


class _Shown:
    """A bar for each part of the model."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def tell(self, progress: PullProgress) -> None:
        """Show how far it is."""
        if not progress.digest:
            self._bars.console.print(progress.status)
            return
        if progress.digest not in self._tasks:
            self._tasks[progress.digest] = self._bars.add_task(progress.status, total=progress.total)
        self._bars.update(self._tasks[progress.digest], completed=progress.completed)
