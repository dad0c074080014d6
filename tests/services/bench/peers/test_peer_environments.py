"""Environments are made once for each set of pins, with the commands that pip documents, and begun again if unfinished.

The interpreter they are made of is a script that does what `venv` does and writes down what it was asked.
"""

from pathlib import Path

import pytest
from troupe.services.bench.peers.environments import EnvironmentFailed, default_cache, environment, interpreter

BASE = """#!/bin/sh
# python -m venv --clear FOLDER: makes FOLDER/bin/python, which writes down what it is asked
mkdir -p "$4/bin"
cat > "$4/bin/python" <<'END'
#!/bin/sh
echo "$@" >> "$(dirname "$0")/../asked"
{then}
END
chmod +x "$4/bin/python"
"""


def base(tmp_path: Path, then: str = "exit 0") -> Path:
    script = tmp_path / "base-python"
    script.write_text(BASE.format(then=then))
    script.chmod(0o755)
    return script


@pytest.fixture
def pins(tmp_path: Path) -> Path:
    pins = tmp_path / "peer.txt"
    pins.write_text("peer==1.0 --hash=sha256:00\n")
    return pins


def test_packages_are_installed_with_hashes_and_only_once(tmp_path: Path, pins: Path) -> None:
    told: list[str] = []
    made_of = base(tmp_path)
    python = interpreter(pins, tmp_path / "cache", base=made_of, told=told.append)
    assert python.parent.parent == environment(pins, tmp_path / "cache", base=made_of)
    asked = python.parent.parent / "asked"
    quiet = "--quiet --disable-pip-version-check --no-input"
    assert asked.read_text() == f"-m pip install {quiet} --require-hashes --requirement {pins}\n"
    assert told == [f"installing peer into {python.parent.parent}"]
    assert interpreter(pins, tmp_path / "cache", base=made_of, told=told.append) == python
    assert len(told) == 1
    assert len(asked.read_text().splitlines()) == 1


def test_other_pins_are_another_environment(tmp_path: Path, pins: Path) -> None:
    before = environment(pins, tmp_path)
    pins.write_text("peer==1.1 --hash=sha256:00\n")
    assert environment(pins, tmp_path) != before
    assert environment(pins, tmp_path).name.startswith("peer-")


def test_what_pip_says_is_passed_on_and_the_environment_is_begun_again(tmp_path: Path, pins: Path) -> None:
    with pytest.raises(EnvironmentFailed, match="no such package"):
        interpreter(pins, tmp_path / "cache", base=base(tmp_path, "echo 'no such package' >&2; exit 1"))
    python = interpreter(pins, tmp_path / "cache", base=base(tmp_path))
    assert len((python.parent.parent / "asked").read_text().splitlines()) == 2


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path, pins: Path) -> None:
    with pytest.raises(EnvironmentFailed, match="nowhere"):
        interpreter(pins, tmp_path / "cache", base=tmp_path / "nowhere")


def test_the_cache_is_where_the_system_keeps_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "troupe" / "peers"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache() == tmp_path / ".cache" / "troupe" / "peers"
