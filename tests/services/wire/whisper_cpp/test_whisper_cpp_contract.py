"""The official OpenAI client takes the wire server for a server of recordings, as it does whisper.cpp's own.

That takes them wherever its option ``--inference-path`` says. The rest is as its source has it.
"""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from sdk import official
from troupe.codecs.audio_writer import wav_header
from troupe.codecs.captions import from_srt, from_webvtt
from troupe.services.wire.whisper_cpp import WhisperCppWire
from wires import served

openai = official("openai")
PATH = "/v1/audio/transcriptions"
WAV = ("speech.wav", wav_header(16_000, 1, 32_000) + bytes(32_000))


running_wire, wire = served(lambda: WhisperCppWire(inference_path=PATH))


@pytest.fixture
def client(wire: WhisperCppWire) -> Iterator[Any]:
    with openai.OpenAI(base_url=f"{wire.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
def http(wire: WhisperCppWire) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=wire.url) as http:
        yield http


def test_a_recording_is_heard(wire: WhisperCppWire, client: Any) -> None:
    wire.hear("Hello there.")
    assert client.audio.transcriptions.create(model="any", file=WAV).text == " Hello there.\n"
    wire.hear("Hello there.")
    verbose = client.audio.transcriptions.create(
        model="any", file=WAV, language="de", response_format="verbose_json", extra_body={"translate": "true"}
    )
    assert (verbose.language, verbose.duration, verbose.task) == ("german", 1.0, "translate")
    tokens = verbose.segments[0].words
    assert [token["word"] for token in tokens] == [" Hel", "lo", " the", "re."]
    assert [token["start"] for token in tokens] == sorted(token["start"] for token in tokens)


@pytest.mark.parametrize(
    ("form", "content_type"),
    [("text", "text/html"), ("srt", "application/x-subrip"), ("vtt", "text/vtt"), ("json", "application/json")],
)
def test_formats(wire: WhisperCppWire, http: httpx2.Client, form: str, content_type: str) -> None:
    wire.hear("Hello there.")
    answer = http.post(PATH, files={"file": WAV}, data={"response_format": form})
    assert answer.headers["content-type"].partition(";")[0] == content_type
    read: dict[str, Any] = {"srt": from_srt, "vtt": from_webvtt}
    text = read[form](answer.text)[0].text if form in read else answer.json()["text"] if form == "json" else answer.text
    assert text.strip() == "Hello there."


def test_what_its_http_library_makes_of_errors(wire: WhisperCppWire, http: httpx2.Client) -> None:
    for wrong in ({}, {"files": {"file": ("a.wav", b"nothing")}}):
        answer = http.post(PATH, **wrong)
        assert (answer.status_code, answer.text) == (400, "Invalid request")
    assert http.get("/health").json() == {"status": "ok"}
    wire.loading = True
    assert http.get("/health").status_code == 404, "it means 503"
