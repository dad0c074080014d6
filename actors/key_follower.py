"""Keys that change while the program runs, as an actor."""

import logging
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from typing import Final

from anyio import CapacityLimiter, create_task_group, sleep, to_thread

from ..runtime import Actor
from .file_secret import FileSecret

INTERVAL: Final = 1.0
"""Seconds between two looks at the files."""

_log = logging.getLogger("troupe.providers")


class KeyFollower(Actor):
    """Looks at the files of keys, and has whoever holds a key send the new one. Nothing has to be started again.

    A file that can't be read changes nothing: it may be about to be replaced. The log says so once, without the key.

    Args:
        keys: Those that are in files.
    """

    def __init__(self, keys: Collection[FileSecret]) -> None:
        self._keys = tuple(dict.fromkeys(keys))

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Look at the files from time to time."""
        async with create_task_group() as tasks:
            tasks.start_soon(self._follow)
            yield
            tasks.cancel_scope.cancel()

    async def _follow(self) -> None:
        limiter, failed = CapacityLimiter(1), set[FileSecret]()
        while True:
            await sleep(INTERVAL)
            for key in self._keys:
                try:
                    changed = await to_thread.run_sync(key.refresh, limiter=limiter)
                except (OSError, ValueError) as error:
                    if key not in failed:
                        _log.warning("the key stays as it was: %s", error)
                    failed.add(key)
                else:
                    failed.discard(key)
                    if changed:
                        _log.info("there is another key in %s", key.path)
