"""The official OpenAI client, unmodified, takes the wire server for OpenAI: every call, streams included."""

import base64
import os
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pydantic
import pytest
from troupe.codecs.asset import load
from troupe.services.wire import Insert, Refuse
from troupe.services.wire.openai import OpenAiWire, Reply, ToolUse
from troupe.services.wire.openai.speech import RATE, SECONDS_PER_CHARACTER, VOICES
from wires import served

try:
    import openai
except ModuleNotFoundError:
    if "CI" in os.environ:
        raise
    pytest.skip("the openai package is not installed", allow_module_level=True)

from openai.types import CreateEmbeddingResponse, ImageGenCompletedEvent, ImagesResponse, Model
from openai.types.audio import TranscriptionTextDeltaEvent, TranscriptionTextDoneEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessageParam

USER: list[ChatCompletionMessageParam] = [{"role": "user", "content": "How are you?"}]
TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
CALLS = (ToolUse("weather", '{"city": "Köln"}', "call_a"), ToolUse("time", "{}", "call_b"))


running_wire, wire = served(
    lambda: OpenAiWire(keys=["sk-good-key-0123"], models=["gpt-4o-mini", "tts-1", "gpt-4o-mini-tts", "whisper-1"])
)


@pytest.fixture
def client(wire: OpenAiWire) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=wire.base_url, api_key="sk-good-key-0123", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def any_client() -> Iterator[openai.OpenAI]:
    """Of a server that has models of every name."""
    with OpenAiWire() as wire, openai.OpenAI(base_url=wire.base_url, api_key="k", max_retries=0) as client:
        yield client


def strictly(model: type[pydantic.BaseModel], raw: Any) -> None:
    """Nothing is missing and nothing is there that the client's types do not know, which it keeps silent about."""

    def check(value: Any, path: str) -> Iterator[str]:
        if isinstance(value, pydantic.BaseModel):
            yield from (f"{path}.{name}" for name in value.model_extra or ())
            for name, inner in value:
                yield from check(inner, f"{path}.{name}")
        elif isinstance(value, list):
            for inner in value:
                yield from check(inner, path)

    assert set(check(model.model_validate(raw), "")) <= {".obfuscation", ".owner"}


class TestChat:
    def test_whole(self, wire: OpenAiWire, client: openai.OpenAI) -> None:
        wire.reply("Fine, thank you.")
        raw = client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=USER)
        completion = raw.parse()
        assert completion.choices[0].message.content == "Fine, thank you."
        assert completion.choices[0].finish_reason == "stop"
        assert completion.usage is not None
        assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (3, 3)
        assert completion._request_id == raw.headers["x-request-id"]  # type: ignore[attr-defined]
        strictly(ChatCompletion, raw.http_response.json())

    def test_streamed(self, wire: OpenAiWire, client: openai.OpenAI) -> None:
        wire.reply("Fine, thank you.")
        stream = client.chat.completions.create(
            model="gpt-4o-mini", messages=USER, stream=True, stream_options={"include_usage": True}
        )
        chunks = list(stream)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == "Fine, thank you."
        assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]][-2:] == [None, "stop"]
        assert chunks[-1].choices == []
        assert chunks[-1].usage is not None
        assert all(chunk.usage is None for chunk in chunks[:-1])
        assert len({chunk.id for chunk in chunks}) == 1
        for chunk in chunks:
            strictly(ChatCompletionChunk, chunk.model_dump())

    def test_the_clients_own_helper_assembles_tool_calls(self, wire: OpenAiWire, client: openai.OpenAI) -> None:
        wire.reply(reply=Reply(tool_calls=CALLS))
        with client.chat.completions.stream(model="gpt-4o-mini", messages=USER, tools=TOOLS) as stream:
            completion = stream.get_final_completion()
        calls = completion.choices[0].message.tool_calls
        assert completion.choices[0].finish_reason == "tool_calls"
        assert [(call.id, call.function.name, call.function.arguments) for call in calls or ()] == [
            (call.id, call.name, call.arguments) for call in CALLS
        ]

    def test_tool_calls_whole(self, wire: OpenAiWire, client: openai.OpenAI) -> None:
        wire.reply(reply=Reply(tool_calls=CALLS))
        message = client.chat.completions.create(model="gpt-4o-mini", messages=USER, tools=TOOLS).choices[0].message
        assert message.content is None
        assert [call.id for call in message.tool_calls or ()] == ["call_a", "call_b"]

    def test_a_limit_cuts_the_answer(self, client: openai.OpenAI) -> None:
        completion = client.chat.completions.create(model="gpt-4o-mini", messages=USER, max_completion_tokens=2)
        assert completion.choices[0].message.content == "You said:"
        assert completion.choices[0].finish_reason == "length"

    def test_an_error_in_the_middle_of_a_stream(self, wire: OpenAiWire, client: openai.OpenAI) -> None:
        error = b'data: {"error":{"message":"boom","type":"server_error","param":null,"code":null}}\n\n'
        wire.fail("/v1/chat/completions", Insert(2, error))
        with pytest.raises(openai.APIError, match="boom"):
            list(client.chat.completions.create(model="gpt-4o-mini", messages=USER, stream=True))


class TestSpeech:
    @pytest.mark.parametrize("form", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
    def test_every_format_is_as_long_as_the_text(self, client: openai.OpenAI, form: Any) -> None:
        response = client.audio.speech.create(model="tts-1", voice="nova", input="How are you?", response_format=form)
        seconds = 12 * SECONDS_PER_CHARACTER
        if form == "pcm":
            assert len(response.content) == round(seconds * RATE) * 2
        else:
            assert seconds_of(response.content) == pytest.approx(seconds, abs=0.1)

    def test_streamed_as_audio(self, client: openai.OpenAI) -> None:
        with client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="alloy", input="How are you?", response_format="pcm"
        ) as response:
            assert response.headers["transfer-encoding"] == "chunked"
            assert sum(map(len, response.iter_bytes())) == round(12 * SECONDS_PER_CHARACTER * RATE) * 2

    def test_streamed_as_events(self, client: openai.OpenAI) -> None:
        with client.audio.speech.with_streaming_response.create(
            model="gpt-4o-mini-tts", voice="alloy", input="Hi", response_format="pcm", stream_format="sse"
        ) as response:
            lines = [line for line in response.iter_lines() if line]
        assert all(line.startswith('data: {"type":"speech.audio.delta"') for line in lines[:-1])
        assert lines[-1].startswith('data: {"type":"speech.audio.done","usage":{"input_tokens":1')

    def test_voices_differ_and_the_clients_are_all_known(self, client: openai.OpenAI) -> None:
        tones = {
            client.audio.speech.create(model="tts-1", voice=voice, input="a", response_format="pcm").content
            for voice in VOICES
        }
        assert len(tones) == len(VOICES)


def seconds_of(audio: bytes) -> float:
    from troupe.codecs.asset import load
    from troupe.codecs.decode import read_audio

    return read_audio(load(audio)).duration


class TestTranscription:
    @pytest.fixture
    def upload(self, client: openai.OpenAI) -> tuple[str, bytes]:
        wav = client.audio.speech.create(model="tts-1", voice="nova", input="a" * 20, response_format="wav")
        return "speech.wav", wav.content

    def test_json_and_text(self, wire: OpenAiWire, client: openai.OpenAI, upload: tuple[str, bytes]) -> None:
        wire.hear("one two")
        answer = client.audio.transcriptions.create(model="whisper-1", file=upload)
        assert answer.text == "one two"
        assert answer.usage is not None
        assert answer.usage.type == "duration"
        text = client.audio.transcriptions.create(model="whisper-1", file=upload, response_format="text")
        assert text == "1.20 seconds of audio\n"

    def test_verbose_with_words(self, wire: OpenAiWire, client: openai.OpenAI, upload: tuple[str, bytes]) -> None:
        wire.hear("One, two.")
        answer = client.audio.transcriptions.create(
            model="whisper-1", file=upload, response_format="verbose_json", timestamp_granularities=["word"]
        )
        assert [(word.word, word.start, word.end) for word in answer.words or ()] == [
            ("One", 0, 0.3),
            ("two", 0.3, 0.6),
        ]
        assert answer.segments is None
        assert answer.duration == 1.2

    def test_segments_are_the_default_of_verbose(self, client: openai.OpenAI, upload: tuple[str, bytes]) -> None:
        answer = client.audio.transcriptions.create(model="whisper-1", file=upload, response_format="verbose_json")
        assert answer.words is None
        assert len(answer.segments or ()) == 1

    @pytest.mark.parametrize(("form", "start"), [("srt", "1\n00:00:00,000 --> 00:00:01,200"), ("vtt", "WEBVTT\n\n00:")])
    def test_captions(self, client: openai.OpenAI, upload: tuple[str, bytes], form: Any, start: str) -> None:
        captions = client.audio.transcriptions.create(model="whisper-1", file=upload, response_format=form)
        assert captions.startswith(start)

    def test_streamed(self, wire: OpenAiWire, upload: tuple[str, bytes]) -> None:
        wire.hear("one two three")
        with OpenAiWire() as any_model, openai.OpenAI(base_url=any_model.base_url, api_key="k") as client:
            any_model.hear("one two three")
            stream = client.audio.transcriptions.create(model="gpt-4o-mini-transcribe", file=upload, stream=True)
            *deltas, done = stream
        assert [event.delta for event in deltas if isinstance(event, TranscriptionTextDeltaEvent)] == [
            "one",
            " two",
            " three",
        ]
        assert isinstance(done, TranscriptionTextDoneEvent)
        assert done.text == "one two three"
        assert done.usage is not None

    def test_whisper_ignores_the_wish_for_a_stream(self, client: openai.OpenAI, upload: tuple[str, bytes]) -> None:
        answer = client.audio.transcriptions.with_raw_response.create(model="whisper-1", file=upload, stream=True)
        assert answer.headers["content-type"] == "application/json"


class TestEmbeddings:
    @pytest.mark.parametrize("form", ["float", "base64"])
    def test_vectors(self, any_client: openai.OpenAI, form: Any) -> None:
        answer = any_client.embeddings.create(model="e", input=["one two", "three"], encoding_format=form)
        assert [item.index for item in answer.data] == [0, 1]
        assert answer.usage.prompt_tokens == 3
        shorter = any_client.embeddings.create(model="e", input="one two", dimensions=64)
        assert len(shorter.data[0].embedding) == 64
        strictly(CreateEmbeddingResponse, shorter.model_dump())
        if form == "float":
            assert sum(number**2 for number in answer.data[0].embedding) == pytest.approx(1)


class TestImages:
    @pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
    def test_whole(self, any_client: openai.OpenAI, form: Any) -> None:
        answer = any_client.images.generate(model="i", prompt="a cat", n=2, size="64x32", output_format=form)
        one, two = answer.data or ()
        assert one.b64_json != two.b64_json
        image = load(base64.b64decode(one.b64_json or "")).as_image()
        assert (image.width, image.height, answer.size) == (64, 32, "64x32")
        assert answer.usage is not None
        assert answer.usage.output_tokens == 200
        strictly(ImagesResponse, answer.model_dump())

    def test_streamed_with_previews(self, any_client: openai.OpenAI) -> None:
        events = list(
            any_client.images.generate(model="i", prompt="a cat", size="64x32", stream=True, partial_images=2)
        )
        assert [event.type.rpartition(".")[2] for event in events] == ["partial_image", "partial_image", "completed"]
        strictly(ImageGenCompletedEvent, events[-1].model_dump())

    def test_bad_sizes(self, any_client: openai.OpenAI) -> None:
        with pytest.raises(openai.BadRequestError, match="divisible by 16"):
            any_client.images.generate(model="i", prompt="a cat", size="65x32")


class TestModels:
    def test_list_and_retrieve(self, wire: OpenAiWire, client: openai.OpenAI) -> None:
        assert [model.id for model in client.models.list()] == ["gpt-4o-mini", "tts-1", "gpt-4o-mini-tts", "whisper-1"]
        assert client.models.retrieve("tts-1").object == "model"
        raw = httpx2.get(f"{wire.base_url}/models/tts-1", headers={"authorization": "Bearer sk-good-key-0123"}).json()
        assert set(raw) == set(Model.model_fields)
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("tts-9")


def chat(client: openai.OpenAI, **options: Any) -> object:
    return client.chat.completions.create(**({"model": "gpt-4o-mini", "messages": USER} | options))


def speak(client: openai.OpenAI, **options: Any) -> object:
    return client.audio.speech.create(**({"model": "tts-1", "input": "a", "voice": "nova"} | options))


def hear(client: openai.OpenAI, name: str, audio: bytes) -> object:
    return client.audio.transcriptions.create(model="whisper-1", file=(name, audio))


class TestErrors:
    @pytest.mark.parametrize(
        ("fault", "error", "code"),
        [
            (Refuse(400), openai.BadRequestError, None),
            (Refuse(401), openai.AuthenticationError, "invalid_api_key"),
            (Refuse(403), openai.PermissionDeniedError, "unsupported_country_region_territory"),
            (Refuse(404), openai.NotFoundError, None),
            (Refuse(429, retry_after=1), openai.RateLimitError, "rate_limit_exceeded"),
            (Refuse(429, code="insufficient_quota"), openai.RateLimitError, "insufficient_quota"),
            (Refuse(500), openai.InternalServerError, None),
            (Refuse(503), openai.InternalServerError, None),
            (Refuse(502, html=True), openai.InternalServerError, None),
        ],
    )
    def test_refusals_are_the_clients_own_errors(
        self,
        wire: OpenAiWire,
        client: openai.OpenAI,
        fault: Refuse,
        error: type[openai.APIStatusError],
        code: str | None,
    ) -> None:
        wire.fail("/v1/models", fault)
        with pytest.raises(error) as caught:
            client.models.list()
        assert caught.value.code == code

    @pytest.mark.parametrize(
        ("call", "param", "code"),
        [
            (lambda client: chat(client, messages=[]), "messages", None),
            (lambda client: chat(client, temperature=3), "temperature", "decimal_out_of_range"),
            (lambda client: chat(client, model=7), "model", "invalid_type"),
            (lambda client: chat(client, stream_options={"include_usage": True}), "stream_options", None),
            (lambda client: speak(client, speed=9), "speed", "decimal_out_of_range"),
            (lambda client: speak(client, voice="bob"), "voice", "invalid_value"),
            (lambda client: speak(client, input=""), "input", None),
            (lambda client: speak(client, stream_format="sse"), "stream_format", None),
            (lambda client: client.embeddings.create(model="tts-1", input=""), "input", None),
            (lambda client: hear(client, "a.wav", b"no audio"), "file", "invalid_value"),
            (lambda client: hear(client, "a.txt", b"no audio"), "file", None),
        ],
    )
    def test_bad_requests_name_the_parameter(
        self, client: openai.OpenAI, call: Callable[[openai.OpenAI], object], param: str, code: str | None
    ) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            call(client)
        assert (caught.value.param, caught.value.code) == (param, code)

    def test_an_unknown_model(self, client: openai.OpenAI) -> None:
        with pytest.raises(openai.NotFoundError) as caught:
            chat(client, model="gpt-9")
        assert caught.value.code == "model_not_found"

    def test_a_wrong_key_comes_back_in_part_as_the_api_does_it(self, wire: OpenAiWire) -> None:
        with openai.OpenAI(base_url=wire.base_url, api_key="sk-wrong-key-9876", max_retries=0) as client:
            with pytest.raises(openai.AuthenticationError, match=r"sk-wrong\*+9876"):
                client.models.list()

    def test_missing_members_and_broken_json(self, wire: OpenAiWire) -> None:
        url, headers = f"{wire.base_url}/chat/completions", {"authorization": "Bearer sk-good-key-0123"}
        missing = httpx2.post(url, json={"model": "gpt-4o-mini"}, headers=headers).json()["error"]
        assert (missing["param"], missing["code"]) == ("messages", "missing_required_parameter")
        broken = httpx2.post(url, content=b"{", headers=headers)
        assert broken.status_code == 400
        assert set(broken.json()["error"]) == {"message", "type", "param", "code"}

    def test_the_client_retries_as_it_is_told(self, wire: OpenAiWire) -> None:
        wire.fail("/v1/models", Refuse(429, retry_after=0.01))
        with openai.OpenAI(base_url=wire.base_url, api_key="sk-good-key-0123", max_retries=1) as client:
            assert client.models.list().data
        assert len(wire.exchanges) == 2
