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
