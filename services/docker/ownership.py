"""Whose containers are whose: runs, their labels, and what a run that was killed has left behind.

A run holds a lock file for as long as it lives; the kernel lets go of it however the process ends. So a container whose
run's lock can be taken is a leftover, and nothing else is: not one of a second run beside this one, nor one of another
user's or another machine's, whose locks are elsewhere.
"""

import fcntl
import os
import shutil
import socket
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

OWNER: Final = "troupe.owner"
"""The label that says whose locks to look at."""
RUN: Final = "troupe.run"
SERVICE: Final = "troupe.service"
REPLICA: Final = "troupe.replica"
FINGERPRINT: Final = "troupe.fingerprint"
"""The label that says from what it was made; see `Plan.fingerprint`."""
DETACHED: Final = "detached"
"""The run of what was started to stay, and is ended on purpose only."""


def runs_folder() -> Path:
    """Return where lock files are: ``$TROUPE_RUNS``, or ``troupe/runs`` in the user's cache."""
    if chosen := os.environ.get("TROUPE_RUNS"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "troupe" / "runs"


class Run:
    """One run of a program that has containers. See `begin`."""

    def __init__(self, name: str, folder: Path, lock: IO[str]) -> None:
        self.name = name
        self.folder = folder
        """Where the locks are."""
        self._locks = {name: lock}

    @classmethod
    @contextmanager
    def begin(cls, folder: Path | None = None, *, purpose: str = "") -> Generator["Run"]:
        """Hold a lock, and what others left in its care, to the end of the block. It reads and writes files.

        Args:
            folder: Where the locks are; None is `runs_folder`.
            purpose: What this run is, for those who meet its containers: ``service up``.
        """
        folder = (folder or runs_folder()).resolve()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = uuid.uuid4().hex[:12]
        lock = _path(folder, name).open("x")
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{os.getpid()} {purpose}\n")
        lock.flush()
        run = cls(name, folder, lock)
        try:
            yield run
        finally:
            run.release(*run._locks)

    @property
    def owner(self) -> str:
        """What the label `OWNER` says of containers of this user on this machine."""
        return _owner(self.folder)

    @staticmethod
    def owner_here() -> str:
        """Return what it says of those whose locks are in `runs_folder`, without beginning a run."""
        return _owner(runs_folder().resolve())

    def labels(self, service: str, replica: int, fingerprint: str) -> dict[str, str]:
        """Return the labels of a container."""
        return {
            OWNER: self.owner,
            RUN: self.name,
            SERVICE: service,
            REPLICA: str(replica),
            FINGERPRINT: fingerprint,
        }

    def inherits(self, run: str) -> bool:
        """Take over what a run has left, if it is dead; say whether it is ours now."""
        if run in self._locks:
            return True
        if run == DETACHED:
            return False
        with suppress(FileExistsError, FileNotFoundError):
            _path(self.folder, run).touch()  # a run whose file is gone is dead: nobody removes a lock that is held
        lock = _path(self.folder, run).open("r+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._locks[run] = lock
        return True

    def release(self, *runs: str) -> None:
        """Let go of runs of which nothing is left."""
        for run in runs:
            lock = self._locks.pop(run)
            _path(self.folder, run).unlink(missing_ok=True)
            shutil.rmtree(_secrets(self.folder, run), ignore_errors=True)
            lock.close()

    @property
    def secrets(self) -> Path:
        """Where the secrets of this run's containers are."""
        return _secrets(self.folder, self.name)

    def secret(self, container: str, name: str, value: bytes) -> Path:
        """Write a secret where only this user, and the container that it is mounted into, can read it."""
        secrets = self.secrets
        secrets.mkdir(exist_ok=True, mode=0o700)
        folder = secrets / container
        folder.mkdir(exist_ok=True)
        file = folder / name
        file.write_bytes(value)
        file.chmod(0o444)  # the folder above keeps others out; in the container, its user is to read it
        return file

    def forget_secrets(self, container: str) -> None:
        """Remove the secrets of a container."""
        shutil.rmtree(self.secrets / container, ignore_errors=True)


def purpose_of(run: str, folder: Path | None = None) -> tuple[int, str] | None:
    """Return the process and the purpose of a run that lives; None if it does not."""
    path = _path(folder or runs_folder(), run)
    try:
        with path.open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                process, _, purpose = lock.read().strip().partition(" ")
                return (int(process), purpose) if process.isdecimal() else None
    except FileNotFoundError:
        pass
    return None


def _path(folder: Path, run: str) -> Path:
    return folder / f"{run}.lock"


def _owner(folder: Path) -> str:
    return f"{socket.gethostname()}:{folder}"


def _secrets(folder: Path, run: str) -> Path:
    return folder / f"{run}.secrets"
