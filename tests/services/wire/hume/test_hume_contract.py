"""The official Hume client, unmodified, takes the wire server for Hume: speech at once and streamed, and voices."""

import base64
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

hume = official("hume")
httpx = official("httpx")

KEY = "hume-good-key"
AVA: Any = {"name": "Ava Song", "provider": "HUME_AI"}
TEXT = "Hello there. How are you?"


@pytest.fixture(scope="module")
def running_wire() -> Iterator[HumeWire]:
    with HumeWire(keys=[KEY]) as wire:
        yield wire


@pytest.fixture
def wire(running_wire: HumeWire) -> HumeWire:
    running_wire.reset()
    return running_wire


@pytest.fixture
def client(wire: HumeWire) -> Iterator[Any]:
    yield from clients(wire, KEY)


@pytest.fixture
def stranger(wire: HumeWire) -> Iterator[Any]:
    yield from clients(wire, "wrong")


def clients(wire: HumeWire, key: str) -> Iterator[Any]:
    with httpx.Client() as http:  # else it leaves its connections to the garbage collector
        yield hume.HumeClient(api_key=key, base_url=wire.url, httpx_client=http)


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
