"""Providers in containers that the server runs: what becomes of a conversation when the container dies."""

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpcore2  # noqa: F401  (httpx2 would import it in the event loop)
import pytest
from anyio import fail_after, to_thread
from containers import IMAGE, PYTHON, STAND_IN
from servers import serving
from starlette.applications import Starlette
from troupe.services.choice import choose
from troupe.services.config import ConfigError, read_config
from troupe.services.docker.engine import Engine
from troupe.services.docker.ownership import OWNER
from troupe.services.docker.platform import label
from troupe.services.docker.wire import Listed
from troupe.services.gateway.app import Gateway
from troupe.services.voice import voice_system
from websockets.asyncio.client import ClientConnection, connect

pytestmark = [pytest.mark.real_time, pytest.mark.asyncio_only, pytest.mark.one_back_end]

TRANSCRIPTION = "conversation.item.input_audio_transcription"
CONFIG = """
[voice]
stt = [{stt}]
llm = "demonstration"
tts = "espeak"
patience = {{ transcript = 20, last = 45 }}
[services.whisper]
manifest = "{manifest}"
environment = {{ TRANSCRIPT = "heard in a container" }}
[services.second]
manifest = "{manifest}"
environment = {{ TRANSCRIPT = "heard by the second" }}
"""


def manifest(folder: Path, name: str, **changes: object) -> Path:
    described = {
        "name": name,
        "image": IMAGE,
        "command": [*PYTHON, STAND_IN],
        "ports": {"http": 8000},
        "health": {"http": "/health", "interval": "200ms"},
        "requirements": {"memory": "96m"},
        "capabilities": ["stt"],
        "stop_grace": "2s",
        **changes,
    }
    file = folder / f"{name}.yml"
    file.write_text(json.dumps(described))
    return file


def application(folder: Path, text: str) -> Starlette:
    file = folder / "troupe.toml"
    file.write_text(text)
    config, _ = read_config(file)
    gateway = Gateway(config.server, config.voice.model, partial(voice_system, choose(config, {})))
    return gateway.application()


@asynccontextmanager
async def conversation(folder: Path, text: str) -> AsyncGenerator[ClientConnection]:
    app = await to_thread.run_sync(application, folder, text)
    async with serving(app) as address, connect(f"ws://{address}/v1/realtime", max_queue=None) as client:
        by_hand = {"type": "realtime", "audio": {"input": {"turn_detection": None, "transcription": {"model": "x"}}}}
        await client.send(json.dumps({"type": "session.update", "session": by_hand}))
        yield client


async def say(client: ClientConnection, seconds: float) -> None:
    audio = base64.b64encode(bytes(round(seconds * 48_000))).decode()
    await client.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))


async def transcript(client: ClientConnection) -> str:
    event: dict[str, Any] = {"type": ""}
    with fail_after(50):
        while event["type"] not in {f"{TRANSCRIPTION}.completed", f"{TRANSCRIPTION}.failed"}:
            event = json.loads(await client.recv())
    return str(event.get("transcript", event))


async def containers(engine: Engine, name: str, folder: Path) -> list[Listed]:
    owned = await engine.list(f"troupe.service={name}")
    return [each for each in owned if str(folder) in label(each, OWNER) and each.state == "running"]


@pytest.mark.parametrize(
    ("chain", "heard"),
    [('"whisper/stand-in"', "heard in a container"), ('"whisper/stand-in", "second/stand-in"', "heard by the second")],
)
async def test_container_dies_in_mid_utterance(
    socket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chain: str, heard: str
) -> None:
    monkeypatch.setenv("TROUPE_RUNS", str(tmp_path / "runs"))
    written = await to_thread.run_sync(manifest, tmp_path, "mid-utterance")
    text = CONFIG.format(stt=chain, manifest=written)
    async with Engine.open(socket) as engine, conversation(tmp_path, text) as client:
        await say(client, 0.5)
        (container,) = await containers(engine, "whisper", tmp_path)
        await engine.kill(container.id)
        await say(client, 0.5)
        await client.send(json.dumps({"type": "input_audio_buffer.commit"}))
        assert await transcript(client) == heard
    async with Engine.open(socket) as engine:
        assert await containers(engine, "whisper", tmp_path) == []


def test_several_workers_would_each_have_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = CONFIG.format(stt='"whisper"', manifest=manifest(tmp_path, "mid-utterance"))
    (tmp_path / "troupe.toml").write_text(text + "[server]\nworkers = 2\n")
    config, _ = read_config(tmp_path / "troupe.toml")
    choice = choose(config, {})
    assert {link.provider for link in choice.links if link.service} == {"whisper"}
    from troupe.services.cli.serve import _check_workers

    with pytest.raises(ConfigError, match="each worker would start its own container of whisper"):
        _check_workers(config, choice)
