"""YAML that remembers its lines, so that a mistake is told where it is. Used for manifests and Compose files."""

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgspec
import yaml
from msgspec import Struct

from ..config.errors import ConfigError, nearest
from .units import Bytes, Seconds, read_bytes, read_seconds

S = TypeVar("S", bound=Struct)

Place = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""

MOST_NODES: Final = 20_000
"""Values in a document, those that aliases repeat counted each time: a few lines of YAML can stand for billions."""
LARGEST: Final = 1 << 20
"""Bytes of a document."""
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")


class Document:
    """What a YAML file says.

    Args:
        value: As plain data.
        lines: Where each key stands, or where each item begins.
        file: Its name, for errors.
    """

    def __init__(self, value: Any, lines: Mapping[Place, int], file: str) -> None:
        self.value = value
        self.file = file
        self._lines = lines

    @classmethod
    def load(cls, file: Path) -> "Document":
        """Read a file.

        Raises:
            ConfigError: It can't be read, or is not YAML.
        """
        try:
            text = file.read_bytes()
        except OSError as error:
            raise ConfigError(f"can't be read: {error.strerror}", str(file)) from error
        if len(text) > LARGEST:
            raise ConfigError(f"has {len(text)} bytes, more than {LARGEST}", str(file))
        try:
            return cls.parse(text.decode(), str(file))
        except UnicodeDecodeError as error:
            raise ConfigError("is not encoded as UTF-8", str(file)) from error

    @classmethod
    def parse(cls, text: str, file: str) -> "Document":
        """Read a text. Keys are strings; anchors, aliases and merge keys (``<<``) are understood, tags are not.

        Raises:
            ConfigError: It is not YAML, or has more in it than makes sense.
        """
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f"{file}, line {mark.line + 1}" if mark else file
            raise ConfigError(f"this is not YAML: {error.problem or error.context}", where) from None
        except yaml.YAMLError:
            raise ConfigError("this is not YAML: it has characters that may not be there", file) from None
        builder = _Builder(file)
        value = builder.build(node, ()) if node is not None else None
        return cls(value, builder.lines, file)

    def where(self, place: Place) -> str:
        """Return file and line of what is at `place`, or of what contains it."""
        for length in range(len(place), 0, -1):
            if line := self._lines.get(place[:length]):
                return f"{self.file}, line {line}"
        return self.file

    def error(self, place: Place, problem: str) -> ConfigError:
        """Return an error about what is at `place`."""
        return ConfigError(problem, self.where(place))

    def read(self, form: type[S], value: Any = None) -> S:
        """Return the document as a struct.

        Args:
            form: The struct.
            value: What to read in place of all of it: the same, with something changed.

        Raises:
            ConfigError: A key is not known, or a value makes no sense.
        """
        value = self.value if value is None else value
        for place, known in _unknown(value, form, ()):
            raise self.error(place, f"there is no key {place[-1]} here; {nearest(str(place[-1]), known)}")
        try:
            return msgspec.convert(value, form, dec_hook=_special)
        except msgspec.ValidationError as error:
            problem, at, path = str(error).rpartition(" - at ")
            problem, place = (problem, _place(path.strip("`"))) if at else (path, ())
            name = f"{place[-1]}: " if place else ""
            problem = problem.replace("`", "")
            quotes = "; put it in quotes" if problem.startswith("Expected str, got") else ""
            raise self.error(place, f"{name}{problem[:1].lower()}{problem[1:]}{quotes}") from None


class _Builder:
    """Makes plain data of nodes, and notes their lines."""

    def __init__(self, file: str) -> None:
        self.lines: dict[Place, int] = {}
        self._file = file
        self._nodes = 0
        self._plain = yaml.SafeLoader("")

    def build(self, node: yaml.Node, place: Place) -> Any:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise ConfigError("it has more in it than makes sense; does an alias repeat itself?", self._where(node))
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            items = cast("list[yaml.Node]", node.value)
            return [self.build(item, (*place, index)) for index, item in enumerate(items)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        built: dict[str, Any] = {}
        for key, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            if key.tag == "tag:yaml.org,2002:merge":
                for name, inherited in self._merged(value, place).items():
                    merged.setdefault(name, inherited)
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigError("a key is a word", self._where(key))
            name = str(key.value)
            if name in built:
                raise ConfigError(f"the key {name} is there twice", self._where(key))
            self.lines[*place, name] = key.start_mark.line + 1
            built[name] = self.build(value, (*place, name))
        return merged | built

    def _merged(self, node: yaml.Node, place: Place) -> dict[str, Any]:
        sources = cast("list[yaml.Node]", node.value) if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                raise ConfigError("<< takes a mapping, or a list of them", self._where(node))
            for name, value in self._mapping(source, place).items():
                merged.setdefault(name, value)
        return merged

    def _scalar(self, node: yaml.Node) -> Any:
        try:
            value: Any = self._plain.construct_object(node, deep=True)  # pyright: ignore[reportUnknownMemberType]
        except (yaml.YAMLError, ValueError):
            raise ConfigError(f"this value makes no sense as {node.tag}", self._where(node)) from None
        if value is None or isinstance(value, (str, int, float, bool)):
            return value
        return str(node.value)  # a date, which YAML 1.1 sees in version: 2026-01-02

    def _where(self, node: yaml.Node) -> str:
        return f"{self._file}, line {node.start_mark.line + 1}"


def _special(form: type, raw: Any) -> Any:
    """Read what msgspec does not know."""
    if form is Seconds:
        return read_seconds(raw)
    if form is Bytes:
        return read_bytes(raw)
    raise NotImplementedError(form)


def _unknown(value: Any, form: Any, place: Place) -> Iterator[tuple[Place, tuple[str, ...]]]:
    """Give the keys that no struct has, and those that it has."""
    origin, arguments = get_origin(form), get_args(form)
    if origin in (Union, types.UnionType):
        for struct in (each for each in arguments if _holds(value, each)):
            yield from _unknown(value, struct, place)
    elif isinstance(form, type) and issubclass(form, Struct) and isinstance(value, dict):
        hints = get_type_hints(form)
        for key, item in mapping(value).items():
            if key not in hints:
                yield (*place, key), form.__struct_fields__
            else:
                yield from _unknown(item, hints[key], (*place, key))
    elif origin is tuple and isinstance(value, list):
        for index, item in enumerate(sequence(value)):
            yield from _unknown(item, arguments[0], (*place, index))
    elif origin is dict and isinstance(value, dict):
        for key, item in mapping(value).items():
            yield from _unknown(item, arguments[1], (*place, key))


def mapping(value: Any) -> dict[str, Any]:
    """Return a value that is a mapping.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(value, dict):
        raise ValueError("this is a mapping")  # noqa: TRY004  (what is wrong is a value in a file)
    return cast("dict[str, Any]", value)


def sequence(value: Any) -> Sequence[Any]:
    """Return a value that is a list.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(value, list):
        raise ValueError("this is a list")  # noqa: TRY004  (what is wrong is a value in a file)
    return cast("Sequence[Any]", value)


def _holds(value: Any, form: Any) -> bool:
    """Whether a value can only be meant for this member of a union."""
    origin = get_origin(form) or form
    if isinstance(value, dict):
        return origin is dict or (isinstance(origin, type) and issubclass(origin, Struct))
    return isinstance(value, list) and origin is tuple


def _place(path: str) -> Place:
    """Read a path as msgspec writes it: ``$.volumes[0].path``."""
    steps = [(name, index) for name, index in _STEP.findall(path) if name or index]
    return tuple(int(index) if index else name for name, index in steps)
