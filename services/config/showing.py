"""A configuration as TOML that could be read again, but for its keys, which nobody gets to see."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from ...actors.secret import Secret
from .schema import Config

MASK: Final = "********"
_SECRET_TABLES: Final = {"environment", "headers"}  # what stands in there may be a key


def shown(config: Config) -> str:
    """Return the configuration as TOML: what was written and what are defaults, without anybody's keys."""
    blocks = [*_table("server", config.server), *_table("voice", config.voice)]
    for name, provider in config.providers.items():
        blocks += _table(f"providers.{_key(name)}", provider)
    for name, service in config.services.items():
        blocks += _table(f"services.{_key(name)}", service)
    return "\n\n".join(blocks)


def _table(path: str, table: Struct | Mapping[str, Any], *, secret: bool = False) -> Iterator[str]:
    """Give a table, and after it those inside it."""
    fields = msgspec.structs.asdict(table) if isinstance(table, Struct) else table
    lines, inner = [f"[{path}]"], list[str]()
    for name, value in fields.items():
        if isinstance(value, Struct | Mapping):
            if value:
                nested = cast("Struct | Mapping[str, Any]", value)
                inner += _table(f"{path}.{_key(name)}", nested, secret=name in _SECRET_TABLES)
        elif value is not None:
            lines.append(f"{_key(name)} = {_value(MASK if secret else value)}")
    yield "\n".join(lines)
    yield from inner


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("-", "").replace("_", "").isalnum() else _value(name)


def _value(value: Any) -> str:
    match value:
        case Secret():
            return _value(MASK)
        case float() if math.isinf(value):
            return "inf"
        case list() | tuple():
            return f"[{', '.join(_value(item) for item in cast('tuple[Any, ...]', value))}]"
        case _:
            return msgspec.json.encode(value).decode()
