"""Everything about a container that takes looking at files: its secrets, its environment, and whether it may be."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from ..config.errors import ConfigError
from .container import SECRETS, Plan
from .manifest import VARIABLE, Secret
from .ownership import Run
from .policy import check
from .wire import Json


def prepare(
    plan: Plan,
    run: Run,
    name: str,
    labels: Mapping[str, str],
    allowed: frozenset[str],
    environ: Mapping[str, str] | None = None,
) -> Json:
    """Make what the engine is asked for, and check that it may be. Call it in a thread.

    Args:
        plan: What the container is to be.
        run: Whose it is; it keeps the files of secrets.
        name: The container's.
        labels: The container's.
        allowed: Permissions; see `policy`.
        environ: Where variables for secrets are; those of this process if not given.

    Raises:
        Forbidden: It asks for what nobody has allowed.
        ConfigError: A file or a variable is not there, or makes no sense.
    """
    mounts: list[Json] = [
        {
            "Type": "bind",
            "Source": str(run.secrets / name / secret),
            "Target": f"{SECRETS}/{secret}",
            "ReadOnly": True,
        }
        for secret in plan.secrets
    ]
    body = plan.body(labels=labels, environment={}, mounts=mounts)
    files = [*plan.env_files, *(plan.folder / secret.file for secret in plan.secrets.values() if secret.file)]
    if plan.build is not None:
        files.append(plan.folder / plan.build.context)
    check(
        plan.service,
        body,
        folder=plan.folder,
        allowed=allowed,
        files=files,
        variables=[secret.variable for secret in plan.secrets.values() if secret.variable],
        own=[run.secrets],
    )
    for volume in plan.volumes:
        if volume.folder and not (plan.folder / volume.folder).exists():
            raise ConfigError(f"there is no folder {plan.folder / volume.folder}; make it", f"{plan.service}: volumes")
    for secret, source in plan.secrets.items():
        run.secret(name, secret, _value(plan, secret, source, os.environ if environ is None else environ))
    environment: dict[str, str] = {}
    for file in plan.env_files:
        environment |= read_env_file(file)
    return plan.body(labels=labels, environment=environment, mounts=mounts)


def _value(plan: Plan, name: str, source: Secret, environ: Mapping[str, str]) -> bytes:
    where = f"{plan.service}: secrets.{name}"
    if source.variable:
        if source.variable not in environ:
            raise ConfigError(f"the environment variable {source.variable} is not set", where)
        return environ[source.variable].encode()
    return _read(plan.folder / source.file, where)


def read_env_file(file: Path) -> dict[str, str]:
    """Read lines of ``NAME=value``; quotes around a value are taken off, ``#`` begins a comment.

    Raises:
        ConfigError: A line is none, or the file can't be read. No value is in the error.
    """
    values: dict[str, str] = {}
    for number, line in enumerate(_read(file, str(file)).decode(errors="replace").splitlines(), 1):
        text = line.strip().removeprefix("export ")
        if not text or text.startswith("#"):
            continue
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not re.fullmatch(VARIABLE, name):
            raise ConfigError("a line is NAME=value", f"{file}, line {number}")
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        values[name] = value
    return values


def _read(file: Path, where: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file} can't be read: {error.strerror}", where) from error
