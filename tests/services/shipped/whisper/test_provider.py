"""The actor for servers of OpenAI's API talks to this one, over a socket."""

import pytest
from speech_providers import hear
from troupe.actors.contracts import ListModels, Transcribe
from troupe.actors.http import HttpClient
from troupe.actors.providers.openai.endpoint import endpoint
from troupe.actors.providers.openai.transcription import OpenAiTranscription
from troupe.actors.providers.openai.wire.transcription import TranscriptionOptions
from troupe.codecs.asset import load
from troupe.codecs.decode import read_audio
from troupe.runtime import child, open_system

pytestmark = [pytest.mark.real_time, pytest.mark.virtual]


@pytest.fixture(scope="module")
def pcm(recording: bytes) -> bytes:
    return read_audio(load(recording)).to_bytes()


@pytest.mark.parametrize("word_times", [False, True])
async def test_it_hears(whisper: str, pcm: bytes, word_times: bool) -> None:
    at = endpoint("whisper", base_url=f"http://{whisper}/v1")
    async with HttpClient.open() as http:
        (model,) = await models(http, whisper)
        options = TranscriptionOptions(model=model, word_times=word_times)
        async with open_system(child(OpenAiTranscription, http, at, options, name="x")) as system:
            *partial, final = await hear(system.ref("x"), pcm, request=Transcribe(language="en"))
    assert final.final
    assert "two three" in final.text.lower()
    assert bool(partial) != word_times
    if word_times:
        times = [time for word in final.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert {"two", "three"} <= {word.text.lower() for word in final.words}


async def models(http: HttpClient, whisper: str) -> list[str]:
    at = endpoint("whisper", base_url=f"http://{whisper}/v1")
    options = TranscriptionOptions(model="any")
    async with open_system(child(OpenAiTranscription, http, at, options, name="x")) as system:
        return [model.id for model in await system.ref("x").ask(ListModels())]
