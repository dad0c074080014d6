"""The server in a process of its own, with OpenAI's client, and espeak-ng in place of Chatterbox."""

import json
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from espeak_voice import pitch
from sdk import official, unknown_members
from shipped import wav
from troupe.services.shipped.chatterbox.library import Library
from troupe.services.shipped.chatterbox.settings import Settings

openai: Any = official("openai")
RATE = 22_050
TEXT = "It is me. Who else would it be, at this time of the day?"


def voice(height: float, seconds: float = 1.0) -> bytes:
    """A recording of somebody who hums."""
    times = np.arange(round(seconds * 16_000)) / 16_000
    hum = sum(np.sin(2 * np.pi * height * overtone * times) / overtone for overtone in range(1, 6))
    return wav(np.rint(6_000 * hum).astype(np.int16), 16_000)


def said(client: Any, **options: Any) -> bytes:
    asked = {"model": "tts-1", "voice": "alloy", "input": TEXT, "response_format": "pcm"} | options
    return client.audio.speech.create(**asked).content


def height(pcm: bytes) -> float:
    return pitch(np.frombuffer(pcm, "<i2"), RATE)


def test_speech_comes_as_samples_or_as_a_wav(client: Any) -> None:
    pcm = said(client)
    assert 2 < len(pcm) / 2 / RATE < 8
    file = said(client, response_format="wav")
    assert (file[:4], file[4:8], file[8:12]) == (b"RIFF", b"\xff" * 4, b"WAVE")
    assert int.from_bytes(file[24:28], "little") == RATE
    assert len(file) - 44 == pytest.approx(len(pcm), rel=0.05)


def test_speech_comes_in_events(client: Any) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="chatterbox", voice="alloy", input=TEXT, stream_format="sse"
    ) as answer:
        events = [json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line]
    assert [event["type"].removeprefix("speech.audio.") for event in events] == ["info", "delta", "delta", "done"]
    assert events[0]["sample_rate"] == RATE
    assert events[-1]["usage"] == {"input_tokens": 14, "output_tokens": 100, "total_tokens": 114}


def test_a_voice_is_that_of_its_recording_until_it_is_deleted(client: Any, chatterbox: str, voices: Path) -> None:
    url = f"{chatterbox}/v1/voices"
    for name, hertz in (("Low", 80), ("High one", 250)):
        answer = httpx2.post(url, data={"voice_name": name, "language": "en"}, files={"voice_file": voice(hertz)})
        assert answer.status_code == 201
        assert answer.json()["voice"]["name"] == name
    listed = httpx2.get(url).json()
    assert [each["name"] for each in listed["voices"]] == ["High one", "Low"]
    low, high = (height(said(client, voice=name)) for name in ("Low", "High one"))
    assert high > 1.5 * low
    assert httpx2.post(url, data={"voice_name": "Low"}, files={"voice_file": voice(80)}).status_code == 409
    after_a_restart = Library(None, Settings(voices=str(voices)))  # type: ignore[arg-type]
    assert [each.name for each in after_a_restart.listed()] == ["High one", "Low"]
    for name in ("Low", "High one"):
        assert httpx2.delete(f"{url}/{name}").status_code == 200
    assert httpx2.get(f"{url}/Low").status_code == httpx2.delete(f"{url}/Low").status_code == 404
    with pytest.raises(openai.NotFoundError):
        said(client, voice="Low")
    assert list(voices.iterdir()) == []


def test_a_recording_may_come_with_the_text(chatterbox: str) -> None:
    url = f"{chatterbox}/v1/audio/speech/upload"
    low, high = (
        httpx2.post(
            url, data={"input": TEXT, "response_format": "pcm", "seed": "1"}, files={"voice_file": voice(hertz)}
        ).content
        for hertz in (80, 250)
    )
    assert height(high) > 1.5 * height(low)


@pytest.mark.parametrize(
    ("options", "status", "param"),
    [
        ({"input": ""}, 400, "input"),
        ({"input": " \n "}, 400, "input"),
        ({"input": "x" * 4097}, 400, "input"),
        ({"voice": "Nobody"}, 404, "voice"),
        ({"response_format": "mp3"}, 400, "response_format"),
        ({"speed": 2}, 400, "speed"),
        ({"extra_body": {"language": "fr"}}, 400, "language"),
        ({"extra_body": {"temperature": 9}}, 400, "temperature"),
        ({"input": "fail"}, 500, None),
    ],
)
def test_refusals(client: Any, options: Any, status: int, param: str | None) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        said(client, **options)
    assert (caught.value.status_code, caught.value.param) == (status, param)


@pytest.mark.parametrize(
    ("fields", "recording", "status", "param"),
    [
        ({"voice_name": "alloy"}, voice(80), 400, "voice_name"),
        ({"voice_name": "../../etc/x"}, voice(80), 400, "voice_name"),
        ({"voice_name": "A", "language": "xx"}, voice(80), 400, "language"),
        ({"voice_name": "A"}, b"no sound", 400, "file"),
        ({"voice_name": "A"}, voice(80, 0.2), 400, "voice_file"),
        ({"voice_name": "A"}, voice(80, 31), 413, "file"),
        ({}, voice(80), 400, "voice_name"),
        ({"voice_name": "A"}, None, 400, "voice_file"),
    ],
)
def test_recordings_that_are_not_taken(
    chatterbox: str, fields: dict[str, str], recording: bytes | None, status: int, param: str
) -> None:
    files = {"other": b"x"} if recording is None else {"voice_file": recording}
    answer = httpx2.post(f"{chatterbox}/v1/voices", data=fields, files=files)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)


def test_a_failure_in_the_middle_ends_what_was_begun(client: Any, chatterbox: str) -> None:
    text = "This is fine. This will fail."
    with pytest.raises(openai.APIConnectionError):
        said(client, input=text)
    events = httpx2.post(f"{chatterbox}/v1/audio/speech", json={"input": text, "stream_format": "sse"}).text.split(
        "\n\n"
    )
    assert [json.loads(event.removeprefix("data: "))["type"] for event in events if event] == [
        "speech.audio.info",
        "speech.audio.delta",
        "error",
    ]


def test_health_and_models(client: Any, chatterbox: str) -> None:
    assert httpx2.get(f"{chatterbox}/health").json() == {"status": "healthy", "model_loaded": True, "model": "espeak"}
    (model,) = client.models.list()
    assert model.id == "espeak"
    assert not list(unknown_members(model))
