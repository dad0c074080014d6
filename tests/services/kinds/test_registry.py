"""Every entry of the registry keeps what it promises."""

import subprocess
import sys
import tomllib
from inspect import signature
from pathlib import Path

import pytest
from troupe.actors.inference.catalogue import ENGINES
from troupe.actors.providers.openai.endpoint import KNOWN
from troupe.services.catalogue.capabilities import CAPABILITIES
from troupe.services.kinds import registry
from troupe.services.kinds.kind import Kind, ProviderTable
from troupe.services.kinds.registry import KINDS

each = pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)


@each
def test_its_module_makes_what_it_can_do(kind: Kind) -> None:
    assert kind.works
    assert issubclass(kind.table(), ProviderTable)
    for work in kind.works:
        assert list(signature(kind.maker(work)).parameters) == ["setup"]


@each
def test_it_is_somewhere(kind: Kind) -> None:
    if kind.engine:
        assert (ENGINES[kind.engine].kind,) == kind.parts
        assert not kind.key
    elif kind.module == "openai":
        assert kind.base_url or kind.name in KNOWN


def test_the_file_says_nothing_that_nobody_reads() -> None:
    tables = tomllib.loads(Path(registry.__file__).with_name("kinds.toml").read_text())
    assert {key for table in tables.values() for key in table} <= set(Kind.__struct_fields__)
    assert list(KINDS)[: len(tables)] == list(tables)
    known = {capability for kind in KINDS.values() for capability in kind.capabilities}
    assert known <= CAPABILITIES.keys()


def test_every_local_engine_can_be_named() -> None:
    assert ENGINES.keys() <= KINDS.keys()


def test_reading_the_registry_imports_no_provider() -> None:
    code = (
        "import sys, troupe.services.kinds.registry;"
        "print(*sorted(name for name in sys.modules if name.startswith('troupe.actors.providers.')))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == ""
