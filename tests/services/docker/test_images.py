"""What is sent to the engine for a build, and how far it is."""

import io
import tarfile
from pathlib import Path

import pytest
from troupe.services.config.errors import ConfigError
from troupe.services.docker import images
from troupe.services.docker.images import pack
from troupe.services.docker.manifest import Build


def names(packed: bytes) -> set[str]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return {entry.name for entry in archive.getmembers() if entry.isfile()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("Dockerfile", "app.py", "note.md", "data/one.bin", "data/keep.txt", "deep/er/cache/x"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    ("ignored", "sent"),
    [
        ("", {"Dockerfile", "app.py", "note.md", "data/one.bin", "data/keep.txt", "deep/er/cache/x"}),
        ("*.md\ndata/*\n!data/keep.txt\n# no\n\n**/cache\n", {"Dockerfile", "app.py", "data/keep.txt"}),
        ("*\n!app.py", {"Dockerfile", "app.py"}),
        ("data/", {"Dockerfile", "app.py", "note.md", "deep/er/cache/x"}),
    ],
)
def test_what_is_ignored_is_not_sent(folder: Path, ignored: str, sent: set[str]) -> None:
    (folder / ".dockerignore").write_text(ignored)
    assert names(pack(folder, Build())) - {".dockerignore"} == sent


def test_what_can_not_be_built_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="is none"):
        pack(folder / "nowhere", Build())
    with pytest.raises(ConfigError, match=r"there is no Dockerfile\.gpu"):
        pack(folder, Build(dockerfile="Dockerfile.gpu"))
    (folder / "link").symlink_to("/etc/hostname")
    with pytest.raises(ConfigError, match="there is no link"):
        pack(folder, Build(dockerfile="link"))
    monkeypatch.setattr(images, "LARGEST_CONTEXT", 10)
    with pytest.raises(ConfigError, match=r"more than 0 MiB in it; name what the build does not need"):
        pack(folder, Build())


@pytest.mark.parametrize(
    ("line", "share"),
    [("Step 1/4 : FROM x", 0), ("Step 3/4 : RUN y", 0.5), (" ---> 1234", None), ("Step by step", None)],
)
def test_how_far_a_build_is(line: str, share: float | None) -> None:
    assert images._step(line) == share
