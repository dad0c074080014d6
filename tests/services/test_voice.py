"""From a configuration to a conversation: a question is spoken in, an answer is spoken out, over real sockets."""

import base64
import json
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpcore2  # noqa: F401  (httpx2 would import it in the event loop)
import numpy as np
import pytest
from anyio import fail_after, run, to_thread
from servers import serving
from starlette.applications import Starlette
from troupe.actors.contracts import ListVoices, Say, Synthesize
from troupe.actors.errors import ModelNotFound
from troupe.actors.providers.local.synthesizer import LocalSynthesizer
from troupe.codecs.resample import Resampler
from troupe.runtime import child, open_system
from troupe.runtime.process import Process
from troupe.services.choice import choose
from troupe.services.config import read_config
from troupe.services.gateway.app import Gateway
from troupe.services.kinds.kind import PARTS
from troupe.services.voice import router, session_patience, voice_system
from troupe.services.wire.anthropic import AnthropicWire
from troupe.services.wire.deepgram import DeepgramWire
from troupe.services.wire.elevenlabs import ElevenLabsWire
from troupe.services.wire.openai import OpenAiWire
from websockets.asyncio.client import ClientConnection, connect
from wires import running_wire, wire

__all__ = ["running_wire", "wire"]

pytestmark = [pytest.mark.real_time, pytest.mark.asyncio_only]

CHAT, SPEECH, TRANSCRIPTIONS = (f"/v1/{path}" for path in ("chat/completions", "audio/speech", "audio/transcriptions"))
RATE = 24_000
QUESTION = "What is the capital of France?"
"""What is asked aloud."""
HEARD = "Paris?"
"""What is understood of it."""
ANSWER = f"You said: {HEARD}"


async def ask_aloud() -> bytes:
    """Have espeak-ng ask the question; return it at 24 kHz."""
    async with open_system(child(LocalSynthesizer, "espeak", name="espeak", host=Process())) as system:
        espeak = system.ref("espeak")
        assert "en-us" in {voice.id for voice in await espeak.ask(ListVoices())}
        with pytest.raises(ModelNotFound):
            async with espeak.open(Synthesize(voice="alloy")) as call:
                await call.send(Say(QUESTION))
                async for _ in call:
                    pass
        async with espeak.open(Synthesize(language="en", speed=9)) as call:
            await call.send(Say(QUESTION))
            call.finish()
            speeches = [speech async for speech in call]
    resampler = Resampler(speeches[0].rate, RATE)
    pcm = np.frombuffer(b"".join(speech.pcm for speech in speeches), np.int16)
    return np.concatenate([resampler.push(pcm), resampler.finish()]).tobytes()


@pytest.fixture(scope="module")
def question() -> bytes:
    return run(ask_aloud)


def dead_address() -> str:
    """An address at which nobody is."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/v1"


def application(file: Path, text: str, environ: dict[str, str]) -> Starlette:
    file.write_text(text)
    config, _ = read_config(file, environ=environ)
    gateway = Gateway(config.server, config.voice.model, partial(voice_system, choose(config, environ)))
    return gateway.application()


@asynccontextmanager
async def conversation(tmp_path: Path, text: str, **environ: str) -> AsyncGenerator[ClientConnection]:
    app = await to_thread.run_sync(application, tmp_path / "troupe.toml", text, environ)
    async with (
        serving(app) as address,
        connect(f"ws://{address}/v1/realtime", max_queue=None) as client,
    ):
        yield client


async def say(client: ClientConnection, audio: bytes) -> None:
    silence = bytes(RATE)
    for start in range(0, len(audio + silence), 9600):
        piece = (audio + silence)[start : start + 9600]
        await client.send(json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(piece).decode()}))


async def until(client: ClientConnection, kind: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    with fail_after(20):
        while not events or events[-1]["type"] != kind:
            events.append(json.loads(await client.recv()))
    return events


def spoken(events: list[dict[str, Any]]) -> tuple[str, float]:
    """Return what the assistant said, and for how many seconds."""
    audio = b"".join(base64.b64decode(e["delta"]) for e in events if e["type"] == "response.output_audio.delta")
    done = next(e for e in events if e["type"] == "response.output_audio_transcript.done")
    return done["transcript"], len(audio) / 2 / RATE


COMPATIBLE = """
[voice]
stt = "openai/whisper-1"
llm = "openai"
tts = "mine/tts-1"
voices = {{ cedar = "sage" }}
[providers.openai]
base_url = "{url}"
api_key = "env:OPENAI_API_KEY"
[providers.mine]
base_url = "{url}"
voice = "onyx"
"""


async def test_a_question_is_heard_answered_and_spoken_over_http(
    tmp_path: Path, wire: OpenAiWire, question: bytes
) -> None:
    wire.hear(HEARD)
    async with conversation(tmp_path, COMPATIBLE.format(url=wire.base_url), OPENAI_API_KEY="sk-1") as client:
        await say(client, question)
        text, seconds = spoken(await until(client, "response.done"))
    assert text == ANSWER
    assert seconds == pytest.approx(len(text) * 0.06, abs=0.2)
    heard, asked, said = wire.last(TRANSCRIPTIONS), wire.last(CHAT).json(), wire.last(SPEECH)
    assert heard.headers["authorization"] == "Bearer sk-1"
    assert b"whisper-1" in heard.body
    assert (asked["model"], asked["messages"][-1]["content"]) == ("gpt-4o-mini", HEARD)
    assert (said.json()["model"], said.json()["voice"]) == ("tts-1", "alloy")
    assert "authorization" not in said.headers


async def test_voices_are_named_as_clients_do_and_mapped_as_configured(tmp_path: Path, wire: OpenAiWire) -> None:
    """`cedar` is mapped, `nova` is there by that name, `af_heart` is not: then the provider's own voice speaks."""
    async with conversation(tmp_path, COMPATIBLE.format(url=wire.base_url), OPENAI_API_KEY="sk-1") as client:
        for voice, expected in (("cedar", ["sage"]), ("nova", ["nova"]), ("af_heart", ["af_heart", "onyx"])):
            wire.reset()
            wire.reply("Good.")
            said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Well?"}]}
            request = {"conversation": "none", "input": [said], "audio": {"output": {"voice": voice}}}
            await client.send(json.dumps({"type": "response.create", "response": request}))
            events = await until(client, "response.done")
            assert events[-1]["response"]["status"] == "completed"
            assert [exchange.json()["voice"] for exchange in wire.exchanges if exchange.path == SPEECH] == expected


MIXED = """
[voice]
stt = ["gone", "deepgram/nova-3", "whisper"]
llm = ["gone", "anthropic", "ollama/llama3.2"]
tts = ["gone", "elevenlabs/eleven_flash_v2_5", "espeak"]
[providers.gone]
kind = "openai"
base_url = "{dead}"
[providers.deepgram]
base_url = "{deepgram}"
api_key = "env:KEY"
[providers.anthropic]
base_url = "{anthropic}"
api_key = "env:KEY"
[providers.elevenlabs]
base_url = "{elevenlabs}"
api_key = "env:KEY"
"""


@pytest.fixture
def mixture() -> Iterator[tuple[DeepgramWire, AnthropicWire, ElevenLabsWire]]:
    with DeepgramWire(keys=("k",)) as hears, AnthropicWire(keys=("k",)) as answers, ElevenLabsWire(keys=("k",)) as says:
        yield hears, answers, says


async def test_in_any_mix_the_second_answers_within_the_turn_where_the_first_is_dead(
    tmp_path: Path, mixture: tuple[DeepgramWire, AnthropicWire, ElevenLabsWire], question: bytes
) -> None:
    deepgram, anthropic, elevenlabs = mixture
    deepgram.hear(HEARD)
    addresses = {"deepgram": deepgram.url, "anthropic": anthropic.base_url, "elevenlabs": elevenlabs.url}
    text = MIXED.format(dead=await to_thread.run_sync(dead_address), **addresses)
    async with conversation(tmp_path, text, KEY="k") as client:
        await say(client, question)
        events = await until(client, "response.done")
    assert events[-1]["response"]["status"] == "completed"
    assert spoken(events)[0] == ANSWER
    assert HEARD in anthropic.exchanges[-1].body.decode()
    assert deepgram.exchanges
    assert elevenlabs.exchanges


def test_a_session_waits_for_as_long_as_its_chain_may_take(tmp_path: Path) -> None:
    file = tmp_path / "troupe.toml"
    file.write_text(
        "[voice]\nllm = ['vllm/a', 'vllm/b', 'demonstration']\n[voice.patience]\nlast = 90\nfirst_token = 4"
    )
    choice = choose(read_config(file)[0], {})
    _, patience = router(choice, "llm").arguments
    assert (patience.first_token, patience.alone, patience.adaptive) == (4, 90, True)
    whole = session_patience(choice)
    assert whole.first_token == 2 * 4 + 90
    assert whole.answer >= whole.first_token
    assert session_patience(choose(read_config()[0], {})).first_token == 15
    file.write_text("[voice.patience]\nadaptive = false")
    choice = choose(read_config(file)[0], {})
    assert [router(choice, part).arguments[1].adaptive for part in PARTS] == [False, False, False]
