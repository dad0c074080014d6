"""How soon providers answered in earlier runs, so that ``fastest:…`` begins with whoever was fastest.

A small file in the user's state folder: for each model of a provider the median of its latest times to the first of an
answer, and when that was. Which provider it is, a digest says; names, addresses, keys and what anybody said are not in
it. It is written only where somebody wishes for the fastest, replaced whole or not at all, and believed for a week. One
that is broken, of another form or too large counts as empty: what is in it is only where to begin.
"""

import logging
import math
import os
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final, Self

import msgspec
from anyio import CapacityLimiter, create_task_group, move_on_after, sleep, to_thread
from msgspec import Struct

from ..actors.routing import ListProviders
from ..runtime import Actor, System
from ..runtime.errors import RuntimeFault
from .choice import Link

MEMORY: Final = 7 * 24 * 3600.0
"""Seconds for which times are believed."""
MOST: Final = 256
"""Models of which times are kept; the latest."""
LARGEST: Final = 64 * 1024
"""Bytes of a file that is read."""
FILE: Final = "latencies.json"
"""What the file is called."""
INTERVAL: Final = 300.0
"""Seconds between two writings."""
FAREWELL: Final = 2.0
"""Seconds for keeping them at the end."""
PATIENCE: Final = 1.0
"""Seconds that a router has to say what it knows."""
AHEAD: Final = 3600.0
"""Seconds by which a time may lie in the future: clocks are set, and what is further ahead is nonsense."""

_log = logging.getLogger("troupe.providers")


class Kept(Struct, frozen=True, array_like=True):
    """What is known of one model."""

    seconds: float
    """To the first of an answer; the median."""
    when: float
    """In seconds since 1970."""


class _File(Struct, frozen=True, tag_field="form", tag="troupe.latencies.1"):
    times: dict[str, Kept]


_decode: Final = msgspec.json.Decoder(_File).decode


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for what a run leaves to the next: in `XDG_STATE_HOME`, else in ``~/.local/state``."""
    return Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "troupe"


def read(file: Path, now: float) -> dict[str, Kept]:
    """Return the times of a file, by digest, that can be believed; none of one that is not there or makes no sense."""
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST + 1)
        found = _decode(data).times if len(data) <= LARGEST else {}
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return {name: each for name, each in found.items() if _credible(each, now)}


def _credible(kept: Kept, now: float) -> bool:
    return 0 <= kept.seconds < math.inf and -AHEAD <= now - kept.when <= MEMORY


def write(file: Path, fresh: Mapping[str, Kept], now: float) -> None:
    """Add times to a file, and leave out what is too old or too much. Whoever reads it meanwhile gets it whole.

    Raises:
        OSError: It can't be written.
    """
    times = sorted({**read(file, now), **fresh}.items(), key=lambda item: item[1].when, reverse=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=f"{file.name}.", dir=file.parent, delete=False) as opened:
        new = Path(opened.name)
        try:
            opened.write(msgspec.json.encode(_File(dict(times[:MOST]))))
            opened.close()
            new.replace(file)
        except OSError:
            new.unlink(missing_ok=True)
            raise


def digest(link: Link) -> str:
    """Return what stands for a model of a provider, at one address, for one kind of work."""
    what = (link.part, link.provider, link.kind.name, link.table.base_url, link.model)
    return blake2b(msgspec.json.encode(what), digest_size=12).hexdigest()


class Latencies:
    """What is known of earlier runs, and what is left to later ones.

    Args:
        file: Where it is kept; None for nowhere, so that every run begins anew.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._known: dict[str, Kept] | None = None
        self._watched: dict[tuple[str, str], str] = {}
        self._disk = CapacityLimiter(1)
        self._failed = False

    @classmethod
    def at_home(cls, *, keep: bool) -> Self:
        """Return those of the user: nothing is kept if that is not wanted, or who that is nobody knows."""
        try:
            return cls(state_folder() / FILE if keep else None)
        except RuntimeError:  # there is no home folder, as in containers of any user
            return cls(None)

    async def load(self) -> None:
        """Read the file, once. Cancelling is safe."""
        if self._file is not None and self._known is None:
            self._known = await to_thread.run_sync(read, self._file, time.time(), limiter=self._disk)

    def expected(self, path: str, link: Link) -> float | None:
        """Return the seconds in which a provider is expected to begin its answers, and have its times kept from now on.

        Args:
            path: Where its actor is.
            link: What it is. Of one whose place in its chain is given, nothing is expected, and nothing kept.
        """
        if self._file is None or not link.flexible:
            return None
        name = self._watched[path, link.model] = digest(link)
        kept = (self._known or {}).get(name)
        return None if kept is None else kept.seconds

    @property
    def wanted(self) -> bool:
        """Whether there is anybody whose times are to be kept."""
        return bool(self._watched)

    async def save(self, system: System) -> None:
        """Keep the times that the routers of a system have measured. That it can't be written is logged once."""
        if self._file is None or not self._watched:
            return
        now, fresh = time.time(), dict[str, Kept]()
        for ref in system.find(ListProviders):
            with suppress(RuntimeFault):  # it is restarting, or gone
                for each in await ref.ask(ListProviders(), timeout=PATIENCE):
                    name = self._watched.get((each.path, each.model))
                    if name is not None and each.median is not None and each.record.first.count:
                        fresh[name] = Kept(each.median, now)
        if not fresh:
            return
        try:
            await to_thread.run_sync(write, self._file, fresh, now, limiter=self._disk)
        except OSError as error:
            if not self._failed:
                self._failed = True
                _log.warning("how fast providers are is not kept: %s", error.strerror)

    async def save_at_the_end(self, system: System) -> None:
        """Do that when the system is about to end; at most two seconds, even if the task is cancelled."""
        with move_on_after(FAREWELL, shield=True):
            await self.save(system)


class LatencyKeeper(Actor):
    """Writes down from time to time what there is, for a program that is killed leaves nothing at its end.

    Args:
        latencies: What it keeps.
    """

    def __init__(self, latencies: Latencies) -> None:
        self._latencies = latencies

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Write from time to time."""
        async with create_task_group() as tasks:
            tasks.start_soon(self._keep)
            yield
            tasks.cancel_scope.cancel()

    async def _keep(self) -> None:
        while True:
            await sleep(INTERVAL)
            await self._latencies.save(self.context.system)
