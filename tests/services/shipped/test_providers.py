"""The actors of the providers, on top of the servers."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from anyio import fail_after
from shipped import resampled, spoken, wav
from troupe.actors.contracts import CloneVoice, DeleteVoice, ListModels, ListVoices, Say, Synthesize, Transcribe
from troupe.actors.http import HttpClient
from troupe.actors.providers.chatterbox.endpoint import ChatterboxEndpoint
from troupe.actors.providers.chatterbox.speech import ChatterboxSpeech
from troupe.actors.providers.chatterbox.wire.speech import SpeechOptions
from troupe.actors.providers.openai.endpoint import endpoint
from troupe.actors.providers.openai.recogniser import OpenAiRecogniser
from troupe.actors.providers.openai.transcription import OpenAiTranscription
from troupe.actors.providers.openai.wire.transcription import TranscriptionOptions
from troupe.runtime import Ref, child, open_system
from troupe.runtime.specs import ActorSpec

pytestmark = [pytest.mark.real_time, pytest.mark.one_back_end]

TEXT = "one two three four five"


@asynccontextmanager
async def running(spec: ActorSpec) -> AsyncGenerator[Ref]:
    async with open_system(spec) as system:
        yield system.ref("provider")


@pytest.fixture(scope="module")
def speech() -> bytes:
    return resampled(spoken("one two three. four five"), 16_000).tobytes()


async def heard(provider: Ref, pcm: bytes, rate: int = 16_000) -> list[str]:
    """What is heard of an utterance: the texts so far, and the final one."""
    texts: list[str] = []
    async with provider.open(Transcribe(rate=rate)) as call:
        for start in range(0, len(pcm), 6_400):
            await call.send(pcm[start : start + 6_400])
        call.finish()
        with fail_after(50):
            async for transcript in call:
                texts.append(transcript.text)
    assert transcript.final
    return texts


async def test_files_are_heard(whisper: str, speech: bytes) -> None:
    at = endpoint("whisper", base_url=f"http://{whisper}/v1")
    async with HttpClient.open() as http:
        for options in (TranscriptionOptions(model="any"), TranscriptionOptions(model="any", word_times=True)):
            async with running(child(OpenAiTranscription, http, at, options, name="provider")) as provider:
                assert (await heard(provider, speech))[-1] == TEXT
        async with running(child(OpenAiTranscription, http, at, options, name="provider")) as provider:
            assert [model.id for model in await provider.ask(ListModels())] == ["sphinx"]


async def test_speech_is_heard_live(whisper: str, speech: bytes) -> None:
    at = endpoint("whisper", base_url=f"http://{whisper}/v1")
    async with HttpClient.open() as http:
        async with running(child(OpenAiRecogniser, http, at, "any", name="provider")) as provider:
            *partial, final = await heard(provider, speech)
            assert final == TEXT
            assert all(TEXT.startswith(text) for text in partial)
            assert await heard(provider, b"") == [""]
            assert await heard(provider, bytes(640)) == [""]  # too little to be heard


async def test_a_cloned_voice_speaks(chatterbox: str) -> None:
    at = ChatterboxEndpoint(base_url=f"{chatterbox}/v1")
    hum = np.rint(8_000 * np.sin(2 * np.pi * 100 * np.arange(24_000) / 24_000)).astype(np.int16)
    async with HttpClient.open() as http:
        spec = child(ChatterboxSpeech, http, at, SpeechOptions(rate=22_050), name="provider")
        async with running(spec) as provider:
            assert [model.id for model in await provider.ask(ListModels())] == ["espeak"]
            voice = await provider.ask(CloneVoice(name="Hummer", recordings=(wav(hum, 24_000),)))
            assert voice in await provider.ask(ListVoices())
            async with provider.open(Synthesize(voice=voice.id)) as call:
                await call.send(Say("This is said. And this is said, too."))
                call.finish()
                size, last = 0, False
                async for piece in call:
                    size, last = size + len(piece.pcm), piece.last
            assert last
            assert size / 2 / 22_050 > 1
            await provider.ask(DeleteVoice(voice.id))
            assert voice not in await provider.ask(ListVoices())
