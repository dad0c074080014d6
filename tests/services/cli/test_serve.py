"""`troupe serve` as a user runs it: what it says before it serves, and how it refuses."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from troupe.services.cli import main
from troupe.services.kinds.registry import KINDS
from troupe.services.wire.openai import OpenAiWire

pytestmark = pytest.mark.real_time

COMMAND = [sys.executable, "-m", "troupe.services.cli", "serve"]


@pytest.fixture(autouse=True)
def nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TROUPE_MODELS", str(tmp_path / "models"))
    for name in ("TROUPE_API_KEYS", *(kind.key for kind in KINDS.values() if kind.key)):
        monkeypatch.delenv(name, raising=False)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Return status and words of a server that does not start."""
    with pytest.raises(SystemExit) as ended:
        main(["serve", *arguments])
    said = capsys.readouterr()
    assert said.out == "" or "Invalid value" in said.out
    return ended.value.code, said.err + said.out


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[str, str]]:
    """Run a server; give its address and what it has said."""
    command = [*COMMAND, "--port", "0", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            said = ""
            while "Talk to it at" not in said:
                line = process.stderr.readline()
                assert line, said
                said += line
            (address,) = re.findall(r"Talk to it at (\S+)", said)
            while httpx2.get(f"{address}readyz", timeout=30).status_code != 200:
                time.sleep(0.05)
            yield address, said
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


def rows(said: str) -> list[tuple[str, ...]]:
    return [tuple(re.split(r"\s{2,}", line.strip())) for line in said.splitlines() if "  " in line]


def test_without_a_configuration_it_says_what_it_found_and_serves() -> None:
    with serving() as (address, said):
        assert rows(said) == [
            ("speech to text", "pocketsphinx", "ready", "the last resort"),
            ("language model", "demonstration", "ready", "the last resort"),
            ("text to speech", "espeak", "ready", "the last resort"),
        ]
        assert httpx2.get(f"{address}v1/models", timeout=30).json()["data"][0]["id"] == "troupe"


CHAIN = """
[voice]
stt = ["mine/small", "pocketsphinx"]
llm = "openai"
tts = ["kokoro", "espeak"]
[providers.openai]
base_url = "{url}"
[providers.mine]
base_url = "{url}"
api_key = "env:MY_KEY"
"""


def test_it_says_which_provider_can_not_be_used_and_does_not_start_without_one_for_each_part(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-right")
    with OpenAiWire(keys=("sk-right",), models=("smaller",)) as wire:
        Path("troupe.toml").write_text(CHAIN.format(url=wire.base_url))
        status, said = refused(capsys, "--port", "0")
    assert status == 2
    assert "Configuration: troupe.toml, --port" in said
    assert rows(said) == [
        ("speech to text", "mine/small", "doubtful", "configured"),
        ("pocketsphinx", "ready", "configured"),
        ("language model", "openai/gpt-4o-mini", "refused", "configured"),
        ("text to speech", "espeak", "ready", "configured"),
    ]
    words = " ".join(said.split())
    assert "openai: it wants a key (HTTP 401 invalid_request_error): set api_key in [providers.openai]" in words
    assert "mine: it has no model small; did you mean smaller?" in words
    assert "kokoro is left out: its model is not here: troupe models pull kokoro" in words
    assert "[voice] llm: nobody is left for the language model but openai/gpt-4o-mini" in words


@pytest.mark.parametrize(
    ("text", "arguments", "status", "told"),
    [
        ("[server]\nprot = 1", (), 2, "troupe: troupe.toml, line 2: [server] has no key prot; did you mean port?"),
        (
            "[voice]\nstt = 'epseak'",
            (),
            2,
            "troupe: troupe.toml, line 2: [voice] stt: there is no provider epseak; did",
        ),
        ("[voice]\nstt = 'epseak'", ("--stt", "vllm"), 2, "troupe: --stt: [voice] stt: vllm has no speech to text;"),
        ("", ("--host", "0.0.0.0"), 2, "0.0.0.0 can be reached from outside, and there is no key. Set TROUPE_API_KEYS"),
        (
            "[server]\nhost = '0.0.0.0'",
            ("--check-config",),
            2,
            "troupe.toml, line 2: [server] host: 0.0.0.0 can",
        ),
        ("", ("--tls-cert", "nowhere.pem"), 2, "--tls-cert: [server] tls_cert: can't read nowhere.pem"),
        ("", ("--config", "nowhere.toml"), 2, "troupe: nowhere.toml: can't be read: No such file or directory"),
        ("", ("--port", "x"), 2, "Invalid value for --port"),
    ],
)
def test_what_is_wrong_is_said_and_the_status_is_two(
    capsys: pytest.CaptureFixture[str], text: str, arguments: tuple[str, ...], status: int, told: str
) -> None:
    Path("troupe.toml").write_text(text)
    found, said = refused(capsys, *arguments)
    assert told in said
    assert found == status


def test_a_taken_port_is_said_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, said = refused(capsys, "--port", str(taken.getsockname()[1]))
    assert status == 1
    assert "Choose another with --port" in said


def test_the_configuration_can_be_looked_at(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hidden")
    Path("troupe.toml").write_text("[server]\napi_keys = ['sk-hidden-too']\n[voice]\nstt = 'openai/whisper-1'")
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["serve", "--check-config", "--workers", "3", "--tts", "openai", "--tts", "openai/tts-1,espeak"])
    said = capsys.readouterr()
    assert "hidden" not in said.out + said.err
    assert 'api_keys = ["********"]' in said.out
    assert "workers = 3" in said.out
    assert "# llm: openai/gpt-4o-mini, demonstration" in said.out
    assert "# tts: openai/gpt-4o-mini-tts, openai/tts-1, espeak" in said.out
