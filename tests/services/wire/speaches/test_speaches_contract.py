"""The official OpenAI client, unmodified, takes the wire server for speaches: recordings, streamed too, and speech."""

from collections.abc import Iterator
from typing import Any

import pytest
from sdk import official, unknown_members
from troupe.codecs.audio_writer import wav_header
from troupe.services.wire.speaches import SpeachesWire
from troupe.services.wire.speaches.server import MODELS, VOICES
from wires import served

openai = official("openai")
WHISPER, KOKORO = MODELS
KEY = "good"
WAV = ("speech.wav", wav_header(16_000, 1, 32_000) + bytes(32_000))


running_wire, wire = served(lambda: SpeachesWire(keys=[KEY], models=MODELS))


@pytest.fixture
def client(wire: SpeachesWire) -> Iterator[Any]:
    with openai.OpenAI(base_url=wire.base_url, api_key=KEY, max_retries=0) as client:
        yield client


def test_a_recording_is_heard(wire: SpeachesWire, client: Any) -> None:
    hear = client.audio.transcriptions.create
    wire.hear("Hello there. How are you?")
    assert hear(model=WHISPER, file=WAV).text == "Hello there. How are you?"
    wire.hear("Hello, you.")
    verbose = hear(model=WHISPER, file=WAV, response_format="verbose_json", timestamp_granularities=["word", "segment"])
    assert [(word.word, word.start) for word in verbose.words] == [(" Hello", 0.0), (" you", 0.3)]
    assert not set(unknown_members(verbose))
    assert hear(model=WHISPER, file=WAV, response_format="text") == "one two three\n"


def test_a_stream_comes_in_segments_and_its_end_has_no_text(wire: SpeachesWire, client: Any) -> None:
    wire.hear("Hello there. How are you?")
    *deltas, done = client.audio.transcriptions.create(model=WHISPER, file=WAV, stream=True)
    assert [delta.delta for delta in deltas] == [" Hello there.", " How are you?"]
    assert (done.type, done.text) == ("transcript.text.done", "")
    assert not set(unknown_members([*deltas, done]))


def test_speech(client: Any) -> None:
    spoken = client.audio.speech.create(model=KOKORO, input="Hello.", voice="af_heart", response_format="pcm").content
    with client.audio.speech.with_streaming_response.create(
        model=KOKORO, input="Hello.", voice="af_heart", stream_format="sse"
    ) as answer:
        *deltas, done = [line for line in answer.iter_lines() if line]
    assert spoken
    assert all("speech.audio.delta" in delta for delta in deltas)
    assert done == (
        'data: {"type":"speech.audio.done","token_usage":{"input_tokens":0,"output_tokens":0,"total_tokens":0}}'
    )


def test_models_and_voices(wire: SpeachesWire, client: Any) -> None:
    assert [(model.id, model.task) for model in client.models.list()] == list(MODELS.items())
    assert [voice["id"] for voice in client.get("/audio/voices", cast_to=dict[str, Any])["voices"]] == list(VOICES)
    assert client.get(f"{wire.url}/health", cast_to=dict[str, str]) == {"message": "OK"}


def test_what_is_refused(wire: SpeachesWire, client: Any) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.audio.transcriptions.create(model="nobody/nothing", file=WAV)
    assert "not installed locally" in caught.value.response.json()["detail"]
    with pytest.raises(openai.UnprocessableEntityError):
        client.audio.speech.create(model=KOKORO, input="Hello.", voice="alloy")
    with (
        openai.OpenAI(base_url=wire.base_url, api_key="wrong", max_retries=0) as stranger,
        pytest.raises(openai.PermissionDeniedError),
    ):
        stranger.models.list()
