"""File, environment and arguments, from the weakest to the strongest, become one `Config`."""

import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import partial
from pathlib import Path as FilePath
from typing import Any, Final

from msgspec import Struct

from ..kinds.kind import Kind, ProviderTable
from ..kinds.registry import KINDS
from .errors import ConfigError, nearest
from .places import line_of
from .schema import Config, Server, ServiceTable, Voice
from .values import Path, Reader

USUAL_FILE: Final = "troupe.toml"
"""What is read where no file is named, if it is there."""
FILE_VARIABLE: Final = "TROUPE_CONFIG"

_TABLES: Final[dict[str, type[Struct]]] = {"server": Server, "voice": Voice}
_VARIABLES: Final[dict[str, Path]] = {
    f"TROUPE_{key.upper()}": (table, key)
    for table, form in _TABLES.items()
    for key in form.__struct_fields__
    if key not in {"limits", "voices", "patience", "choices"}
}
"""The environment variables that configure something."""
_OTHER_VARIABLES: Final = {FILE_VARIABLE, "TROUPE_MODELS"}


class Source(Struct, frozen=True):
    """Where a configuration was read from, apart from defaults."""

    file: FilePath | None
    variables: tuple[str, ...]
    arguments: tuple[str, ...]
    unset: tuple[str, ...] = ()
    """Variables that the file names for keys, and that are not set."""
    places: dict[str, str] = {}
    """Where keys were written, by key, as ``[voice] stt``: a file and line, a variable, an argument."""

    def __str__(self) -> str:
        parts = [str(self.file)] if self.file else []
        return ", ".join([*parts, *self.variables, *self.arguments]) or "nothing: defaults, and what was found here"


def read_config(
    file: FilePath | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> tuple[Config, Source]:
    """Read the configuration.

    Args:
        file: The file. None: the one that ``TROUPE_CONFIG`` names, or ``troupe.toml`` in the current folder if there is
            one.
        environ: The environment; empty if not given.
        arguments: Keys of ``[server]`` and ``[voice]`` by their names, which go before all else; those that are None
            are left out.

    Raises:
        ConfigError: Something is wrong; the text says what, where, and how to mend it.
    """
    environ = environ or {}
    given = {name: value for name, value in (arguments or {}).items() if value is not None}
    file = _locate(file, environ)
    text = _read(file) if file else ""
    raw = _parse(text, file)

    def in_file(path: Path) -> str:
        line = line_of(text, path)
        return f"{file}, line {line}" if line else str(file)

    reader = Reader(environ, in_file)
    for name in raw:
        if name not in Config.__struct_fields__:
            raise reader.error((name,), f"there is no table {name}; {nearest(name, Config.__struct_fields__)}")
    tables = {name: reader.table(raw.get(name, {}), form, (name,)) for name, form in _TABLES.items()}
    places = {_key(name, key): in_file((name, key)) for name, table in tables.items() for key in table}
    variables = _read_variables(environ, tables)
    _read_arguments(given, tables)
    places |= {_key(*_VARIABLES[name]): name for name in variables}
    places |= {_key(_table_of(name), name): _argument(name) for name in given}
    contained = reader.mapping(raw.get("services", {}), ("services",))
    config = Config(
        server=Server(**tables["server"]),
        voice=Voice(**tables["voice"]),
        providers=_read_providers(reader, raw.get("providers", {}), contained),
        services={name: reader.struct(table, ServiceTable, ("services", name)) for name, table in contained.items()},
    )
    return config, Source(file, variables, tuple(map(_argument, given)), tuple(reader.unset), places)


def _locate(file: FilePath | None, environ: Mapping[str, str]) -> FilePath | None:
    if file is None and environ.get(FILE_VARIABLE):
        file = FilePath(environ[FILE_VARIABLE])
    if file is not None:
        return file
    usual = FilePath(USUAL_FILE)
    return usual if usual.is_file() else None


def _read(file: FilePath) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"can't be read: {error.strerror}", str(file)) from error
    except UnicodeDecodeError as error:
        raise ConfigError("is not encoded as UTF-8", str(file)) from error


def _parse(text: str, file: FilePath | None) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+), column \d+\)", str(error))
        where = f"{file}, line {place[1]}" if place else f"{file}, at its end"
        raise ConfigError(f"this is not TOML: {str(error).partition(' (at ')[0]}", where) from None


def _read_variables(environ: Mapping[str, str], tables: dict[str, dict[str, Any]]) -> tuple[str, ...]:
    """Read what the environment says into the tables; return the names of the variables."""
    names = sorted(name for name in environ if name.startswith("TROUPE_"))
    known = [name for name in names if name in _VARIABLES]
    for name in set(names) - set(known) - _OTHER_VARIABLES:
        # Only what looks like a slip: others may use the prefix, and Kubernetes does for a service of that name.
        if meant := get_close_matches(name, _VARIABLES, n=1, cutoff=0.9):
            raise ConfigError(f"there is no such variable; did you mean {meant[0]}?", name)
    for name in known:
        table, key = _VARIABLES[name]
        reader = Reader(environ, partial(_always, name), strict=False)
        tables[table] |= reader.table({key: environ[name]}, _TABLES[table], (table,))
    return tuple(known)


def _always(where: str, _path: Path) -> str:
    return where


def _read_arguments(given: Mapping[str, Any], tables: dict[str, dict[str, Any]]) -> None:
    for name, value in given.items():
        table = _table_of(name)
        reader = Reader({}, partial(_always, _argument(name)))
        tables[table] |= reader.table({name: value}, _TABLES[table], (table,))


def _table_of(name: str) -> str:
    return next(table for table, form in _TABLES.items() if name in form.__struct_fields__)


def _argument(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _key(table: str, key: str) -> str:
    return f"[{table}] {key}"


def _read_providers(reader: Reader, raw: object, contained: Mapping[str, Any]) -> dict[str, ProviderTable]:
    """Read the tables of providers, each as its kind wants it."""
    providers: dict[str, ProviderTable] = {}
    for name, table in reader.mapping(raw, ("providers",)).items():
        path = ("providers", name)
        kind = _kind_of(name, reader.mapping(table, path), reader, contained)
        providers[name] = reader.struct(table, kind.table(), path)
    return providers


def _kind_of(name: str, table: Mapping[str, Any], reader: Reader, contained: Mapping[str, Any]) -> Kind:
    path = ("providers", name)
    if "/" in name:
        raise reader.error(path, f"a provider's name has no slash: {name}")
    asked = table.get("kind", "")
    if asked:
        kind = KINDS.get(asked) if isinstance(asked, str) else None
        if kind is None:
            raise reader.error((*path, "kind"), f"there is no kind {asked}; {nearest(str(asked), KINDS)}")
        return kind
    if name in KINDS:
        return KINDS[name]
    if "base_url" in table or name in contained:
        return KINDS["openai"]
    hint = nearest(name, KINDS)
    raise reader.error(path, f"what is {name}? {hint.capitalize()} Or give its base_url, if it speaks OpenAI's API.")
