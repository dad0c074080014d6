"""Compose files: the part of the specification that AI services use, made into plans; the rest is refused by name.

A key that is passed over in silence makes something else than was written: so each key is either translated (see
`compose_keys`), or in `WITHOUT_EFFECT` for a reason, or an error that names the key, the file and
the line.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from ..config.errors import nearest
from .compose_keys import TRANSLATORS, Translation
from .container import Plan
from .document import Document, Place, mapping, sequence
from .interpolation import BadVariable, replaced
from .preparation import read_env_file

USUAL_FILES: Final = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
TOP: Final = frozenset({"name", "version", "services", "volumes", "networks", "secrets"})
WITHOUT_EFFECT: Final = frozenset(
    {
        "attach",
        "cap_drop",  # all are dropped
        "container_name",  # a second run would find it taken
        "expose",  # containers of one network reach each other at any port
        "profiles",  # what is to run is said by name
        "pull_policy",  # what is here is taken, what is not is pulled
    }
)
Json = dict[str, Any]


def read_compose(file: Path, service: str, variables: Mapping[str, str]) -> tuple[Plan, ...]:
    """Make plans of a service and of what it depends on, in the order in which they start. It reads files.

    Args:
        file: The Compose file.
        service: Which of its services.
        variables: What stands for ``${NAME}``, beside what is in ``.env`` next to the file.

    Raises:
        ConfigError: Something is wrong, or not understood; file, line and fix are in it.
    """
    document = Document.load(file)
    beside = file.parent / ".env"
    known = {**(read_env_file(beside) if beside.is_file() else {}), **variables}
    document.value = _interpolated(document, document.value, (), known)
    return translate(document, service, file.parent.resolve(), known)


def translate(document: Document, service: str, folder: Path, variables: Mapping[str, str]) -> tuple[Plan, ...]:
    """Make plans of a Compose model whose variables have been replaced; see `read_compose`."""
    top = _mapping(document, document.value, ())
    for key in top:
        if key == "include":
            raise document.error((key,), "include needs the plugin `docker compose`; or copy in what is included")
        if key not in TOP and not key.startswith("x-"):
            raise document.error((key,), f"there is no key {key} here; {nearest(key, TOP)}")
    services = _mapping(document, top.get("services"), ("services",))
    project = _project(document, top, folder)
    order: list[str] = []
    _visit(document, services, service, order, [], ())
    together = len(order) > 1
    return tuple(
        _plan(document, Translation(top, name, folder, project, variables, together=together), name, services[name])
        for name in order
    )


def _plan(document: Document, translation: Translation, name: str, described: Any) -> Plan:
    """Make the plan of one service, and say where a key is wrong."""
    own = _mapping(document, described, ("services", name))
    for key, value in own.items():
        place: Place = ("services", name, key)
        if key == "extends":
            raise document.error(place, "extends needs the plugin `docker compose`; or copy in what is extended")
        translator = TRANSLATORS.get(key)
        if translator is None:
            if key not in WITHOUT_EFFECT and not key.startswith("x-"):
                known = nearest(key, {*TRANSLATORS, *WITHOUT_EFFECT})
                raise document.error(place, f"{key} is not understood; {known}")
        elif value is not None:
            try:
                translator(translation, value)
            except (ValueError, TypeError, msgspec.MsgspecError) as error:
                raise document.error(place, f"{key}: {error}") from None
            except KeyError as error:
                raise document.error(place, f"{key}: {error.args[0]} is missing") from None
    if "image" not in own and "build" not in own:
        raise document.error(("services", name), f"{name} has neither image nor build")
    return translation.plan()


def _interpolated(document: Document, value: Any, place: Place, variables: Mapping[str, str]) -> Any:
    """Replace variables, in values only: what one holds can't become a key or a structure."""
    if isinstance(value, dict):
        return {key: _interpolated(document, item, (*place, key), variables) for key, item in mapping(value).items()}
    if isinstance(value, list):
        return [_interpolated(document, item, (*place, at), variables) for at, item in enumerate(sequence(value))]
    if not isinstance(value, str):
        return value
    try:
        return replaced(value, variables)
    except BadVariable as error:
        raise document.error(
            place,
            f"{error}; variables come from .env next to the file, from `environment` of the service in troupe.toml, "
            'and from Troupe\'s own environment where allow = ["variable:NAME"] says so',
        ) from None


def _project(document: Document, top: Json, folder: Path) -> str:
    name = str(top.get("name") or re.sub(r"[^a-z0-9_-]", "", folder.name.lower()).lstrip("_-") or "project")
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise document.error(("name",), f"{name!r} is no name of a project: small letters, digits, - and _")
    return name


def _visit(document: Document, services: Json, name: str, order: list[str], above: list[str], place: Place) -> None:
    """Put a service into the order, after what it depends on."""
    if name not in services:
        raise document.error(place or ("services",), f"there is no service {name}; {nearest(name, services)}")
    if name in above:
        raise document.error(place, f"services wait for each other: {' → '.join([*above, name])}")
    if name in order:
        return
    at = ("services", name, "depends_on")
    wanted: Any = _mapping(document, services[name], ("services", name)).get("depends_on")
    for each in _names(document, wanted or {}, at):
        _visit(document, services, each, order, [*above, name], at)
    order.append(name)


def _names(document: Document, wanted: Any, place: Place) -> list[str]:
    if isinstance(wanted, list):
        return [str(each) for each in sequence(wanted)]
    names: list[str] = []
    for name, how in _mapping(document, wanted, place).items():
        told = _mapping(document, how or {}, (*place, name))
        condition = told.get("condition", "service_started")
        if condition not in {"service_started", "service_healthy"}:
            raise document.error(
                (*place, name, "condition"),
                f"{condition} is not understood; each service is healthy before the next one starts. What has to be "
                "done once belongs in the image",
            )
        names.append(name)
    return names


def _mapping(document: Document, value: Any, place: Place) -> Json:
    try:
        return mapping(value)
    except ValueError:
        raise document.error(place, f"{place[-1] if place else 'a Compose file'} is a mapping") from None
