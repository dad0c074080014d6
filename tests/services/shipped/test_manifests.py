"""The shipped services as they are found, checked, and sent to an engine."""

import io
import tarfile
import tomllib
from pathlib import Path

import pytest
from troupe.services.docker.container import planned
from troupe.services.docker.images import pack
from troupe.services.docker.manifest import read_manifest
from troupe.services.docker.ownership import Run
from troupe.services.docker.plans import SHIPPED, find, native, shipped
from troupe.services.docker.preparation import prepare
from troupe.services.kinds.registry import KINDS

NAMES = ("chatterbox", "ffmpeg", "ollama", "whisper")
VARIANTS = [(name, variant) for name in NAMES for variant in ("", "gpu")]


def test_they_are_found_by_their_names() -> None:
    assert set(shipped()) >= set(NAMES)


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_each_is_what_it_says_and_needs_no_permission(tmp_path: Path, name: str, variant: str) -> None:
    described = read_manifest(find(name), variant)
    manifest = described.manifest
    assert manifest.name == name
    assert bool(manifest.requirements.gpus) == bool(variant)
    if manifest.ports:
        assert manifest.provider.kind in KINDS
    with Run.begin(tmp_path) as run:
        body = prepare(planned(described), run, "test", {}, native(described), {})
    host = body["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert {mount["Type"] for mount in host["Mounts"]} <= {"volume", "tmpfs"}
    assert (host["NetworkMode"] == "none") == (name == "ffmpeg")


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_what_is_built_has_what_its_dockerfile_copies(name: str, variant: str) -> None:
    plan = planned(read_manifest(find(name), variant))
    if plan.build is None:
        return
    packed = pack(plan.folder / plan.build.context, plan.build)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        sent = set(archive.getnames())
        recipe = archive.extractfile(plan.build.dockerfile)
        assert recipe is not None
        lines = [line.split() for line in recipe.read().decode().splitlines()]
    assert not [each for each in sent if "__pycache__" in each]
    for copied in (line[1] for line in lines if line[:1] == ["COPY"]):
        assert copied in sent
    stages = {line[-1] for line in lines if line[:1] == ["FROM"]}
    assert not plan.build.target or plan.build.target in stages


def test_the_wheel_has_them() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["troupe.services.shipped"]
    packaged = {path for pattern in patterns for path in SHIPPED.glob(pattern)}
    assert packaged == {path for path in SHIPPED.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}}
