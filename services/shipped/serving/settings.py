"""Settings from environment variables: a struct whose fields are the variables."""

from collections.abc import Mapping
from typing import TypeVar, get_origin

import msgspec
from msgspec.structs import fields

T = TypeVar("T", bound=msgspec.Struct)


def read_settings(kind: type[T], prefix: str, environ: Mapping[str, str]) -> T:
    """Read a struct from the environment: ``PREFIX_FIELD_NAME`` for each field, where it is set and not
    empty; commas separate the items of a tuple.

    Raises:
        SystemExit: A value is wrong; the text names the variable.
    """
    texts = {field.name: environ.get(f"{prefix}_{field.name.upper()}", "").strip() for field in fields(kind)}
    lists = {field.name for field in fields(kind) if get_origin(field.type) is tuple}
    given = {
        name: [part.strip() for part in text.split(",")] if name in lists else text
        for name, text in texts.items()
        if text
    }
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$.")
        raise SystemExit(f"{prefix}_{path.rstrip('`').upper()}: {reason}") from None
