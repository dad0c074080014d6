"""Kinds of providers that other packages bring: whoever is installed with an entry point is known.

In the package's ``pyproject.toml``::

    [project.entry-points."troupe.providers"]
    parrot = "troupe_parrot:KIND"

``KIND`` is a `Kind`, and its `module` the absolute name of the module that has ``Table`` and what makes actors; that is
imported when a configuration needs it, so the one with ``KIND`` had better import nothing of weight.
"""

import logging
from collections.abc import Collection
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from msgspec.structs import replace

from .kind import Kind

GROUP: Final = "troupe.providers"

_log = logging.getLogger("troupe.providers")


def outside(taken: Collection[str]) -> dict[str, Kind]:
    """Return the kinds of other packages, by name.

    One that can't be loaded is left out with a warning: a package that is out of order must not keep those from working
    that are in order.

    Args:
        taken: Names that are given already.
    """
    found: dict[str, Kind] = {}
    for entry in entry_points(group=GROUP):
        kind = _load(entry)
        if kind is None:
            continue
        if kind.name in taken or kind.name in found:
            _log.warning("the provider %s of %s is left out: there is one of that name", kind.name, _origin(entry))
        else:
            found[kind.name] = kind
    return found


def _load(entry: EntryPoint) -> Kind | None:
    try:
        kind = entry.load()
    except Exception as error:  # policy: what another package raises when it is imported is said, and it is left out
        _log.warning("the provider %s of %s is left out: %s", entry.name, _origin(entry), type(error).__qualname__)
        return None
    if not isinstance(kind, Kind):
        _log.warning("the provider %s of %s is left out: %s is no Kind", entry.name, _origin(entry), entry.value)
        return None
    return replace(kind, module=kind.module or entry.module, origin=_origin(entry))


def _origin(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.module
