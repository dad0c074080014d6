"""Keys change in their files, and those who hold them send the new ones."""

import logging
from pathlib import Path

import pytest
from anyio import sleep, to_thread
from troupe.actors import key_follower
from troupe.actors.file_secret import FileSecret
from troupe.actors.key_follower import KeyFollower
from troupe.runtime import child, open_system

pytestmark = pytest.mark.real_time


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_follower, "INTERVAL", 0.01)


@pytest.fixture
def key(tmp_path: Path) -> FileSecret:
    (tmp_path / "key").write_text("sk-0")
    return FileSecret(tmp_path / "key")


def replace(path: Path, text: str) -> None:
    """Write a file as one does that others read: beside it, and then in its place."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


async def test_each_new_key_is_used(key: FileSecret, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "troupe.providers")
    async with open_system(child(KeyFollower, [key, key], name="keys")):
        for written in ("sk-1", "not a key", "sk-22"):
            await to_thread.run_sync(replace, key.path, written)
            known = written if " " not in written else "sk-1"
            while key.reveal() != known or (" " in written and "stays" not in caplog.text):
                await sleep(0.01)
    assert [message.split(":")[0] for message in caplog.messages] == [
        f"there is another key in {key.path}",
        "the key stays as it was",
        f"there is another key in {key.path}",
    ]
    assert "not a key" not in caplog.text


async def test_without_keys_there_is_nothing_to_do() -> None:
    async with open_system(child(KeyFollower, [], name="keys")):
        pass
