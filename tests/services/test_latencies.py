"""What one run leaves to the next: how soon providers answered, and nothing else."""

import math
import time
from pathlib import Path

import httpcore2  # noqa: F401  (httpx2 would import it in the event loop)
import msgspec
import pytest
from anyio import to_thread
from troupe.services.choice import linked
from troupe.services.config import Config
from troupe.services.config.schema import Voice
from troupe.services.kinds.openai import Table
from troupe.services.latencies import FILE, LARGEST, MEMORY, MOST, Kept, digest, read, state_folder, write
from troupe.services.models import LanguageModel, open_models
from troupe.services.wire.openai import OpenAiWire
from wires import running_wire, wire

__all__ = ["running_wire", "wire"]

NOW = 1_800_000_000.0
WISH = "fastest:text-generation?region=here"


def test_what_is_written_is_read_and_added_to(tmp_path: Path) -> None:
    file = tmp_path / "troupe" / FILE
    assert read(file, NOW) == {}
    write(file, {"a": Kept(0.5, NOW), "b": Kept(0.2, NOW)}, NOW)
    write(file, {"b": Kept(0.3, NOW + 1)}, NOW + 1)
    assert read(file, NOW + 1) == {"a": Kept(0.5, NOW), "b": Kept(0.3, NOW + 1)}
    assert [path.name for path in file.parent.iterdir()] == [FILE]


def test_it_forgets(tmp_path: Path) -> None:
    file = tmp_path / FILE
    write(file, {"old": Kept(0.5, NOW), "new": Kept(0.5, NOW + MEMORY)}, NOW)
    assert read(file, NOW + MEMORY + 1).keys() == {"new"}
    write(file, {str(number): Kept(0.5, NOW + number) for number in range(2 * MOST)}, NOW)
    assert read(file, NOW + 1000).keys() == {str(number) for number in range(MOST, 2 * MOST)}
    assert file.stat().st_size < LARGEST


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"form":"another","times":{}}',
        b'{"form":"troupe.latencies.1","times":{"a":["soon",1]}}',
        msgspec.json.encode({"form": "troupe.latencies.1", "times": {"a": [-1, NOW]}}),
        msgspec.json.encode({"form": "troupe.latencies.1", "times": {"a": [0.1, NOW + 10**6]}}),
        msgspec.json.encode({"form": "troupe.latencies.1", "times": {"a" * LARGEST: [0.1, NOW]}}),
    ],
)
def test_a_file_that_makes_no_sense_counts_as_empty_and_is_replaced(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / FILE
    file.write_bytes(content)
    assert read(file, NOW) == {}
    write(file, {"b": Kept(0.2, NOW)}, NOW)
    assert read(file, NOW) == {"b": Kept(0.2, NOW)}


def test_one_that_can_not_be_written_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(IsADirectoryError):
        write(tmp_path / FILE, {"a": Kept(0.1, NOW)}, NOW)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def config(wire: OpenAiWire, *, keep: bool = True) -> Config:
    table = Table(kind="openai", base_url=wire.base_url, models={"llm": ("hidden",)}, region="here")
    return Config(providers={"secret-one": table, "secret-two": table}, voice=Voice(keep_latencies=keep))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return state_folder()


@pytest.mark.real_time
async def test_the_next_run_begins_with_whoever_was_fastest(wire: OpenAiWire, folder: Path) -> None:
    configuration = config(wire)
    one, two = await to_thread.run_sync(linked, configuration, {}, "llm", (WISH,))
    file, now = folder / FILE, time.time()
    for slow, fast in ((one, two), (two, one)):
        times = {digest(slow): Kept(9.0, now), digest(fast): Kept(0.001, now)}
        await to_thread.run_sync(write, file, times, now)
        async with open_models(configuration, environ={}) as models:
            model = await models.model(WISH, LanguageModel)
            await model.transform("Hello.")
        found = await to_thread.run_sync(read, file, time.time())
        assert found[digest(slow)] == Kept(9.0, now)  # it was not asked, so nothing is new about it
        assert found[digest(fast)].when >= now
        assert 0 <= found[digest(fast)].seconds < math.inf
    text = await to_thread.run_sync(file.read_text)
    assert not any(word in text for word in ("secret", "hidden", "Hello", "127.0.0.1", "openai"))


@pytest.mark.real_time
@pytest.mark.parametrize("wish", [WISH, "cheapest:text-generation?region=here"])
async def test_nothing_is_kept_that_nobody_asked_for(wire: OpenAiWire, folder: Path, wish: str) -> None:
    async with open_models(config(wire, keep=wish != WISH), environ={}) as models:
        await (await models.model(wish, LanguageModel)).transform("Hello.")
    assert not await to_thread.run_sync(folder.exists)
