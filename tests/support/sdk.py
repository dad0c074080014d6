"""What the tests with providers' own clients share."""

import os
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pydantic
import pytest


def official(name: str) -> Any:
    """A provider's own client; where it is not installed its tests are skipped, but not in CI."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        if "CI" in os.environ:
            raise
        pytest.skip(f"the {name} package is not installed", allow_module_level=True)


def unknown_members(value: Any, path: str = "") -> Iterator[str]:
    """Members of an answer that the client's types don't know, which it keeps silent about."""
    if isinstance(value, pydantic.BaseModel):
        yield from (f"{path}.{name}" for name in value.model_extra or ())
        for name, inner in value:
            yield from unknown_members(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from unknown_members(inner, path)


def ignored_members(parsed: Any, raw: Any, path: str = "") -> Iterator[str]:
    """Members of an answer that the client's types don't know, for clients that drop them."""
    if isinstance(parsed, pydantic.BaseModel):
        fields = {info.alias or name: name for name, info in type(parsed).model_fields.items()}
        yield from (f"{path}.{name}" for name in raw if name not in fields)
        for alias, name in fields.items():
            if alias in raw:
                yield from ignored_members(getattr(parsed, name), raw[alias], f"{path}.{alias}")
    elif isinstance(parsed, (list, tuple)):
        for inner, inner_raw in zip(parsed, raw, strict=True):
            yield from ignored_members(inner, inner_raw, path)
