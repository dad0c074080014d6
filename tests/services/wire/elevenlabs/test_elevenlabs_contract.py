"""The official ElevenLabs client, unmodified, takes the wire server for ElevenLabs: speech, recognition, lists."""

import asyncio
import base64
import json
import os
from collections.abc import Iterator
from typing import Any

import pydantic
import pytest
from troupe.codecs.audio_writer import wav_header
from troupe.services.wire import Refuse
from troupe.services.wire.elevenlabs import ElevenLabsWire
from troupe.services.wire.elevenlabs.speech import read_format, spoken
from troupe.services.wire.tone import tone
from wires import callers, served

try:
    import elevenlabs
    import httpx
except ModuleNotFoundError:
    if "CI" in os.environ:
        raise
    pytest.skip("the elevenlabs package is not installed", allow_module_level=True)

from elevenlabs import AudioOutputMulti, FinalOutputMulti
from elevenlabs.core.api_error import ApiError
from elevenlabs.realtime import AudioFormat, RealtimeEvents, ScribeRealtime
from websockets.sync.client import connect

# the client uses what `websockets` has deprecated
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

KEY = "el-good-key"
VOICE = "JBFqnCBsd6RMkjVDRZzb"
SECOND = bytes(32_000)


running_wire, wire = served(lambda: ElevenLabsWire(keys=[KEY]))


def clients(wire: ElevenLabsWire, key: str) -> Iterator[Any]:
    with httpx.Client() as http:  # else it leaves its connections to the garbage collector
        client: Any = elevenlabs.ElevenLabs(api_key=key, base_url=wire.url, httpx_client=http)
        client.text_to_speech._ws_base_url = "ws" + wire.url.removeprefix("http")  # it knows no other than TLS
        yield client


client, stranger = callers(clients, KEY)


def strictly(model: Any) -> None:
    """All is there, and of the types that the client knows; it is silent about what is not."""
    if isinstance(model, pydantic.BaseModel):
        type(model).model_validate(model.model_dump(by_alias=True))
        for name, value in model:
            assert name in type(model).model_fields
            strictly(value)
    elif isinstance(model, list):
        for value in model:
            strictly(value)


@pytest.mark.parametrize("form", ["pcm_24000", "pcm_16000", "mp3_44100_128", "ulaw_8000"])
def test_a_text_is_spoken(wire: ElevenLabsWire, form: str, client: Any) -> None:
    speech = client.text_to_speech
    whole = b"".join(speech.convert(VOICE, text="Hello there.", output_format=form))
    assert whole == b"".join(speech.stream(VOICE, text="Hello there.", output_format=form))
    if form.startswith("pcm"):
        assert whole == tone("Hello there.", VOICE, int(form[4:]))


def test_a_text_is_spoken_with_times(wire: ElevenLabsWire, client: Any) -> None:
    speech = client.text_to_speech
    chunks = list(speech.stream_with_timestamps(VOICE, text="Hello there.", output_format="pcm_24000"))
    strictly(chunks)
    assert "".join(letter for chunk in chunks for letter in chunk.alignment.characters) == "Hello there."
    starts = [start for chunk in chunks for start in chunk.alignment.character_start_times_seconds]
    assert starts == sorted(starts)
    assert b"".join(base64.b64decode(chunk.audio_base_64) for chunk in chunks) == tone("Hello there.", VOICE, 24_000)
    one = speech.convert_with_timestamps(VOICE, text="Hello", output_format="pcm_24000")
    strictly(one)
    assert one.alignment.characters == list("Hello")


def test_a_text_that_comes_bit_by_bit_is_spoken(wire: ElevenLabsWire, client: Any) -> None:
    chunks = client.text_to_speech.convert_realtime(
        VOICE, text=iter(["Hello ", "there."]), model_id="eleven_flash_v2_5", output_format="pcm_24000"
    )
    assert b"".join(chunks) == tone("Hello there. ", VOICE, 24_000)
    assert wire.last(f"/v1/text-to-speech/{VOICE}/stream-input").ended.wait(2)
    assert wire.last(f"/v1/text-to-speech/{VOICE}/stream-input").outcome == "served"


def test_messages_of_contexts_are_those_that_the_client_knows() -> None:
    """It has types for them, and no method."""
    for message in spoken("Hello there.", VOICE, read_format("pcm_24000"), 1.0):
        AudioOutputMulti.model_validate(message | {"contextId": "a"})
        assert {*message, "contextId"} - {"isFinal"} <= {
            field.alias or name for name, field in AudioOutputMulti.model_fields.items()
        }
    FinalOutputMulti.model_validate({"isFinal": True, "contextId": "a"})


def test_an_empty_text_of_no_context_keeps_the_connection(wire: ElevenLabsWire) -> None:
    """Pipecat sends that from time to time."""
    url = f"ws{wire.url.removeprefix('http')}/v1/text-to-speech/{VOICE}/multi-stream-input?output_format=pcm_24000"
    with connect(url, additional_headers={"xi-api-key": KEY}) as socket:
        for message in (
            {"text": ""},
            {"text": " ", "voice_settings": {}, "context_id": "a"},
            {"text": ""},
            {"text": "Hello.", "flush": True, "context_id": "a"},
        ):
            socket.send(json.dumps(message))
        assert base64.b64decode(json.loads(socket.recv())["audio"]) == tone("Hello.", VOICE, 24_000)


def test_a_recording_is_heard(wire: ElevenLabsWire, client: Any) -> None:
    recognition = client.speech_to_text
    for audio, form in ((SECOND, "pcm_s16le_16"), (wav_header(16_000, 1, len(SECOND)) + SECOND, "other")):
        wire.hear("Hello there.")
        answer = recognition.convert(model_id="scribe_v2", file=("speech", audio), file_format=form)
        strictly(answer)
        assert (answer.text, answer.audio_duration_secs) == ("Hello there.", 1)
        assert [(word.text, word.type, word.start) for word in answer.words] == [
            *(("Hello", "word", 0), (" ", "spacing", 0.3), ("there.", "word", 0.3))
        ]


def test_a_stream_is_heard(wire: ElevenLabsWire) -> None:
    got: list[tuple[str, dict[str, Any]]] = []

    async def hear() -> None:
        done = asyncio.Event()
        scribe = ScribeRealtime(api_key=KEY, base_url="ws" + wire.url.removeprefix("http"))
        options: Any = {"model_id": "scribe_v2_realtime", "audio_format": AudioFormat.PCM_16000, "sample_rate": 16_000}
        connection = await scribe.connect({**options, "include_timestamps": True})
        for event in (
            RealtimeEvents.SESSION_STARTED,
            RealtimeEvents.PARTIAL_TRANSCRIPT,
            RealtimeEvents.COMMITTED_TRANSCRIPT,
            RealtimeEvents.COMMITTED_TRANSCRIPT_WITH_TIMESTAMPS,
            RealtimeEvents.COMMIT_THROTTLED,
        ):
            connection.on(event, lambda data, name=event.value: got.append((name, data)))
        connection.on(RealtimeEvents.COMMITTED_TRANSCRIPT_WITH_TIMESTAMPS, lambda _: done.set())
        await connection.send({"audio_base_64": base64.b64encode(SECOND).decode()})
        await connection.commit()
        await done.wait()
        await connection.close()

    wire.hear("Hello there.")
    asyncio.run(hear())
    assert [name for name, _ in got] == [
        *("session_started", "partial_transcript", "committed_transcript", "committed_transcript_with_timestamps")
    ]
    assert got[-1][1]["text"] == "Hello there."


def test_voices_and_models(wire: ElevenLabsWire, client: Any) -> None:
    page = client.voices.search(page_size=2)
    strictly(page)
    assert (len(page.voices), page.has_more) == (2, True)
    rest = client.voices.search(page_size=2, next_page_token=page.next_page_token)
    assert (len(rest.voices), rest.has_more) == (1, False)
    models = client.models.list()
    strictly(models)
    assert "eleven_flash_v2_5" in [model.model_id for model in models]


def test_a_voice_is_made_from_recordings_and_deleted(client: Any) -> None:
    recording = ("anna.wav", wav_header(16_000, 1, len(SECOND)) + SECOND)
    made = client.voices.ivc.create(name="Anna", files=[recording, recording], labels={"language": "de"})
    strictly(made)
    assert not made.requires_verification
    spoken = b"".join(client.text_to_speech.convert(made.voice_id, text="Hello.", output_format="pcm_24000"))
    assert spoken == tone("Hello.", made.voice_id, 24_000)
    listed = {voice.voice_id: voice for voice in client.voices.search().voices}
    assert (listed[made.voice_id].name, listed[made.voice_id].category) == ("Anna", "cloned")
    assert client.voices.delete(made.voice_id).status == "ok"
    for key in (made.voice_id, VOICE):
        with pytest.raises(ApiError) as caught:
            client.voices.delete(key)
        assert caught.value.body["detail"]["status"] == "voice_does_not_exist"


def test_a_plan_has_an_end(client: Any) -> None:
    for number in range(10):
        client.voices.ivc.create(name=f"Anna {number}", files=[("a.wav", SECOND)])
    with pytest.raises(ApiError) as caught:
        client.voices.ivc.create(name="Berta", files=[("a.wav", SECOND)])
    assert caught.value.body["detail"]["code"] == "voice_limit_reached"


def test_what_is_refused(wire: ElevenLabsWire, client: Any, stranger: Any) -> None:
    with pytest.raises(ApiError) as caught:
        stranger.models.list()
    assert (caught.value.status_code, caught.value.body["detail"]["code"]) == (401, "invalid_api_key")
    speech = client.text_to_speech
    for voice, text, status in (("nobody", "Hello", 404), (VOICE, "", 400)):
        with pytest.raises(ApiError) as caught:
            list(speech.stream(voice, text=text))
        assert caught.value.status_code == status
    with pytest.raises(ApiError) as caught:
        list(speech.convert_realtime("nobody", text=iter(["Hello"])))
    assert caught.value.status_code == 1008
    wire.fail("/v1/models", Refuse(429))
    with pytest.raises(ApiError) as caught:
        client.models.list(request_options={"max_retries": 0})
    assert caught.value.body["detail"]["status"] == "too_many_concurrent_requests"
