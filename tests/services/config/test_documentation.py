"""`docs/configuration.md` says what the structs say: every key, with its default, and every kind of provider."""

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, asdict, fields
from troupe.actors.http import Deadlines
from troupe.services.config.schema import Choices, Patience, Server, ServiceTable, Voice
from troupe.services.config.showing import _value
from troupe.services.gateway.limits import Limits
from troupe.services.kinds.kind import PARTS, ProviderTable
from troupe.services.kinds.registry import KINDS

PAGE = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()
ROW = re.compile(r"^\| `(.+?)` \| (.*?) \|", re.MULTILINE)

TABLES: dict[str, type[Struct]] = {
    "[server]": Server,
    "[server.limits]": Limits,
    "[voice]": Voice,
    "[voice.choices]": Choices,
    "[voice.patience]": Patience,
    "[services.NAME]": ServiceTable,
    "[providers.NAME]": ProviderTable,
} | {kind.module or kind.name: kind.table() for kind in KINDS.values()}


def section(title: str) -> str:
    return PAGE.split(f"### `{title}`\n", 1)[1].split("\n##", 1)[0]


def shown(field: FieldInfo) -> str:
    """A default as the page has it."""
    value: Any = field.default if field.default is not NODEFAULT else field.default_factory()
    match value:
        case None:
            return "not set"
        case Deadlines():
            pairs = ", ".join(f"{name} = {float(seconds)}" for name, seconds in asdict(value).items())
            return f"`{{ {pairs} }}`"
        case Struct():
            return "a table"
        case dict():
            return "`{}`"
        case _:
            return f"`{_value(value)}`"


@pytest.mark.parametrize("title", TABLES)
def test_every_key_and_its_default(title: str) -> None:
    form = TABLES[title]
    common = set(ProviderTable.__struct_fields__) if form is not ProviderTable else set()
    truth = {field.name: shown(field) for field in fields(form) if field.name not in common}
    assert dict(ROW.findall(section(title))) == truth


def test_every_kind_and_its_default_models() -> None:
    rows = [re.split(r" ?\| ?", line)[1:-1] for line in PAGE.splitlines() if line.startswith("| `")]
    documented = {row[0].strip("`"): row[1:] for row in rows if len(row) == 5}

    def cell(model: str | None) -> str:
        return "" if model is None else f"`{model}`" if model else "to be named"

    truth = {
        kind.name: [*(cell(kind.default_model(part)) for part in PARTS), f"`{kind.key}`" if kind.key else ""]
        for kind in KINDS.values()
    }
    assert documented == truth
    assert list(documented) == list(truth), "they are tried in this order"
