"""The official OpenAI client takes the wire server for a server of speech; the rest is as the server's own schema says.

That has no client of its own. The schema is that of its models for requests and answers, see ``/openapi.json`` of one.
"""

import base64
from collections.abc import Iterator
from typing import Any, Literal

import httpx2
import msgspec
import pytest
from msgspec import Struct
from sdk import official
from troupe.codecs.asset import load
from troupe.codecs.audio_writer import wav_header
from troupe.codecs.decode import read_audio
from troupe.services.wire.chatterbox import ChatterboxWire
from troupe.services.wire.chatterbox.speech import LONGEST, RATE
from troupe.services.wire.tone import tone
from wires import served

openai = official("openai")
RECORDING = wav_header(16_000, 1, 4) + bytes(4)


class Info(Struct, tag="speech.audio.info", forbid_unknown_fields=True):
    sample_rate: int
    channels: Literal[1]
    bits_per_sample: Literal[16]


class Delta(Struct, tag="speech.audio.delta", forbid_unknown_fields=True):
    audio: bytes


class Tokens(Struct, forbid_unknown_fields=True):
    input_tokens: int
    output_tokens: int
    total_tokens: int


class Done(Struct, tag="speech.audio.done", forbid_unknown_fields=True):
    usage: Tokens


class Uploaded(Struct, forbid_unknown_fields=True):
    name: str
    filename: str
    file_size: int
    upload_date: str
    language: str


class Answered(Struct, forbid_unknown_fields=True):
    message: str
    voice: Uploaded


class Health(Struct, forbid_unknown_fields=True):
    status: Literal["healthy", "initializing", "error", "starting"]
    model_loaded: bool
    device: str
    config: dict[str, Any]
    memory_info: dict[str, float] | None
    initialization_state: str | None
    initialization_progress: str | None
    initialization_error: str | None


running_wire, wire = served(ChatterboxWire)


@pytest.fixture
def client(wire: ChatterboxWire) -> Iterator[Any]:
    with openai.OpenAI(base_url=wire.base_url, api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
def http(wire: ChatterboxWire) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=wire.url) as http:
        yield http


def test_a_client_of_openai_gets_a_file(client: Any) -> None:
    answer = client.audio.speech.create(model="tts-1", input="Hello there.", voice="alloy")
    assert answer.response.headers["content-type"] == "audio/wav"
    assert answer.content[20] == 3, "floats, which Python's own reader does not understand"
    pcm = read_audio(load(answer.content), rate=RATE).to_bytes()
    assert pcm == tone("Hello there.", "", RATE)


def test_a_client_of_openai_gets_events(client: Any) -> None:
    text = "Hello there. " * 30
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", input=text, voice="alloy", stream_format="sse", extra_body={"exaggeration": 0.7}
    ) as answer:
        events = [
            msgspec.json.decode(line.removeprefix("data: "), type=Info | Delta | Done)
            for line in answer.iter_lines()
            if line
        ]
    info, *deltas, done = events
    assert info == Info(RATE, 1, 16)
    assert len(deltas) == 2
    assert sum(len(delta.audio) for delta in deltas) == len(tone(text, "", RATE))
    assert done == Done(Tokens(60, 100, 160))


def test_a_stream_is_a_wav_of_unknown_length(http: httpx2.Client) -> None:
    wav = http.post("/audio/speech/stream", json={"input": "Hello."}).content
    assert read_audio(load(wav), rate=RATE).to_bytes() == tone("Hello.", "", RATE)


def test_models(client: Any) -> None:
    assert [model.id for model in client.models.list()] == ["chatterbox-tts-1"]


def test_health(wire: ChatterboxWire, http: httpx2.Client) -> None:
    for loaded, status in ((True, "healthy"), (False, "initializing")):
        wire.loaded = loaded
        health = msgspec.json.decode(http.get("/health").content, type=Health)
        assert (health.model_loaded, health.status) == (loaded, status)
    assert http.post("/v1/audio/speech", json={"input": "Hello"}).json()["error"]["type"] == "model_error"
    with pytest.raises(httpx2.RemoteProtocolError):
        http.post("/v1/audio/speech", json={"input": "Hello", "stream_format": "sse"})


def test_the_library_of_voices(http: httpx2.Client) -> None:
    form: Any = {"data": {"voice_name": "Anna", "language": "de"}, "files": {"voice_file": ("a.wav", RECORDING)}}
    added = http.post("/v1/voices", **form)
    assert added.status_code == 201
    assert msgspec.json.decode(added.content, type=Answered).voice.name == "Anna"
    assert http.post("/voices", **form).status_code == 409
    listed = http.get("/voices").json()
    assert listed["count"] == 1
    assert listed["voices"][0].keys() >= {"name", "aliases", "exists", "path", "original_filename", "file_extension"}
    assert http.get("/voices/Anna").json()["voice"]["language"] == "de"
    spoken = http.post("/v1/audio/speech", json={"input": "Hi.", "voice": "Anna", "stream_format": "sse"})
    assert base64.b64encode(tone("Hi.", "Anna", RATE)) in spoken.content
    assert http.delete("/voices/Anna").json()["voice_name"] == "Anna"
    for method in ("GET", "DELETE"):
        assert http.request(method, "/voices/Anna").json()["error"]["type"] == "voice_not_found_error"


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"data": {"voice_name": "Anna"}}, 422),
        ({"files": {"voice_file": ("a.wav", RECORDING)}}, 422),
        ({"data": {"voice_name": "Anna"}, "files": {"voice_file": ("a.txt", RECORDING)}}, 400),
        ({"data": {"voice_name": "a/b"}, "files": {"voice_file": ("a.wav", RECORDING)}}, 400),
        ({"data": {"voice_name": "a", "language": "xx"}, "files": {"voice_file": ("a.wav", RECORDING)}}, 400),
    ],
)
def test_recordings_that_are_refused(http: httpx2.Client, form: Any, status: int) -> None:
    assert http.post("/voices", **form).status_code == status


@pytest.mark.parametrize(
    ("body", "status", "member"),
    [
        ({}, 422, "input"),
        ({"input": ""}, 422, "input"),
        ({"input": "a" * (LONGEST + 1)}, 422, "input"),
        ({"input": "a", "exaggeration": 3}, 422, "exaggeration"),
        ({"input": "a", "streaming_strategy": "letter"}, 422, "streaming_strategy"),
        ({"input": " "}, 400, ""),
    ],
)
def test_speech_that_is_refused(http: httpx2.Client, body: Any, status: int, member: str) -> None:
    answer = http.post("/v1/audio/speech", json=body)
    assert answer.status_code == status
    if member:
        assert answer.json()["detail"][0]["loc"] == ["body", member]
