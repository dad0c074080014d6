"""Speech as bytes."""

from typing import Any

import pytest
from msgspec import json
from troupe.actors.contracts import Usage
from troupe.actors.errors import BrokenStream, InvalidRequest, ProviderUnavailable
from troupe.actors.providers.openai.wire.speech import (
    SpeechOptions,
    decode_speech_event,
    encode_speech,
)

OPTIONS = SpeechOptions(model="tts-x", voice="nova")


def encoded(
    options: SpeechOptions = OPTIONS, *, model: str = "", voice: str = "", speed: float = 1.0
) -> dict[str, Any]:
    return json.decode(encode_speech("Hi", options, provider="wire", model=model, voice=voice, speed=speed))


def test_the_least_that_is_asked_for() -> None:
    assert encoded() == {"model": "tts-x", "voice": "nova", "input": "Hi", "response_format": "pcm"}


def test_everything_that_can_be_asked_for() -> None:
    options = SpeechOptions(model="tts-x", voice="nova", instructions="Whisper.", streamed="events")
    assert encoded(options, model="tts-y", voice="echo", speed=1.5) == {
        "model": "tts-y",
        "voice": "echo",
        "input": "Hi",
        "response_format": "pcm",
        "instructions": "Whisper.",
        "speed": 1.5,
        "stream_format": "sse",
    }


@pytest.mark.parametrize("speed", [0.2, 4.1, float("nan")])
def test_a_speed_out_of_range_is_refused_here(speed: float) -> None:
    with pytest.raises(InvalidRequest, match=r"it has to be between 0.25 and 4"):
        encoded(speed=speed)


def test_the_official_client_could_have_sent_it() -> None:
    pydantic = pytest.importorskip("pydantic")
    params = pytest.importorskip("openai.types.audio.speech_create_params")
    body = encoded(SpeechOptions(model="tts-1", voice="nova", instructions="a", streamed="events"), speed=2)
    assert set(pydantic.TypeAdapter(params.SpeechCreateParams).validate_python(body)) == set(body)


def test_events() -> None:
    delta = decode_speech_event(b'{"type":"speech.audio.delta","audio":"AAEC"}', "wire")
    assert (delta.more, delta.last) == (b"\x00\x01\x02", False)
    done = decode_speech_event(b'{"type":"speech.audio.done","usage":{"input_tokens":3,"output_tokens":4}}', "wire")
    assert (done.more, done.last, done.tokens) == (b"", True, Usage(input_tokens=3, output_tokens=4))


@pytest.mark.parametrize(
    "data", [b'{"type":"speech.audio.info","sample_rate":24000}', b'{"type":"x","audio":"AAEC"}', b"{}"]
)
def test_events_that_are_not_known_are_nothing(data: bytes) -> None:
    event = decode_speech_event(data, "wire")
    assert (event.more, event.last, event.tokens) == (b"", False, Usage())


def test_another_servers_word_for_usage() -> None:
    assert decode_speech_event(b'{"type":"speech.audio.done","token_usage":{"input_tokens":0}}', "wire").last


def test_events_that_are_errors() -> None:
    with pytest.raises(ProviderUnavailable):
        decode_speech_event(b'{"error":{"message":"private","type":"server_error"}}', "wire")
    with pytest.raises(BrokenStream, match="makes no sense"):
        decode_speech_event(b'{"type":"speech.audio.delta","audio":"not base64!"}', "wire")
