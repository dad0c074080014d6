"""Every subject can be started as it says, and all are told the same."""

import re
import runpy
import sys
from pathlib import Path

import pytest
from troupe.services.bench.checkout import checkout
from troupe.services.bench.peers.comparison import SILENCE
from troupe.services.bench.peers.subjects import SUBJECTS, Subject
from troupe.services.bench.peers.wires import RATE_OUT, WIRES


@pytest.fixture
def benchmarks() -> Path:
    root = checkout()
    assert root is not None
    return root / "benchmarks"


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_a_subject_is_complete(subject: Subject, benchmarks: Path) -> None:
    python, script, *arguments = subject.command(benchmarks, None, sentences=3, sessions=7)
    assert python == sys.executable
    assert Path(script).is_file()
    assert arguments[-4:] == ["--sentences", "3", "--sessions", "7"]
    requirements = subject.requirements(benchmarks)
    assert (requirements is None) == (subject.wire == "realtime"), "who speaks our protocol here is of our environment"
    if requirements is not None:
        assert re.search(rf"^{subject.distribution}(\[\S+\])?==\S+ ", requirements.read_text(), re.MULTILINE)
        assert subject.command(benchmarks, Path("/peer/python"), sentences=1, sessions=1)[0] == "/peer/python"


@pytest.mark.parametrize("packages", {subject.packages for subject in SUBJECTS.values() if subject.packages})
def test_what_is_installed_is_pinned_and_hashed(packages: str, benchmarks: Path) -> None:
    pinned = (benchmarks / "peers" / packages).read_text()
    entries = [line for line in pinned.splitlines() if line and not line.startswith((" ", "#"))]
    assert entries
    assert all(re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+ ", entry) for entry in entries)
    assert len(re.findall(r"(?m)\\\n +--hash=sha256:[0-9a-f]{64}", pinned)) >= len(entries)


def test_the_peers_servers_agree_with_the_load(benchmarks: Path) -> None:
    scripted = runpy.run_path(str(benchmarks / "peers" / "scripted.py"))
    assert scripted["SILENCE"] == SILENCE
    assert scripted["RATE_OUT"] == RATE_OUT
    assert {wire.rate_in for wire in WIRES.values()} == {scripted["RATE_IN"]}
    assert len(scripted["noise"](0.02)) == 960
    assert scripted["chunks"](scripted["SENTENCE"], 0.02) == 138, "as our own scripted voice does"


def test_the_same_is_said_as_our_own_scripted_providers_say(benchmarks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(benchmarks))
    ours = runpy.run_path(str(benchmarks / "load" / "providers.py"))
    scripted = runpy.run_path(str(benchmarks / "peers" / "scripted.py"))
    assert ours["SENTENCE"] == scripted["SENTENCE"]
    assert scripted["tokens"](3) == [f"{word} " for word in ours["SENTENCE"].split()] * 3
