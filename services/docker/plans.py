"""From what somebody names to what is run: a service's manifest is found, read, and made into plans."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from anyio import to_thread

from ..config.errors import ConfigError, nearest
from . import compose_cli
from .compose import read_compose, translate
from .container import Plan, planned, with_manifest
from .manifest import FILE_NAME, Described, read_manifest
from .policy import check_files

SHIPPED: Final = Path(__file__).resolve().parents[1] / "shipped"
"""Where the services are that come with Troupe, each in a folder of its name."""


def find(name: str) -> Path:
    """Return the manifest that is meant: a file, a folder with one, or a service that comes with Troupe.

    Raises:
        ConfigError: There is none.
    """
    for path in (Path(name), Path(name) / FILE_NAME):
        if path.is_file():
            return path
    if "/" not in name and (SHIPPED / name / FILE_NAME).is_file():
        return SHIPPED / name / FILE_NAME
    raise ConfigError(f"there is no {FILE_NAME} in {name}, and no service of that name; {nearest(name, shipped())}")


def shipped() -> list[str]:
    """Return the names of the services that come with Troupe."""
    return sorted(manifest.parent.name for manifest in SHIPPED.glob(f"*/{FILE_NAME}"))


def native(described: Described) -> frozenset[str]:
    """Return the permissions that a service has anyway: one that comes with Troupe may read the others beside it."""
    return frozenset({f"mount:{SHIPPED}"}) if described.folder.is_relative_to(SHIPPED) else frozenset()


async def make_plans(
    name: str, *, variant: str = "", environment: Mapping[str, str] | None = None, allowed: frozenset[str] = frozenset()
) -> tuple[Described, tuple[Plan, ...]]:
    """Read a manifest, and make plans of it: of the service last, of what a Compose file has it depend on before.

    Args:
        name: See `find`.
        variant: See `read_manifest`.
        environment: Variables that whoever runs the service sets over its own.
        allowed: Permissions; see `policy`.

    Raises:
        ConfigError: Something in it is wrong; file, line and fix are in the error.
        Forbidden: It leads to files that nobody has allowed.
    """
    described = await to_thread.run_sync(_described, name, variant)
    compose = described.manifest.compose
    if compose is None:
        return described, (planned(described, environment=environment),)
    file = described.folder / compose.file
    permitted = (word.removeprefix("variable:") for word in allowed if word.startswith("variable:"))
    variables = {each: os.environ[each] for each in permitted if each in os.environ} | dict(environment or {})
    await to_thread.run_sync(_check_references, described, file, allowed)
    if await compose_cli.has_plugin():
        document = await compose_cli.render(file, variables)
        plans = translate(document, compose.service, file.parent, variables)
    else:
        plans = await to_thread.run_sync(read_compose, file, compose.service, variables)
    return described, (*plans[:-1], with_manifest(plans[-1], described.manifest))


def _described(name: str, variant: str) -> Described:
    return read_manifest(find(name), variant)


def _check_references(described: Described, file: Path, allowed: frozenset[str]) -> None:
    read = [str(file), *compose_cli.references(file)]
    check_files(described.manifest.name, read, folder=described.folder, allowed=allowed)
