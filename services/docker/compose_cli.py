"""Compose files by the program that made them: ``docker compose`` renders one, and what comes out is run by us.

It knows all of the specification: `include`, `extends`, merging, profiles. It does not start anything here: with its
own networks, restarts and mounts it would be a second supervisor, and one that nobody asked whether that is allowed.
What it renders goes the way of every other plan.

It reads files while it renders, which is why those that a Compose file leads to are looked at first.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from anyio import fail_after, run_process

from ..config.errors import ConfigError
from .document import Document, mapping, sequence

PATIENCE: Final = 30.0
"""Seconds that the program may take."""
PROGRAM: Final = "docker"
KEPT: Final = ("PATH", "HOME", "DOCKER_CONFIG", "DOCKER_HOST")
"""What the program sees of our environment: a Compose file can name any variable that it sees."""


async def has_plugin() -> bool:
    """Whether ``docker compose`` is there. Cancelling is safe."""
    try:
        with fail_after(PATIENCE):
            answer = await run_process([PROGRAM, "compose", "version"], check=False, env=_environment({}))
    except (OSError, TimeoutError):
        return False
    return answer.returncode == 0


async def render(file: Path, variables: Mapping[str, str]) -> Document:
    """Return what a Compose file comes to, as ``docker compose config`` has it. Cancelling is safe.

    Args:
        file: The file; see `references` for what to look at before.
        variables: What it may see beside ``.env`` next to it.

    Raises:
        ConfigError: The program refuses it; its words are in the error.
    """
    command = [PROGRAM, "compose", "--project-directory", str(file.parent), "--file", str(file)]
    try:
        with fail_after(PATIENCE):
            answer = await run_process(
                [*command, "--profile", "*", "config", "--format", "json"], check=False, env=_environment(variables)
            )
    except TimeoutError:
        raise ConfigError(f"docker compose did not read it within {PATIENCE:g} s", str(file)) from None
    if answer.returncode != 0:
        raise ConfigError(answer.stderr.decode(errors="replace").strip()[:2000], str(file))
    try:
        return Document(msgspec.json.decode(answer.stdout), {}, f"{file}, as rendered")
    except msgspec.DecodeError:
        raise ConfigError("docker compose rendered something else than JSON", str(file)) from None


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    # nothing from elsewhere: neither a Git repository nor an artifact of a registry
    return {**variables, **kept, "COMPOSE_EXPERIMENTAL_GIT_REMOTE": "0", "COMPOSE_EXPERIMENTAL_OCI_REMOTE": "0"}


def references(file: Path, seen: frozenset[Path] = frozenset()) -> Iterator[str]:
    """Give all that a Compose file has others read: paths, seen from the root, and addresses. It reads files.

    Raises:
        ConfigError: A file is not YAML.
    """
    if file in seen or not file.is_file():
        return
    seen |= {file}
    document = Document.load(file)
    try:
        found = list(_found(document.value))
    except ValueError as error:
        raise ConfigError(f"this is no Compose file: {error}", str(file)) from None
    for path, followed in found:
        absolute = _absolute(file, path)
        yield absolute
        if followed and "://" not in absolute:
            yield from references(Path(absolute), seen)


def _found(value: Any) -> Iterator[tuple[str, bool]]:
    """Give the paths in a Compose file, and whether what is there leads on."""
    top = mapping(value or {})
    for path in _paths(top.get("include")):
        yield path, True
    for service in (mapping(each or {}) for each in mapping(top.get("services") or {}).values()):
        extends = service.get("extends")
        if isinstance(extends, dict) and mapping(extends).get("file"):
            yield str(mapping(extends)["file"]), True
        for path in _paths(service.get("env_file")):
            yield path, False


def _paths(value: Any) -> Iterator[str]:
    """Give the paths of ``include`` or ``env_file``: one, or several, each alone or with options."""
    several: list[Any] = list(sequence(value)) if isinstance(value, list) else [value]
    for each in several:
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            for key in ("path", "env_file", "project_directory"):
                yield from _paths(mapping(each).get(key))


def _absolute(file: Path, path: str) -> str:
    return path if "://" in path or path.startswith("git@") else str((file.parent / path).resolve())
