"""What is these servers' own; the rest is in the suite of recognisers."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from speech_providers import RECOGNISERS, SpeechProvider, hear, running
from troupe.actors.contracts import ListModels, Transcribe, Word
from troupe.actors.errors import BrokenStream, ModelNotFound, ProviderUnavailable
from troupe.actors.http import HttpClient
from troupe.actors.providers.openai.endpoint import endpoint as openai
from troupe.actors.providers.openai.transcription import OpenAiTranscription
from troupe.actors.providers.openai.wire.transcription import TranscriptionOptions as OpenAiOptions
from troupe.actors.providers.whisper.endpoint import endpoint
from troupe.actors.providers.whisper.wire.dialects import ASR, CPP, Dialect
from troupe.actors.providers.whisper.wire.transcription import TranscriptionOptions, check_health, decode, encode
from troupe.runtime import child, open_system
from troupe.services.wire.speaches import SpeachesWire
from troupe.services.wire.whisper_cpp import WhisperCppWire

real_time = [pytest.mark.real_time, pytest.mark.virtual]
EVERYTHING = TranscriptionOptions(language="en", speech_only=True, translated=True)


@pytest.fixture(scope="module")
def whisper_cpp() -> Iterator[WhisperCppWire]:
    with WhisperCppWire() as wire:
        yield wire


@pytest.fixture(scope="module")
def speaches() -> Iterator[SpeachesWire]:
    with SpeachesWire(models=["Systran/faster-whisper-small"]) as wire:
        yield wire


@pytest.fixture(scope="module")
def older() -> Iterator[SpeachesWire]:
    with SpeachesWire(segments=True) as wire:
        yield wire


def by_name(name: str) -> SpeechProvider:
    return next(provider for provider in RECOGNISERS if provider.name == name)


def test_asr_is_asked_in_its_query() -> None:
    path, form = encode(b"\1\2", Transcribe(language="de", prompt="Köln"), EVERYTHING, ASR)
    assert parse_qs(urlsplit(path).query) == {
        "output": ["json"],
        "word_timestamps": ["true"],
        "vad_filter": ["true"],
        "task": ["translate"],
        "language": ["de"],
        "initial_prompt": ["Köln"],
        "encode": ["false"],
    }
    assert (
        b'name="audio_file"; filename="speech.pcm"\r\nContent-Type: application/octet-stream\r\n\r\n\1\2' in form.body
    )
    path, form = encode(b"\1\2", Transcribe(rate=8000), TranscriptionOptions(word_times=False), ASR)
    assert (urlsplit(path).query, b"RIFF" in form.body) == ("output=json", True)


def test_cpp_is_asked_in_its_form_and_told_to_find_out_the_language() -> None:
    path, form = encode(b"\1\2", Transcribe(prompt="Köln"), TranscriptionOptions(), CPP)
    assert path == "/inference"
    for name, value in {"response_format": "verbose_json", "language": "auto", "prompt": "Köln"}.items():
        assert f'name="{name}"\r\n\r\n{value}\r\n'.encode() in form.body
    assert b'name="file"; filename="speech.wav"' in form.body
    everything = encode(b"\1\2", Transcribe(), EVERYTHING, CPP)[1].body
    for name in ("vad", "translate"):
        assert f'name="{name}"\r\n\r\ntrue\r\n'.encode() in everything


def words_of(dialect: Dialect, *words: dict[str, object]) -> tuple[Word, ...]:
    body = msgspec.json.encode({"text": " One\n two. ", "segments": [{"text": "", "words": words}]})
    transcript = decode(body, dialect, "x")
    assert transcript.text == "One two."
    return transcript.words


def test_tokens_are_joined_to_words() -> None:
    tokens = [
        {"word": " Hel", "start": 0.0, "end": 0.1, "probability": 0.9},
        {"word": "lo", "start": 0.1, "end": 0.2, "probability": 0.5},
        {"word": ",", "start": 0.2, "end": 0.2},
        {"word": " you", "start": 0.3, "end": 0.4},
        {"word": " "},
    ]
    assert words_of(CPP, *tokens) == (Word("Hello", 0.0, 0.2, 0.5), Word("you", 0.3, 0.4))
    assert [word.text for word in words_of(ASR, *tokens)] == ["Hel", "lo", ",", "you"]


def test_whisperx_leaves_the_text_to_its_segments_and_times_out_of_words() -> None:
    words = [{"word": "One", "start": 0.1, "end": 0.2, "score": 0.7}, {"word": "2"}]
    body = msgspec.json.encode({"segments": [{"text": " One"}, {"text": " 2", "words": words}], "language": "en"})
    transcript = decode(body, ASR, "x")
    assert (transcript.text, transcript.words) == ("One 2", (Word("One", 0.1, 0.2, 0.7),))
    assert decode(b'{"segments":[]}', ASR, "x").text == ""  # silence


def test_another_server_is_not_ready() -> None:
    check_health(b'{"status":"ok"}', CPP, "x")
    check_health(b'{"openapi":"3.1.0","paths":{"/asr":{}}}', ASR, "x")
    for body in (b'{"status":"loading model"}', b'{"paths":{"/other":{}}}'):
        with pytest.raises(ProviderUnavailable):
            check_health(body, ASR, "x")
    with pytest.raises(BrokenStream):
        check_health(b"<html>", CPP, "x")


def test_a_server_that_nobody_knows() -> None:
    with pytest.raises(ValueError, match="whisper-asr"):
        endpoint("whisper-x")
    with pytest.raises(ValueError, match="base_url"):
        endpoint("whisper-cpp", base_url="nowhere")


class TestOverSockets:
    pytestmark = real_time

    async def test_a_model_that_is_being_loaded(self, whisper_cpp: WhisperCppWire) -> None:
        whisper_cpp.reset()
        async with running(by_name("whisper_cpp"), whisper_cpp.url) as ref:
            assert await ref.ask(ListModels()) == ()
            whisper_cpp.loading = True
            with pytest.raises(ProviderUnavailable, match="not ready"):
                await ref.ask(ListModels())

    async def test_speaches_forgets_the_text_at_the_end_of_a_stream(self, speaches: SpeachesWire) -> None:
        speaches.hear("Hello there. How are you?")
        async with running(by_name("speaches"), speaches.url) as ref:
            texts = [(transcript.text, transcript.final) for transcript in await hear(ref, bytes(32_000))]
        assert texts == [
            ("Hello there.", False),
            ("Hello there. How are you?", False),
            ("Hello there. How are you?", True),
        ]

    async def test_words_of_speaches(self, speaches: SpeachesWire) -> None:
        at = openai("speaches", base_url=speaches.base_url)
        options = OpenAiOptions(model="Systran/faster-whisper-small", word_times=True)
        speaches.hear("Hello, you.")
        async with (
            HttpClient.open() as http,
            open_system(child(OpenAiTranscription, http, at, options, name="x")) as system,
        ):
            (final,) = await hear(system.ref("x"), bytes(32_000))
        assert final.words == (Word("Hello", 0.0, 0.3), Word("you", 0.3, 0.6))

    async def test_a_model_that_is_not_installed(self, speaches: SpeachesWire) -> None:
        async with running(by_name("speaches"), speaches.url) as ref:
            with pytest.raises(ModelNotFound):
                await hear(ref, bytes(32_000), request=Transcribe(model="a/b"))

    async def test_segments_without_events_around_them(self, older: SpeachesWire) -> None:
        """So ``faster-whisper-server`` streamed; there is no last one, so the end of the body has to do."""
        older.hear("Hello there. How are you?")
        async with running(by_name("speaches"), older.url) as ref:
            texts = [one.text for one in await hear(ref, bytes(32_000))]
        assert texts == ["Hello there.", *["Hello there. How are you?"] * 2]
