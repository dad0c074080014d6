import base64
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from troupe.actors.inference import catalogue
from troupe.actors.inference.catalogue import ENGINES, LocalEngine, ModelFile
from troupe.actors.inference.errors import NotInstalled

ROOT = Path(__file__).parents[3]
FILES = (ModelFile("model.onnx", "https://example.org/model.onnx", 7), ModelFile("config.json", "", 3))


def an_engine(package: str = "json", files: tuple[ModelFile, ...] = FILES) -> LocalEngine:
    return LocalEngine(
        name="thing", kind="tts", package=package, extra="things", files=files, licence="MIT", languages="", remark=""
    )


def test_state_follows_package_and_files(tmp_path: Path) -> None:
    engine = an_engine()
    assert an_engine("no_such_package").state(tmp_path) == "needs the package"
    assert engine.state(tmp_path) == "needs the model"
    (tmp_path / "thing").mkdir()
    for file in FILES:
        assert engine.state(tmp_path) == "needs the model"
        (tmp_path / "thing" / file.name).write_bytes(b"")
    assert engine.state(tmp_path) == "ready"
    assert an_engine("", ()).state(tmp_path) == "ready"


def test_locate_names_the_missing_files_and_the_fix(tmp_path: Path) -> None:
    (tmp_path / "thing").mkdir()
    (tmp_path / "thing" / "config.json").write_bytes(b"")
    with pytest.raises(NotInstalled, match=r"lacks model\.onnx in .*: troupe models pull thing$"):
        an_engine().locate(tmp_path)
    (tmp_path / "thing" / "model.onnx").write_bytes(b"")
    assert an_engine().locate(tmp_path) == tmp_path / "thing"


def test_load_imports_or_names_the_fix() -> None:
    assert an_engine("json").load().loads("1") == 1
    with pytest.raises(NotInstalled, match=r"pip install 'troupe\[things\]'"):
        an_engine("no_such_package").load()


def test_load_does_not_hide_what_a_package_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_package.py").write_text("import no_such_dependency")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        an_engine("broken_package").load()


def test_models_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROUPE_MODELS", "/models")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert catalogue.models_folder() == Path("/models")
    monkeypatch.delenv("TROUPE_MODELS")
    assert catalogue.models_folder() == Path("/cache/troupe/models")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert catalogue.models_folder() == Path("/home/someone/.cache/troupe/models")


def test_size_is_what_is_downloaded() -> None:
    assert an_engine().size == 10
    assert ENGINES["espeak"].size == 0


def test_every_extra_exists_and_installs_the_package() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for engine in ENGINES.values():
        assert bool(engine.package) == bool(engine.extra)
        if engine.extra:
            wanted = " ".join(extras[engine.extra]).replace("-", "_")
            assert engine.package in wanted


def test_every_kind_has_an_engine_that_needs_no_download() -> None:
    assert {engine.kind for engine in ENGINES.values() if not engine.files} == {"stt", "llm", "tts"}


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_files_are_well_described(engine: LocalEngine) -> None:
    for file in engine.files:
        assert Path(file.name).name == file.name
        assert file.url.startswith("https://")
        assert file.size > 0
        if file.checksum:
            algorithm, value = file.checksum.split(":")
            assert algorithm == "crc32c"
            assert len(base64.b64decode(value, validate=True)) == 4


@pytest.mark.real_time
def test_asking_for_the_state_imports_no_engine(tmp_path: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from troupe.actors.inference.catalogue import ENGINES
states = [engine.state(Path({str(tmp_path)!r})) for engine in ENGINES.values()]
print(sorted({{engine.package for engine in ENGINES.values()}} & set(sys.modules)), "onnxruntime" in sys.modules)
"""
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[] False"
