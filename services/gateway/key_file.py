"""API keys in a file of their own, which is read again when it changes: so keys come and go while the server runs."""

import logging
from pathlib import Path
from typing import Final

from anyio import CapacityLimiter, sleep, to_thread

from ...actors.secret import Secret
from .admission import Admission

INTERVAL: Final = 1.0
"""Seconds between two looks at the file."""

_log = logging.getLogger("troupe.gateway")


class KeyFile:
    """A key a line; empty lines and those that begin with ``#`` are none.

    Args:
        path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None

    def read(self) -> tuple[Secret, ...] | None:
        """Return the keys, or None if they have been read and the file has not changed since. Blocks.

        Raises:
            OSError: It can't be read.
            ValueError: A line is no key. The text has its number, not what it says.
        """
        state = self._path.stat()
        seen = (state.st_mtime_ns, state.st_size, state.st_ino)
        if seen == self._seen:
            return None
        keys: list[Secret] = []
        for number, line in enumerate(self._path.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                try:
                    keys.append(Secret(line))
                except ValueError as error:
                    raise ValueError(f"{self._path}, line {number}: {error}") from None
        self._seen = seen
        return tuple(keys)

    async def follow(self, admission: Admission) -> None:
        """Let in who has a key in the file, as it is from time to time, until cancelled.

        A file that can't be read any more changes nothing: it may be about to be replaced.
        """
        limiter = CapacityLimiter(1)
        failed = False
        while True:
            await sleep(INTERVAL)
            try:
                keys = await to_thread.run_sync(self.read, limiter=limiter)
            except (OSError, ValueError) as error:
                if not failed:
                    _log.warning("the keys stay as they are: %s", error)
                failed = True
                continue
            failed = False
            if keys is not None:
                ended = admission.use_keys(keys)
                _log.info("%d keys in %s; %d sessions end with theirs", len(keys), self._path, ended)
