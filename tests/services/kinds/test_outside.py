"""A package that is installed brings a kind of provider with it."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from troupe.services.kinds.outside import outside

LIGHT = """
from troupe.services.kinds.kind import Kind

KIND = Kind(name="parrot", llm="polly", module="parrot_provider.making", remark="says it again")
"""
MAKING = """
from troupe.actors.contracts import Ended, Generate, GenerationEvent, TextDelta
from troupe.runtime import Actor, Sender, child
from troupe.runtime.specs import ActorSpec
from troupe.services.kinds.kind import ProviderTable, Setup


class Table(ProviderTable, frozen=True, kw_only=True):
    word: str = "Kraa!"


class Parrot(Actor):
    def __init__(self, word: str) -> None:
        self._word = word

    async def generate(self, request: Generate, replies: Sender[GenerationEvent]) -> None:
        await replies.send(TextDelta(f"{request.turns[-1].text} {self._word}"))
        await replies.send(Ended("stop"))


def llm(setup: Setup[Table]) -> ActorSpec:
    return child(Parrot, setup.table.word, name=setup.actor)
"""
PROGRAM = """
import sys, anyio
from pathlib import Path
from troupe.services.config import read_config
from troupe.services.models import open_model

Path("troupe.toml").write_text("[providers.parrot]\\nword = 'Ahoy!'")
assert "parrot_provider.making" not in sys.modules

async def main():
    async with open_model("parrot") as model:
        print((await model.transform("Hello?")).text, model.links[0].kind.origin)

anyio.run(main)
"""


def install(folder: Path, name: str, entries: str, **modules: str) -> None:
    """Install a distribution into a folder, as an installer would."""
    package = folder / name
    package.mkdir(parents=True)
    for module, source in modules.items():
        (package / f"{module}.py").write_text(textwrap.dedent(source))
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[troupe.providers]\n{entries}\n")


def test_it_is_configured_and_works_like_one_of_ours(tmp_path: Path) -> None:
    install(tmp_path / "site", "parrot_provider", "parrot = parrot_provider:KIND", __init__=LIGHT, making=MAKING)
    program = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert program.returncode == 0, program.stderr
    assert program.stdout == "Hello? Ahoy! parrot-provider\n"


@pytest.mark.parametrize(
    ("entry", "source", "told"),
    [
        ("broken:KIND", "raise RuntimeError('private')", "the provider it of broken is left out: RuntimeError"),
        ("broken:KIND", "OTHER = 1", "the provider it of broken is left out: AttributeError"),
        ("broken:KIND", "KIND = 1", "the provider it of broken is left out: broken:KIND is no Kind"),
        (
            "broken:KIND",
            "from troupe.services.kinds.kind import Kind\nKIND = Kind(name='openai', llm='')",
            "the provider openai of broken is left out: there is one of that name",
        ),
    ],
)
def test_one_that_is_out_of_order_is_left_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    entry: str,
    source: str,
    told: str,
) -> None:
    install(tmp_path, "broken", f"it = {entry}", __init__=source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "broken", raising=False)
    assert outside({"openai"}) == {}
    monkeypatch.delitem(sys.modules, "broken", raising=False)
    assert caplog.messages == [told]
