"""Names by which two processes mean the same."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import lodgers
import pytest
from troupe.runtime.errors import InvalidActor
from troupe.runtime.process import names


class Outer:
    class Inner:
        pass


def test_a_name_finds_what_it_names() -> None:
    assert names.name_of(lodgers.Lodger) == "lodgers:Lodger"
    assert names.find_loaded("lodgers:Lodger") is lodgers.Lodger
    assert names.find_loaded(names.name_of(Outer.Inner)) is Outer.Inner
    assert names.find("json.decoder:JSONDecoder.decode").__qualname__ == "JSONDecoder.decode"


@pytest.mark.parametrize(
    "name", ["lodgers:Nobody", "lodgers:Lodger.nothing.more", "no.such.module:Thing", "", ":", "a:"]
)
def test_what_is_not_there_is_not_found(name: str) -> None:
    assert names.find_loaded(name) is None


def test_finding_imports() -> None:
    sys.modules.pop("this", None)
    sys.modules.pop("colorsys", None)
    assert names.find_loaded("colorsys:rgb_to_hls") is None
    assert names.find("colorsys:rgb_to_hls")(0, 0, 0) == (0, 0, 0)
    with pytest.raises(ImportError, match=r"there is no colorsys\.nothing"):
        names.find("colorsys:nothing")
    with pytest.raises(ModuleNotFoundError):
        names.find("no_such_module:thing")


def test_what_can_be_imported() -> None:
    class Local:
        pass

    assert names.check_importable(lodgers.build, "factory") == "lodgers:build"
    for thing in (Local, lambda: None, lodgers.Lodger()):
        with pytest.raises(InvalidActor, match="can't be imported by a worker process: define it at module level"):
            names.check_importable(thing, "factory")


@pytest.fixture
def main_module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A `__main__` of the test's own."""
    main = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    return main


@pytest.fixture
def no_main_again() -> Iterator[None]:
    yield
    sys.modules.pop(names.MAIN_AGAIN, None)


def test_an_interactive_session_can_not_be_imported(main_module: ModuleType) -> None:
    class Thing:
        pass

    Thing.__module__, Thing.__qualname__ = "__main__", "Thing"
    main_module.Thing = Thing  # type: ignore[attr-defined]
    with pytest.raises(InvalidActor, match="can't import from an interactive session"):
        names.check_importable(Thing, "actor")
    main_module.__file__ = "/app.py"
    assert names.check_importable(Thing, "actor") == "__main__:Thing"
    assert names.describe_main() == ("path", "/app.py")


@pytest.mark.usefixtures("main_module", "no_main_again")
def test_the_main_module_is_loaded_again_from_its_path(tmp_path: Path) -> None:
    script = tmp_path / "app.py"
    script.write_text("ran_as = __name__\nclass Thing: pass\ndef make(): return Thing()\n")
    names.load_main(("path", str(script)))
    thing = names.find("__main__:Thing")
    assert names.find("__main__:ran_as") == names.MAIN_AGAIN
    assert names.name_of(thing) == "__main__:Thing"
    assert isinstance(names.find("__main__:make")(), thing)


@pytest.mark.usefixtures("main_module", "no_main_again")
def test_the_main_module_is_loaded_again_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "some_app.py").write_text("class Thing: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    names.load_main(("module", "some_app"))
    assert names.name_of(names.find("__main__:Thing")) == "__main__:Thing"


def test_no_main_module_is_loaded_where_no_name_refers_to_it() -> None:
    main = sys.modules["__main__"]
    names.load_main(("", ""))
    assert sys.modules["__main__"] is main


@pytest.mark.parametrize("how", ["module", "path"])
def test_how_to_get_at_the_main_module_of_this_process(how: str, tmp_path: Path) -> None:
    script = tmp_path / "some_app.py"
    script.write_text("from troupe.runtime.process.names import describe_main\nprint(*describe_main())\n")
    command = ["-m", "some_app"] if how == "module" else [str(script)]
    said = subprocess.run([sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert said.split() == [how, "some_app" if how == "module" else str(script)]
