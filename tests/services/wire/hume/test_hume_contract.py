"""The official Hume client, unmodified, takes the wire server for Hume: speech at once and streamed, and voices."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from sdk import official, unknown_members
from troupe.codecs.asset import load
from troupe.codecs.decode import read_audio
from troupe.services.wire import Refuse
from troupe.services.wire.hume import HumeWire
from troupe.services.wire.hume.speech import GENERATION, RATE
from troupe.services.wire.hume.voices import id_of
from troupe.services.wire.tone import tone
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from wires import callers, served

hume = official("hume")
httpx = official("httpx")
PublishTts = official("hume.tts").PublishTts
Environment = official("hume.environment").HumeClientEnvironment

# the client uses what `websockets` has deprecated
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

KEY = "hume-good-key"
AVA: Any = {"name": "Ava Song", "provider": "HUME_AI"}
TEXT = "Hello there. How are you?"


running_wire, wire = served(lambda: HumeWire(keys=[KEY]))


def clients(wire: HumeWire, key: str) -> Iterator[Any]:
    with httpx.Client() as http:  # else it leaves its connections to the garbage collector
        socket = "ws" + wire.url.removeprefix("http")
        there = Environment(base=wire.url, evi=f"{socket}/v0/evi", tts=f"{socket}/v0/tts", stream=f"{socket}/v0/stream")
        yield hume.HumeClient(api_key=key, environment=there, httpx_client=http)


client, stranger = callers(clients, KEY)


def said(text: str = TEXT, **more: Any) -> list[Any]:
    return [{"text": text, "voice": AVA, **more}]


def test_a_text_is_spoken_at_once(client: Any) -> None:
    answer = client.tts.synthesize_json(
        utterances=said(description="very sad"), format={"type": "wav"}, include_timestamp_types=["word"], version="2"
    )
    assert not set(unknown_members(answer))
    (generation,) = answer.generations
    wav = base64.b64decode(generation.audio)
    assert read_audio(load(wav), rate=RATE).to_bytes() == tone(TEXT, "Ava Song", RATE)
    assert (generation.file_size, generation.encoding.sample_rate) == (len(wav), RATE)
    ((one, two),) = generation.snippets
    assert (one.text, two.text) == ("Hello there.", " How are you?")
    stamps = [*one.timestamps, *two.timestamps]
    assert [stamp.text for stamp in stamps] == ["Hello", "there", "How", "are", "you"]
    begins = [stamp.time.begin for stamp in stamps]
    assert begins == sorted(begins)


@pytest.mark.parametrize("form", ["pcm", "mp3", "wav"])
def test_files(client: Any, form: str) -> None:
    whole = b"".join(client.tts.synthesize_file(utterances=said(), format={"type": form}))
    streamed = b"".join(client.tts.synthesize_file_streaming(utterances=said(), format={"type": form}))
    assert whole == streamed
    if form == "pcm":
        assert whole == tone(TEXT, "Ava Song", RATE)
    else:
        assert read_audio(load(whole), rate=RATE).duration == pytest.approx(len(TEXT) * 0.06, abs=0.1)


def test_a_text_is_spoken_in_lines(client: Any) -> None:
    lines = list(
        client.tts.synthesize_json_streaming(
            utterances=said(speed=1.5, trailing_silence=0.5),
            format={"type": "pcm"},
            version="2",
            include_timestamp_types=["word"],
            instant_mode=True,
            strip_headers=True,
        )
    )
    assert not set(unknown_members(lines))
    chunks = [line for line in lines if line.type == "audio"]
    audio = b"".join(base64.b64decode(chunk.audio) for chunk in chunks)
    assert audio == tone(TEXT, "Ava Song", RATE, 1.5) + bytes(RATE)
    assert [line.timestamp.text for line in lines if line.type == "timestamp"][-1] == "you"
    assert sum(chunk.is_last_chunk for chunk in chunks) == 2, "one for each snippet"


def test_a_chunk_with_its_header_is_a_file_of_its_own(client: Any) -> None:
    first = next(iter(client.tts.synthesize_json_streaming(utterances=said(), format={"type": "wav"})))
    assert read_audio(load(base64.b64decode(first.audio)), rate=RATE).frames == RATE // 10


def test_voices(client: Any) -> None:
    names = [voice.name for voice in client.tts.voices.list(provider="HUME_AI", page_size=3)]
    assert names[0] == "Ava Song"
    assert len(names) == 4, "there are two pages"
    assert not list(client.tts.voices.list(provider="CUSTOM_VOICE"))
    saved = client.tts.voices.create(generation_id=GENERATION, name="Anna")
    assert not set(unknown_members(saved))
    assert (saved.provider, saved.id) == ("CUSTOM_VOICE", id_of("Anna"))
    spoken = b"".join(
        client.tts.synthesize_file(utterances=[{"text": "Hi", "voice": {"id": saved.id}}], format={"type": "pcm"})
    )
    assert spoken == tone("Hi", "Anna", RATE)
    client.tts.voices.delete(name="Anna")
    with pytest.raises(hume.core.api_error.ApiError) as caught:
        client.tts.voices.delete(name="Anna")
    assert caught.value.status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"utterances": []}, 422),
        ({"utterances": said("")}, 422),
        ({"utterances": said("a" * 5001)}, 422),
        ({"utterances": said(speed=9)}, 422),
        ({"utterances": said(), "num_generations": 6}, 422),
        ({"utterances": [{"text": "Hi"}], "version": "2"}, 400),
        ({"utterances": [{"text": "Hi"}], "instant_mode": True}, 400),
        ({"utterances": said(), "version": "1", "include_timestamp_types": ["word"]}, 400),
        ({"utterances": [{"text": "Hi", "voice": {"name": "Ava Song"}}]}, 404),
    ],
)
def test_what_is_refused(client: Any, body: Any, status: int) -> None:
    with pytest.raises(hume.core.api_error.ApiError) as caught:
        list(client.tts.synthesize_json_streaming(**body))
    assert caught.value.status_code == status


def test_a_wrong_key_and_too_many_requests(wire: HumeWire, client: Any, stranger: Any) -> None:
    with pytest.raises(hume.core.api_error.ApiError) as caught:
        stranger.tts.voices.list(provider="HUME_AI")
    assert (caught.value.status_code, caught.value.body["code"]) == (401, "E0001")
    wire.fail("/v0/tts", Refuse(429))
    with pytest.raises(hume.core.api_error.ApiError) as caught:
        client.tts.synthesize_json(utterances=said(), request_options={"max_retries": 0})
    assert caught.value.status_code == 429


@pytest.mark.parametrize("binary", [False, True])
def test_texts_are_spoken_as_they_come(wire: HumeWire, client: Any, binary: bool) -> None:
    got: list[Any] = []
    with client.tts.stream_input.connect(
        api_key=KEY,
        version="2",
        format_type="pcm",
        include_timestamp_types=["word"],
        instant_mode=True,
        strip_headers=True,
        no_binary=not binary,
    ) as socket:
        socket.send_publish(PublishTts(text="Hello there. ", voice=AVA))
        socket.send_publish(PublishTts(text="How are you?", flush=True))
        socket.send_publish(PublishTts(text="Fine.", speed=1.5, close=True))
        got += socket
    chunks = [message if isinstance(message, bytes) else message.audio for message in got if is_audio(message)]
    audio = b"".join(chunk if isinstance(chunk, bytes) else base64.b64decode(chunk) for chunk in chunks)
    assert audio == tone("Hello there. How are you?", "Ava Song", RATE) + tone("Fine.", "Ava Song", RATE, 1.5)
    told = [message for message in got if not isinstance(message, bytes)]
    assert not set(unknown_members(told))
    assert [message.timestamp.text for message in told if message.type == "timestamp"] == [
        *("Hello", "there", "How", "are", "you", "Fine"),
    ]
    if not binary:
        snippets = {message.snippet_id: message.text for message in told if message.type == "audio"}
        assert "".join(snippets.values()) == "Hello there. How are you?Fine."
        assert len({message.generation_id for message in told}) == 2
        assert sum(message.is_last_chunk for message in told if message.type == "audio") == 3
    assert wire.last("/v0/tts/stream/input").ended.wait(2)
    assert wire.last("/v0/tts/stream/input").outcome == "served"


def is_audio(message: Any) -> bool:
    return isinstance(message, bytes) or message.type == "audio"


@pytest.mark.parametrize(
    ("query", "message", "code"),
    [
        ({}, '{"text": "Hi.", "voice": {"name": "Nobody"}, "flush": true}', "E0404"),
        ({"version": "2"}, '{"text": "Hi.", "flush": true}', "E0101"),
        ({}, "novelty", "E0100"),
    ],
)
def test_what_a_stream_refuses(client: Any, query: Any, message: str, code: str) -> None:
    with client.tts.stream_input.connect(api_key=KEY, **query) as socket:
        socket._websocket.send(message)
        told = json.loads(socket._websocket.recv())
        assert (told["type"], told["code"]) == ("error", code)
        with pytest.raises(ConnectionClosedError):
            socket._websocket.recv()


def test_a_stream_with_a_wrong_key_or_a_form_that_there_is_not(client: Any, stranger: Any) -> None:
    for who, key, query, status in ((stranger, "wrong", {}, 401), (client, KEY, {"format_type": "flac"}, 400)):
        with (
            pytest.raises(InvalidStatus) as caught,  # which the client means to make its own, and misses
            who.tts.stream_input.connect(api_key=key, **query),
        ):
            pass
        assert caught.value.response.status_code == status
