"""The wire server does what the schema of ``whisper-asr-webservice`` says; that has no client of its own."""

from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
import pytest
from msgspec import Struct
from troupe.codecs.audio_writer import wav_header
from troupe.codecs.captions import from_srt, from_webvtt
from troupe.services.wire.whisper_asr import WhisperAsrWire
from wires import served

PCM = bytes(32_000)
WAV = {"audio_file": ("speech.wav", wav_header(16_000, 1, len(PCM)) + PCM)}


class Word(Struct, forbid_unknown_fields=True):
    """Of faster-whisper, as its class of this name is; and so are segments."""

    start: float
    end: float
    word: str
    probability: float


class Segment(Struct, forbid_unknown_fields=True):
    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: list[int]
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    words: list[Word] | None
    temperature: float | None


class Result(Struct, forbid_unknown_fields=True):
    language: str
    segments: list[Segment]
    text: str


running_wire, wire = served(WhisperAsrWire)


@pytest.fixture
def http(wire: WhisperAsrWire) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=wire.url) as http:
        yield http


@pytest.mark.parametrize("timed", [False, True])
def test_json_is_what_the_engine_gives(wire: WhisperAsrWire, http: httpx2.Client, timed: bool) -> None:
    wire.hear("Hello there.")
    answer = http.post("/asr", params={"output": "json", "word_timestamps": timed, "language": "de"}, files=WAV)
    assert answer.headers["content-type"].startswith("text/plain"), "whatever it is"
    assert answer.headers["asr-engine"] == "faster_whisper"
    result = msgspec.json.decode(answer.content, type=Result)
    assert (result.text, result.language, result.segments[0].end) == (" Hello there.", "de", 1.0)
    words = result.segments[0].words
    assert [word.word for word in words] == [" Hello", " there."] if words else not timed


def test_text_is_the_default_and_samples_need_no_file(http: httpx2.Client) -> None:
    assert http.post("/asr", files=WAV).text == "one two three\n"
    raw = {"audio_file": ("speech.pcm", PCM * 2)}
    assert http.post("/asr", params={"encode": "false"}, files=raw).text == "one two three four five six\n"
    assert http.post("/asr", files={"audio_file": ("a", b"none")}).status_code == 500
    assert http.post("/asr", params={"encode": "0"}, files={"audio_file": ("a", b"odd")}).status_code == 500


def test_captions(wire: WhisperAsrWire, http: httpx2.Client) -> None:
    texts: dict[str, str] = {}
    for form in ("srt", "vtt", "tsv"):
        wire.hear("Hello there.")
        texts[form] = http.post("/asr", params={"output": form}, files=WAV).text
    assert from_srt(texts["srt"]) == from_webvtt(texts["vtt"])
    assert texts["tsv"] == "start\tend\ttext\n0\t1000\tHello there.\n"


@pytest.mark.parametrize(
    ("request_of", "place"),
    [({}, ["body", "audio_file"]), ({"files": WAV, "params": {"encode": "perhaps"}}, ["query", "encode"])],
)
def test_what_is_refused(http: httpx2.Client, request_of: dict[str, Any], place: list[str]) -> None:
    for path in ("/asr", "/detect-language"):
        answer = http.post(path, **request_of)
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == place


def test_the_language_and_the_schema(http: httpx2.Client) -> None:
    assert http.post("/detect-language", files=WAV).json().keys() == {
        "detected_language",
        "language_code",
        "confidence",
    }
    schema = http.get("/openapi.json").json()
    assert schema["paths"].keys() == {"/asr", "/detect-language"}
    parameters = {parameter["name"] for parameter in schema["paths"]["/asr"]["post"]["parameters"]}
    assert parameters >= {"encode", "task", "language", "initial_prompt", "vad_filter", "word_timestamps", "output"}
