"""What all services of a program share: the engine, the run that owns their containers, permissions, limits."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self

import httpx2
from anyio import CancelScope, CapacityLimiter, to_thread

from .engine import Engine, local_client
from .ownership import OWNER, RUN, SERVICE, Run
from .wire import Listed, Network

FILE_THREADS: Final = 4
"""Threads that read and write files for services; none of them waits for the engine."""


class Platform:
    """What all services of a program share. See `open`."""

    def __init__(self, engine: Engine, run: Run, http: httpx2.AsyncClient, files: CapacityLimiter) -> None:
        self.engine = engine
        self.run = run
        self.http = http
        """For health checks."""
        self.files = files
        """For threads that read and write files."""
        self.adopted: set[str] = set()
        """Containers of dead runs that actors of this one go on with."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, socket: Path | None = None, runs: Path | None = None, purpose: str = ""
    ) -> AsyncGenerator[Self]:
        """Begin a run, and end it with the block; the engine need not be there yet.

        Args:
            socket: The engine's; see `Engine.open`.
            runs: Where the locks of runs are; None is `ownership.runs_folder`.
            purpose: What the run is, for those who meet its containers.
        """
        files = CapacityLimiter(FILE_THREADS)
        begun = Run.begin(runs, purpose=purpose)
        run = await to_thread.run_sync(begun.__enter__, limiter=files)
        try:
            unkept = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
            async with Engine.open(socket) as engine, local_client(unkept) as http:
                yield cls(engine, run, http, files)
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(begun.__exit__, None, None, None, limiter=files)

    async def sweep(self, keep: Iterable[str] = ()) -> int:
        """Remove what dead runs of this user left behind; return how many containers those were.

        Args:
            keep: Services whose containers are left for their actors to adopt.

        Raises:
            EngineError: The engine can't be reached.
        """
        keep, removed = set(keep), 0
        for listed in await self.engine.list(f"{OWNER}={self.run.owner}"):
            ours = label(listed, RUN) == self.run.name or listed.id in self.adopted
            if not ours and label(listed, SERVICE) not in keep and await self.is_leftover(listed):
                await self.engine.remove(listed.id)
                removed += 1
        for network in await self.engine.networks(f"{OWNER}={self.run.owner}"):
            if label(network, RUN) != self.run.name and await self.is_leftover(network):
                await self.engine.remove_network(network.name)  # one that is still in use stays
        return removed

    async def is_leftover(self, listed: Listed | Network) -> bool:
        """Whether nobody but us looks after it: its run is dead, or is this one."""
        return await to_thread.run_sync(self.run.inherits, label(listed, RUN), limiter=self.files)


def label(listed: Listed | Network, name: str) -> str:
    """Return a label of a container or network; empty if it has none of that name."""
    return (listed.labels or {}).get(name, "")
