"""Fetching the files of local models: resumable, checked, and never half a file under a whole one's name.

A file is written under ``NAME.part`` and renamed when it is complete and its checksum is right. What broke off goes on
where it was, now or in the next run, unless the server says that the file has changed since.
"""

import base64
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final

import httpx2

from ..actors.inference.catalogue import LocalEngine, ModelFile
from ..actors.inference.errors import NotInstalled

ATTEMPTS: Final = 3
"""How often a connection may be lost in a file before it is given up; progress counts anew."""
PAUSE: Final = 1.0
"""Seconds before a lost connection is tried again."""
TIMEOUT: Final = httpx2.Timeout(30, connect=10)
"""Seconds without a byte."""
CHUNK: Final = 1 << 20
SPARE: Final = 64 * 2**20
"""Bytes of the disk that are left alone."""
PARTIAL: Final = 206
NOTHING_LEFT: Final = 416

Progress = Callable[[ModelFile, int, int], None]
"""Told of a file how many bytes are there, and how many it will have."""


class PullFailed(Exception):
    """A model could not be fetched. The text says why, and what to do."""


def pull(engine: LocalEngine, folder: Path, progress: Progress) -> None:
    """Fetch what is missing of an engine's model.

    Args:
        engine: Whose.
        folder: The folder of all models.
        progress: Is told how it goes.

    Raises:
        PullFailed: A file can't be had, or is not what it should be.
        NotInstalled: The package is missing that checks the files.
    """
    missing = engine.missing(folder)
    target = folder / engine.name
    if any(file.checksum for file in missing):
        _checksum()  # before, not after hundreds of megabytes
    try:
        target.mkdir(parents=True, exist_ok=True)
        with _alone(target), httpx2.Client(timeout=TIMEOUT, follow_redirects=True) as client:
            for file in missing:
                _check_room(file, target)
                _fetch(file, target / file.name, client, progress)
    except OSError as error:
        raise PullFailed(f"{target} can't be written: {error.strerror}") from error


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Keep other processes from fetching into the same folder."""
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PullFailed(f"another process is fetching into {folder}; wait for it") from None
        yield


def _check_room(file: ModelFile, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < file.size + SPARE:
        needed, left = (round(size / 10**6) for size in (file.size, free))
        raise PullFailed(f"{file.name} has {needed} MB, and {left} MB are free in {folder}; see TROUPE_MODELS")


def _fetch(file: ModelFile, target: Path, client: httpx2.Client, progress: Progress) -> None:
    part, tag = (target.with_name(f"{target.name}.{suffix}") for suffix in ("part", "etag"))
    lost, before = 0, -1
    while True:
        have = part.stat().st_size if part.exists() else 0
        lost, before = (lost if have <= before else 0), have
        try:
            _continue(file, part, tag, client, progress)
            break
        except httpx2.TransportError as error:
            lost += 1
            if lost >= ATTEMPTS:
                raise PullFailed(
                    f"the connection to {httpx2.URL(file.url).host} was lost ({type(error).__name__}); the same "
                    "command goes on where it was"
                ) from error
            time.sleep(PAUSE)
    try:
        _check(file, part)
    except PullFailed:
        part.unlink()
        raise
    finally:
        tag.unlink(missing_ok=True)
    part.replace(target)


def _continue(file: ModelFile, part: Path, tag: Path, client: httpx2.Client, progress: Progress) -> None:
    """Fetch a file, or what is left of it."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"accept-encoding": "identity"}
    if have and tag.exists():
        headers |= {"range": f"bytes={have}-", "if-range": tag.read_text()}
    with client.stream("GET", file.url, headers=headers) as answer:
        if answer.status_code == NOTHING_LEFT:
            if answer.headers.get("content-range") != f"bytes */{have}":
                part.unlink()  # it has more than there is
                _continue(file, part, tag, client, progress)
            return
        if not answer.is_success:
            host = httpx2.URL(file.url).host
            raise PullFailed(f"{host} answered HTTP {answer.status_code} for {file.name}; is there a newer troupe?")
        resumed = answer.status_code == PARTIAL
        tag.unlink(missing_ok=True)
        with part.open("ab" if resumed else "wb") as written:
            if etag := answer.headers.get("etag", ""):
                tag.write_text(etag)
            _copy(file, answer, written, have if resumed else 0, progress)


def _copy(file: ModelFile, answer: httpx2.Response, written: BinaryIO, have: int, progress: Progress) -> None:
    length = answer.headers.get("content-length", "")
    total = have + int(length) if length.isdecimal() else file.size
    progress(file, have, total)
    for chunk in answer.iter_raw():
        written.write(chunk)
        have += len(chunk)
        progress(file, have, total)
    written.flush()
    os.fsync(written.fileno())


def _check(file: ModelFile, part: Path) -> None:
    """See that a file is what was published.

    Raises:
        PullFailed: It is not.
    """
    if not file.checksum:
        return
    if (size := part.stat().st_size) != file.size:
        raise PullFailed(f"{file.name} has {size} bytes, not {file.size}; it was thrown away: try again")
    kind, _, expected = file.checksum.partition(":")
    if kind != "crc32c" or _crc32c(part) != expected:
        raise PullFailed(f"{file.name} has another checksum than was published; it was thrown away: try again")


def _crc32c(path: Path) -> str:
    """Return a file's CRC-32C as base64 of the big-endian value, as Google's storage publishes it."""
    checksum = _checksum()
    with path.open("rb") as data:
        while chunk := data.read(CHUNK):
            checksum.update(chunk)
    return base64.b64encode(checksum.digest()).decode()


def _checksum() -> Any:
    """Return a new CRC-32C; the package has no types."""
    try:
        return import_module("google_crc32c").Checksum()
    except ModuleNotFoundError:
        raise NotInstalled("checking the files takes a package: pip install 'troupe[moonshine]'") from None
