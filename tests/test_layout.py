"""The package list and the folders on disk say the same."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("actors", "codecs", "runtime", "services")


def test_package_list_equals_the_folders_on_disk() -> None:
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    on_disk = {
        "troupe." + ".".join(module.parent.relative_to(ROOT).parts)
        for folder in FOLDERS
        for module in (ROOT / folder).rglob("__init__.py")
    }
    assert set(setup["packages"]) == on_disk
    assert setup["package-dir"] == {f"troupe.{folder}": folder for folder in FOLDERS}


def test_every_folder_with_modules_is_a_package() -> None:
    for folder in FOLDERS:
        for module in (ROOT / folder).rglob("*.py"):
            assert (module.parent / "__init__.py").exists(), module


def test_top_level_holds_nothing_else() -> None:
    allowed = {
        *FOLDERS,
        "tests",
        "benchmarks",
        "docs",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
    }
    found = {p.name for p in ROOT.iterdir() if not p.name.startswith(".")}
    assert found - {"build", "dist"} - {p for p in found if p.endswith(".egg-info")} <= allowed


def test_type_checkers_see_the_same_folders() -> None:
    for folder in FOLDERS:
        assert (ROOT / ".typing" / "troupe" / folder).resolve() == ROOT / folder
