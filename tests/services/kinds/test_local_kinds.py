"""Local models under a configuration: the real libraries, in threads and processes of their own, with tiny weights."""

from pathlib import Path

import numpy as np
import pytest
from anyio import run, to_thread
from tiny_kokoro import write_kokoro
from tiny_moonshine import write_moonshine
from troupe.actors.contracts import ListVoices, Say, Synthesize, Transcribe
from troupe.actors.errors import ModelNotFound
from troupe.actors.http import HttpClient
from troupe.actors.routing import ListProviders
from troupe.runtime import System, open_system, supervisor
from troupe.services.choice import choose
from troupe.services.config import ConfigError, read_config
from troupe.services.voice import providers, voice_system

pytestmark = pytest.mark.real_time


async def speak(system: System, request: Synthesize) -> tuple[float, list[str]]:
    """Return how long it speaks, and the words."""
    async with system.ref("kokoro/tts").open(request) as voice:
        await voice.send(Say("Hello there, world."))
        voice.finish()
        speeches = [speech async for speech in voice]
    seconds = sum(len(speech.pcm) / 2 / speech.rate for speech in speeches)
    return seconds, [word.text for speech in speeches for word in speech.words]


async def hear(system: System, seconds: float) -> list[str]:
    sound = np.full(int(seconds * 48_000), 8000, np.int16).tobytes()  # at another rate than the engine's
    async with system.ref("moonshine-tiny/stt").open(Transcribe(rate=48_000)) as ear:
        for start in range(0, len(sound), 9600):
            await ear.send(sound[start : start + 9600])
        ear.finish()
        transcripts = [transcript async for transcript in ear]
    assert [transcript.final for transcript in transcripts].count(True) == 1
    return transcripts[-1].text.split()


def test_they_hear_and_speak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROUPE_MODELS", str(write_moonshine(write_kokoro(tmp_path))))
    monkeypatch.chdir(tmp_path)

    async def converse() -> None:
        config, _ = await to_thread.run_sync(lambda: read_config(arguments={"stt": "moonshine-tiny", "tts": "kokoro"}))
        choice = await to_thread.run_sync(choose, config, {})
        async with HttpClient.open() as http, open_system(supervisor("all", *providers(choice, http))) as system:
            assert await hear(system, 1.6) == ["one", "two", "three"]
            seconds, words = await speak(system, Synthesize())
            assert words == ["Hello", "there,", "world."]
            assert seconds > 1
            spanish = next(v.id for v in await system.ref("kokoro/tts").ask(ListVoices()) if v.languages[0] == "es")
            assert (await speak(system, Synthesize(language="es")))[1] == words
            assert spanish == "ef_dora"
            with pytest.raises(ModelNotFound):
                await speak(system, Synthesize(voice="alloy"))

    run(converse)


def test_one_whose_weights_can_not_be_loaded_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in ("model.onnx", "voices.bin"):
        (tmp_path / "kokoro").mkdir(exist_ok=True)
        (tmp_path / "kokoro" / file).write_bytes(b"no model")
    monkeypatch.setenv("TROUPE_MODELS", str(write_moonshine(tmp_path)))
    monkeypatch.chdir(tmp_path)
    config, _ = read_config(arguments={"stt": "moonshine-tiny", "llm": "demonstration", "tts": "kokoro,espeak"})
    choice = choose(config, {})

    async def start() -> None:
        async with voice_system(choice) as voice:
            (left,) = await voice.services.synthesizer.ask(ListProviders())
            assert left.path == "providers/espeak/tts"

    run(start)
    with pytest.raises(ConfigError, match=r"\[voice\] tts: nobody can take the part tts(.|\n)*kokoro: no weights"):
        choice.without({"espeak": "no", "kokoro": "no weights"})
