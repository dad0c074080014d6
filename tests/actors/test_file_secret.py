"""A key is what its file says."""

import os
from pathlib import Path

import pytest
from troupe.actors.endpoint import HttpEndpoint
from troupe.actors.file_secret import FileSecret
from troupe.actors.secret import Secret


def replace(path: Path, text: str) -> None:
    """Write a file as one does that others read: beside it, and then in its place."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def test_whoever_holds_it_sends_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("sk-old\n")
    key = FileSecret(path)
    at = HttpEndpoint(provider="x", base_url="http://127.0.0.1:1", key=key)
    assert at.request("GET", "/").headers["authorization"] == "Bearer sk-old"
    assert not key.refresh()
    replace(path, "sk-new")
    assert key.refresh()
    assert not key.refresh()
    assert at.request("GET", "/").headers["authorization"] == "Bearer sk-new"
    os.utime(path, (1, 1))
    assert not key.refresh(), "the file is another one, the key is not"


@pytest.mark.parametrize(("text", "error"), [("", "is empty"), ("two keys", "visible ASCII"), (None, "No such file")])
def test_what_makes_no_sense_changes_nothing(tmp_path: Path, text: str | None, error: str) -> None:
    path = tmp_path / "key"
    path.write_text("sk-old")
    key = FileSecret(path)
    if text is None:
        path.unlink()
    else:
        replace(path, text)
    with pytest.raises((ValueError, OSError), match=error) as caught:
        key.refresh()
    assert "two keys" not in str(caught.value)
    assert key.reveal() == "sk-old"
    with pytest.raises((ValueError, OSError)):
        FileSecret(path)


def test_it_shows_itself_to_nobody_and_is_known_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("sk-1")
    (tmp_path / "b").write_text("sk-1")
    a, again, b = FileSecret(tmp_path / "a"), FileSecret(tmp_path / "a"), FileSecret(tmp_path / "b")
    assert repr(a) == "Secret(…)"
    assert (a, hash(a)) == (again, hash(again))
    assert a not in {b, Secret("sk-1")}
    assert bool(a)
