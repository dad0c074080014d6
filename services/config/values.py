"""Values as they are written become values as they are used, one by one, so that a mistake is told where it is."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, Final, TypeVar, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from ...actors.file_secret import FileSecret
from ...actors.secret import Secret
from .errors import ConfigError, nearest

S = TypeVar("S", bound=Struct)

ENV: Final = "env:"
"""What a string begins with that stands for an environment variable."""

FILE: Final = "file:"
"""What a provider's key begins with that is in a file of its own."""

Path = tuple[str, ...]


class Reader:
    """Reads one source.

    Args:
        environ: For values such as ``"env:NAME"``.
        where: Says where a key stands.
        strict: Whether numbers are written as numbers; in the environment they are text.
    """

    def __init__(self, environ: Mapping[str, str], where: Callable[[Path], str], *, strict: bool = True) -> None:
        self.unset: list[str] = []
        """Variables that are named for keys, and not set."""
        self._environ = environ
        self._where = where
        self._strict = strict

    def mapping(self, raw: object, path: Path) -> Mapping[str, Any]:
        """Return what is written for a table.

        Raises:
            ConfigError: It is none.
        """
        if not isinstance(raw, Mapping):
            raise self.error(path, f"{path[-1]} is a table: [{'.'.join(path)}]")
        return cast("Mapping[str, Any]", raw)

    def table(self, raw: object, form: type[Struct], path: Path) -> dict[str, Any]:
        """Read what stands in a table; return its values by key, each of the type that the struct says.

        Raises:
            ConfigError: A key is not known, or a value makes no sense.
        """
        hints = get_type_hints(form, include_extras=True)
        values: dict[str, Any] = {}
        for key, value in self.mapping(raw, path).items():
            if key not in form.__struct_fields__:
                hint = nearest(key, form.__struct_fields__)
                raise self.error((*path, key), f"[{'.'.join(path)}] has no key {key}; {hint}")
            values[key] = self._value(value, hints[key], (*path, key))
        return values

    def struct(self, raw: object, form: type[S], path: Path) -> S:
        """Read what stands in a table, as a whole.

        Raises:
            ConfigError: A key is not known, or a value makes no sense.
        """
        return cast("S", self._convert(self.table(raw, form, path), form, path))

    def error(self, path: Path, problem: str) -> ConfigError:
        """Return an error about a key of this source."""
        return ConfigError(problem, self._where(path))

    def _value(self, raw: Any, form: Any, path: Path) -> Any:
        if isinstance(form, type) and issubclass(form, Struct):
            return self.struct(raw, form, path)
        secret = Secret in get_args(form)
        if get_origin(form) is tuple:
            raw = self._items(raw, path, secret=secret)
        elif isinstance(raw, Mapping):
            named = cast("Mapping[str, Any]", raw)
            raw = {name: self._resolved(item, path, secret=False) for name, item in named.items()}
        else:
            raw = self._resolved(raw, path, secret=secret)
            if secret and not raw:
                return None
            if secret and isinstance(raw, str) and raw.startswith(FILE):
                raw = self._from_file(raw.removeprefix(FILE).strip(), path)
        return self._convert(raw, form, path)

    def _items(self, raw: Any, path: Path, *, secret: bool) -> Any:
        """Return the items of a list; one string may hold several, separated by commas, and so may a variable."""
        items: list[Any] = []
        for entry in cast("Sequence[Any]", raw) if isinstance(raw, list) else (raw,):
            if isinstance(entry, str) and (entry is raw or entry.startswith(ENV)):
                items += [item.strip() for item in self._resolved(entry, path, secret=secret).split(",")]
            else:
                items.append(entry)
        return [item for item in items if item != ""]

    def _resolved(self, raw: Any, path: Path, *, secret: bool) -> Any:
        """Return what a value stands for; a key whose variable is not set is as good as not given."""
        if not isinstance(raw, str) or not raw.startswith(ENV):
            return raw
        name = raw.removeprefix(ENV).strip()
        if not name:
            raise self.error(path, f"{path[-1]}: after {ENV} comes the name of an environment variable")
        if secret and not self._environ.get(name):
            self.unset.append(name)
            return ""
        if name not in self._environ:
            raise self.error(path, f"{path[-1]}: the environment variable {name} is not set")
        return self._environ[name]

    def _from_file(self, name: str, path: Path) -> FileSecret:
        """Return the key in a file.

        Raises:
            ConfigError: There is none.
        """
        try:
            return FileSecret(FilePath(name))
        except OSError as error:
            raise self.error(path, f"{path[-1]}: {name} can't be read: {error.strerror}") from error
        except ValueError as error:
            raise self.error(path, f"{path[-1]}: {name}: {error}") from None

    def _convert(self, raw: object, form: Any, path: Path) -> Any:
        try:
            return msgspec.convert(raw, form, strict=self._strict, dec_hook=_secret)
        except msgspec.ValidationError as error:
            reason = str(error).partition(" - at ")[0].replace("`", "")
            raise self.error(path, f"{path[-1]}: {reason[:1].lower()}{reason[1:]}") from None


def _secret(form: type, raw: Any) -> Secret:
    """Make a secret of what is written; msgspec asks for types that it does not know."""
    if form is not Secret:
        raise NotImplementedError(form)
    if isinstance(raw, Secret):
        return raw
    if not isinstance(raw, str):
        raise ValueError('a key is a string, best one like "env:NAME"')  # noqa: TRY004  (msgspec tells ValueErrors)
    return Secret(raw)
