"""A virtual environment for each framework that Troupe is measured against, with what is in it pinned and hashed.

They live outside the checkout, hundreds of megabytes each, and are used again as long as the pins and the interpreter
stay the same.
"""

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

_COMPLETE: Final = "complete"
"""A file in an environment to which nothing is left to do."""
_LAST_LINES: Final = 5


class EnvironmentFailed(Exception):
    """An environment can't be made; the text says why, in pip's words."""


def default_cache() -> Path:
    """Return the folder for environments, unless one was named: in `XDG_CACHE_HOME`, else in `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "troupe" / "peers"


def environment(requirements: Path, cache: Path, *, base: Path | None = None) -> Path:
    """Return the folder of the environment for a file of requirements; it is named for what is pinned in there.

    Args:
        requirements: A file in pip's format.
        cache: Where environments are kept.
        base: The interpreter it is made of; the one that the running one is of, if none is given.
    """
    made_of = f"{base or sys.base_prefix} {platform.python_version()}\n{requirements.read_text()}"
    return cache / f"{requirements.stem}-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"


def interpreter(
    requirements: Path, cache: Path, *, base: Path | None = None, told: Callable[[str], None] = lambda _: None
) -> Path:
    """Return the interpreter of an environment with these packages; make it first if it is not there.

    Made with the standard library's venv and pip, from whatever index pip is configured for. One that was left
    unfinished is begun again.

    Args:
        requirements: What to install; each with its hash.
        cache: Where environments are kept.
        base: The interpreter it is made of; the running one if none is given.
        told: Called with what is being done, as it takes a minute.

    Raises:
        EnvironmentFailed: There is no pip, no network, no such package, or no room.
    """
    folder = environment(requirements, cache, base=base)
    python = folder / "bin" / "python"
    if (folder / _COMPLETE).exists():
        return python
    told(f"installing {requirements.stem} into {folder}")
    _run([str(base or sys.executable), "-m", "venv", "--clear", str(folder)])
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
    _run([str(python), "-m", "pip", "install", *quiet, "--require-hashes", "--requirement", str(requirements)])
    (folder / _COMPLETE).touch()
    return python


def version(python: Path, distribution: str) -> str:
    """Return the version of a package in an environment.

    Raises:
        EnvironmentFailed: It is not in there.
    """
    return _run(
        [str(python), "-c", f"from importlib.metadata import version; print(version({distribution!r}))"]
    ).strip()


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own command
    except OSError as error:
        raise EnvironmentFailed(f"{command[0]}: {error.strerror}") from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip().splitlines()[-_LAST_LINES:]
        raise EnvironmentFailed("\n".join([f"{' '.join(command[:5])} ... failed:", *said])) from None
    return done.stdout
