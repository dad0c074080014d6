"""Every wire server can be started by hand."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import httpx2
import pytest
import troupe.services.wire
from troupe.services.cli.wire import KEYLESS, SERVERS
from troupe.services.wire import WireServer

FOLDER = Path(troupe.services.wire.__file__).parent
COMMAND = [sys.executable, "-m", "troupe.services.cli", "wire"]


def test_every_server_has_its_command() -> None:
    assert set(SERVERS) == {path.parent.name for path in FOLDER.glob("*/__init__.py")}


@pytest.mark.parametrize("name", SERVERS)
def test_each_can_be_made_with_keys_unless_its_api_has_none(name: str) -> None:
    kind = getattr(import_module(f"troupe.services.wire.{name}"), SERVERS[name])
    assert isinstance(kind() if name in KEYLESS else kind(keys=("key",)), WireServer)


@pytest.mark.real_time
def test_it_says_where_it_is_and_takes_its_keys_and_faults() -> None:
    command = [*COMMAND, "openai", "--port", "0", "--key", "right"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            models, right = f"{url}/v1/models", {"authorization": "Bearer right"}
            assert httpx2.get(models, headers={"authorization": "Bearer wrong"}).status_code == 401
            assert httpx2.get(models, headers=right).status_code == 200
            asked = {"path": "/v1/models", "faults": [{"type": "Refuse", "status": 503}]}
            assert httpx2.post(f"{url}/wire/faults", json=asked).status_code == 204
            assert httpx2.get(models, headers=right).status_code == 503
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("arguments", "told"), [(["nobody"], "openrouter"), (["ollama", "--key", "x"], "knows no keys")]
)
def test_what_makes_no_sense_is_told(arguments: list[str], told: str) -> None:
    ended = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=40, check=False)
    assert ended.returncode == 2
    assert told in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
