"""`troupe chat`, `say`, `transcribe` and `providers` as a user runs them, against servers that stand in for OpenAI."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from troupe.actors.contracts import Usage
from troupe.actors.routing import ProviderStatus
from troupe.actors.routing.breaker import CircuitBreaker
from troupe.actors.routing.record import Record
from troupe.actors.usage import Meters
from troupe.codecs.asset import load
from troupe.codecs.captions import from_srt, from_webvtt
from troupe.codecs.decode import read_audio
from troupe.codecs.encode import encode_to
from troupe.codecs.pcm import Pcm
from troupe.services.cli import main
from troupe.services.cli.live import gathered, quantile, samples, table
from troupe.services.gateway.exposition import exposition, merged
from troupe.services.gateway.metrics import providers
from troupe.services.kinds.registry import KINDS
from troupe.services.wire import Refuse
from troupe.services.wire.openai import OpenAiWire

pytestmark = pytest.mark.real_time


@pytest.fixture
def openai(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAiWire]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name in [kind.key for kind in KINDS.values() if kind.key]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with OpenAiWire(keys=("sk-secret",)) as wire:
        there = f"base_url = '{wire.base_url}'\napi_key = 'env:OPENAI_API_KEY'"
        Path("troupe.toml").write_text(f"[providers.openai]\n{there}")
        yield wire


def troupe(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run a command; return its status and what it has written."""
    status = 0
    try:
        main(arguments)
    except SystemExit as ended:
        status = int(ended.code or 0)
    out, err = capsys.readouterr()
    return status, out, err


def test_one_question_is_answered_on_standard_output_alone(
    openai: OpenAiWire, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert troupe(capsys, "chat", "Say it", "--model", "openai") == (0, "You said: Say it\n", "")
    monkeypatch.setattr("sys.stdin", io.StringIO("from a pipe"))
    assert troupe(capsys, "chat", "--model", "openai")[:2] == (0, "You said: from a pipe\n")


def test_a_conversation_goes_on_after_an_error_and_can_be_forgotten(
    openai: OpenAiWire, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = iter(["one", "", "/nothing", "two", "/usage", "/clear", "three", "/quit", "four"])

    def typed(_: str) -> str:
        line = next(lines)
        if line == "two":
            openai.fail("/v1/chat/completions", Refuse(401))
        return line

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", typed)
    status, out, err = troupe(capsys, "chat", "--model", "openai", "--system", "Be short.")
    assert (status, out) == (0, "You said: one\nYou said: three\n")
    assert "authentication_failed" in err
    assert "There is no /nothing." in err
    assert "tokens read" in err
    assert next(lines) == "four"
    bodies = [exchange.json() for exchange in openai.exchanges]
    roles = [[message["role"] for message in body["messages"]] for body in bodies]
    assert roles == [["system", "user"], ["system", "user", "assistant", "user"], ["system", "user"]]


@pytest.mark.parametrize("name", ["said.mp3", "said.wav"])
def test_a_text_becomes_a_file(openai: OpenAiWire, capsys: pytest.CaptureFixture[str], name: str) -> None:
    status, out, err = troupe(capsys, "say", "Hello there.", "-o", name, "--model", "openai", "--voice", "alloy")
    assert (status, out) == (0, "")
    assert f"by openai/gpt-4o-mini-tts in {name}" in err
    assert read_audio(load(Path(name))).duration > 0.2


def loud(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let voice activity be what is loud: there is no recording of a person here."""

    def infer(_: Any, windows: Any, states: Any) -> tuple[Any, Any]:
        return np.abs(windows[:, -64:]).mean(axis=1) * 4, np.zeros_like(states)

    monkeypatch.setattr("troupe.codecs.silero.SileroModel.infer", infer)


def recording(path: str) -> None:
    tone = np.sin(np.arange(2 * 16_000) * 0.3) * 20_000
    silence = np.zeros(2 * 16_000)
    encode_to(path, Pcm(np.concatenate([silence, tone, silence, tone]).astype(np.int16)[:, None], 16_000))


def test_recordings_become_text_json_and_captions(
    openai: OpenAiWire, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loud(monkeypatch)
    recording("talk.wav")
    recording("more.flac")
    status, out, _ = troupe(capsys, "transcribe", "talk.wav", "--model", "openai", "--json")
    assert status == 0
    told = json.loads(out)
    assert (told["file"], told["model"]) == ("talk.wav", "openai/gpt-4o-mini-transcribe")
    times = [(segment["start"], segment["end"]) for segment in told["segments"]]
    assert times == [pytest.approx((1.7, 4.3), abs=0.1), pytest.approx((5.7, 8), abs=0.1)]
    assert told["text"] == "\n".join(segment["text"] for segment in told["segments"])

    status, out, _ = troupe(capsys, "transcribe", "talk.wav", "more.flac", "--model", "openai")
    assert out == f"talk.wav\n{told['text']}\nmore.flac\n{told['text']}\n"

    assert troupe(capsys, "transcribe", "talk.wav", "--model", "openai", "--srt", "-o", "talk.srt")[0] == 0
    assert troupe(capsys, "transcribe", "talk.wav", "more.flac", "--vtt", "-o", "all", "--model", "openai")[0] == 0
    captions = from_srt(Path("talk.srt").read_text())
    assert captions == from_webvtt(Path("all/talk.vtt").read_text()) == from_webvtt(Path("all/more.vtt").read_text())
    assert " ".join(caption.text for caption in captions).split() == told["text"].split()
    assert times[0][0] <= captions[0].start < captions[-1].end <= times[-1][1] + 0.001


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("chat", "x", "--model", "opnai"), 2, "there is no provider opnai; did you mean openai?"),
        (("chat", "x", "--model", "anthropic"), 2, "set ANTHROPIC_API_KEY"),
        (("say",), 2, "there is nothing to say"),
        (("say", " "), 2, "there is nothing to say"),
        (("say", "x", "-o", "x.doc"), 2, "x.doc: audio is not written in this format; known are"),
        (("say", "x", "--model", "openai"), 1, "or write a file: -o speech.wav"),
        (("say", "...", "-o", "x.mp3", "--model", "openai"), 1, "nothing in the text that can be said"),
        (("transcribe", "none.mp3"), 2, "there is no file none.mp3"),
        (("transcribe", "troupe.toml", "--srt", "--json"), 2, "choose one of"),
        (("transcribe", "troupe.toml", "troupe.toml", "--srt"), 2, "--srt -o captions/"),
        (("transcribe", "troupe.toml", "--model", "openai"), 1, "the role speech needs an audio stream"),
        (("providers", "127.0.0.1:1"), 1, "is `troupe serve` running there?"),
    ],
)
def test_what_goes_wrong_is_said_in_a_sentence(
    openai: OpenAiWire,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    status: int,
    said: str,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sounddevice", None)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    ended, out, err = troupe(capsys, *arguments)
    assert (ended, out) == (status, "")
    assert err.strip().startswith("troupe: ")
    assert said in err


def test_providers_are_listed_without_their_keys(openai: OpenAiWire, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = troupe(capsys, "providers")
    assert status == 0
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in out.splitlines() if line.strip()}
    assert rows.keys() >= KINDS.keys()
    assert "found" in rows["openai"]
    assert "doubtful" in rows["openai"] or "ready" in rows["openai"]
    assert "set ANTHROPIC_API_KEY" in rows["anthropic"]
    assert "needs none" in rows["demonstration"]
    assert "sk-secret" not in out


def test_the_numbers_of_several_workers_are_put_together() -> None:
    def worker(seconds: float) -> list[Any]:
        record = Record()
        for _ in range(50):
            record.first.observe(seconds)
        record.outcomes.update({"ok": 49, "rate_limited": 1})
        breaker = CircuitBreaker()
        status = ProviderStatus("providers/openai/llm", 'gpt "4"', breaker.statistics(0), record, None, None)
        meters = Meters()
        meters.of('gpt "4"').add(Usage(cost=0.25, input_tokens=1000, output_tokens=30))
        meters.of('gpt "4"').retries["provider_unavailable"] += 3
        meters.of('gpt "4"').connects.observe(0.15)
        meters.of("").connects.observe(0.15)
        return list(providers({"voice/llm": (status,)}, {"providers/openai/llm": meters.accounts}, {}))

    page = exposition(merged({"0": worker(0.15), "1": worker(0.25)})).decode()
    found = gathered(samples(page))
    (one,) = found.values()
    assert one.outcomes == {"ok": 98, "rate_limited": 2}
    assert quantile(one.first, 0.5) == pytest.approx(0.2)
    assert quantile(one.first, 0.75) == pytest.approx(0.25)
    assert quantile(one.connect, 1) == pytest.approx(0.2)
    assert one.retries == {"provider_unavailable": 6}
    assert one.cost == 0.5
    console = Console(width=300, file=io.StringIO())
    console.print(table(found))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert all(part in shown for part in ("2 rate_limited", "6 provider_unavailable", "2000 in, 60 out", "$0.5000"))
