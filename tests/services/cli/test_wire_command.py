"""Every wire server can be started by hand."""

from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest
import troupe.services.wire
from troupe.services.cli.app import app

FOLDER = Path(troupe.services.wire.__file__).parent
SERVERS = sorted(path.parent.name for path in FOLDER.glob("*/__init__.py"))


@pytest.mark.parametrize("name", SERVERS)
def test_every_server_is_a_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    app(["wire", name, "--help"], result_action="return_value")
    assert "POST /wire/faults" in " ".join(capsys.readouterr().out.split())
    assert {"host", "port"} <= set(signature(import_module(f"troupe.services.wire.{name}.__main__").serve).parameters)
