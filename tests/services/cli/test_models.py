"""`troupe models` as a user runs it."""

import http.server
import re
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from troupe.actors.inference.catalogue import ENGINES, LocalEngine, ModelFile
from troupe.services.catalogue.prices import known_prices
from troupe.services.cli import main
from troupe.services.kinds.registry import KINDS
from troupe.services.wire import Late
from troupe.services.wire.ollama import OllamaWire
from troupe.services.wire.openai import OpenAiWire
from troupe.services.wire.openrouter import OpenRouterWire

pytestmark = pytest.mark.real_time


@pytest.fixture(autouse=True)
def nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TROUPE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("COLUMNS", "160")
    for name in [kind.key for kind in KINDS.values() if kind.key]:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[str]:
    """A server of the files in a folder."""
    (tmp_path / "published").mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = partial(Quiet, directory=str(tmp_path / "published"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def troupe(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = 0
    try:
        main(["models", *arguments])
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 0
    said = capsys.readouterr()
    return status, said.out, said.err


def test_local_models_and_what_to_do_next(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = troupe(capsys)
    assert status == 0
    for name in ENGINES:
        assert name in out
    assert "troupe models pull moonshine-small" in out
    assert "set ANTHROPIC_API_KEY" in out


def test_models_of_providers_are_listed_with_a_deadline(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("troupe.services.cli.models.PATIENCE", 0.3)
    with OpenAiWire(models=("one", "two")) as good, OpenAiWire() as slow, OpenAiWire(keys=("sk-1",)) as closed:
        slow.fail("/v1/models", Late())
        wires = {"openai": good, "whisper": slow, "openrouter": closed}
        Path("troupe.toml").write_text(
            "\n".join(f"[providers.{n}]\nbase_url = '{w.base_url}'" for n, w in wires.items())
        )
        status, out, _ = troupe(capsys)
    assert status == 0
    assert "openai, 2 models:\nopenai/one, openai/two" in out
    assert "whisper: no answer within 0.3 s" in out
    assert "openrouter: authentication_failed (HTTP 401" in out


def test_a_model_is_pulled(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, publisher: str, tmp_path: Path
) -> None:
    (tmp_path / "published" / "weights").write_bytes(bytes(100_000))
    files = (ModelFile("weights", f"{publisher}/weights", 100_000), ModelFile("more", f"{publisher}/more", 10))
    tiny = LocalEngine(
        name="tiny", kind="tts", extra="tiny", package="no_such", files=files, licence="", languages="", remark=""
    )
    monkeypatch.setitem(ENGINES, "tiny", tiny)
    status, _, err = troupe(capsys, "pull", "tiny")
    assert status == 1
    assert "troupe: tiny: 127.0.0.1 answered HTTP 404 for more" in err
    (tmp_path / "published" / "more").write_bytes(bytes(10))
    status, out, _ = troupe(capsys, "pull", "tiny")
    assert status == 0
    assert "weights" not in out, "it is here already"
    assert f"tiny is in {tmp_path / 'models' / 'tiny'}" in "".join(out.splitlines())
    assert "It still needs its package: pip install 'troupe[tiny]'" in out
    assert troupe(capsys, "pull", "tiny")[1].startswith("tiny is here: ")


def test_a_name_that_nobody_knows(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = troupe(capsys, "pull", "kokro")
    assert (status, err.strip()) == (2, "troupe: there is no local model kokro; did you mean kokoro?")


def test_ollama_fetches_models(capsys: pytest.CaptureFixture[str]) -> None:
    with OllamaWire(models=()) as wire:
        Path("troupe.toml").write_text(f"[providers.ollama]\nbase_url = '{wire.url}'\n")
        status, out, _ = troupe(capsys, "pull", "ollama/qwen3:4b")
        assert status == 0
        assert "pulling manifest" in out
        assert "success" in out
        assert wire.last("/api/pull").json()["model"] == "qwen3:4b"
        status, out, _ = troupe(capsys)
        assert "ollama/qwen3:4b" in out


@pytest.mark.parametrize(
    ("name", "status", "says"),
    [
        ("openai/gpt-4o", 2, "those of ollama are fetched"),
        ("nobody/model", 2, "there is no provider nobody"),
        ("ollama/no-such-model", 1, "ollama/no-such-model: "),
    ],
)
def test_models_that_can_not_be_fetched(capsys: pytest.CaptureFixture[str], name: str, status: int, says: str) -> None:
    with OllamaWire(models=()) as wire, OpenAiWire() as other:
        tables = {"ollama": wire.url, "openai": other.base_url}
        Path("troupe.toml").write_text("\n".join(f"[providers.{n}]\nbase_url = '{url}'" for n, url in tables.items()))
        ended, _, complaint = troupe(capsys, "pull", name)
    assert ended == status
    assert says in complaint


def test_prices_say_whose_word_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = troupe(capsys, "--prices")
    assert status == 0
    rows = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "$5 / $25 per million tokens" in rows["anthropic/claude-opus-5"]
    assert "the provider" in rows["anthropic/claude-opus-5"]
    assert "unverified" in rows["openai/gpt-4o-mini"]
    assert rows.keys() >= {f"{kind}/{name}" for kind, models in known_prices().items() for name in models}


@pytest.fixture
def openrouter() -> Iterator[OpenRouterWire]:
    with OpenRouterWire() as wire:
        yield wire


def test_a_list_tells_todays_prices(openrouter: OpenRouterWire, capsys: pytest.CaptureFixture[str]) -> None:
    Path("troupe.toml").write_text(
        f"[providers.openrouter]\nbase_url = '{openrouter.base_url}'\n"
        '[providers.openrouter.prices."tts-1"]\ninput = 7\noutput = 8\n'
    )
    _, out, _ = troupe(capsys)
    assert "openrouter/tts-1 ($7 / $8 per million tokens)" in " ".join(out.split())
    assert re.search(r"openrouter/[^ ]+ \(\$0.15 / \$0.6 per million tokens\)", " ".join(out.split()))
