"""The official Deepgram client, unmodified, takes the wire server for Deepgram: streams, recordings, speech, models."""

import os
from collections.abc import Iterator
from typing import Any

import pydantic
import pytest
from troupe.codecs.audio_writer import wav_header
from troupe.services.wire import Refuse
from troupe.services.wire.deepgram import DeepgramWire
from troupe.services.wire.tone import tone
from wires import callers, served

try:
    import deepgram
    import httpx
except ModuleNotFoundError:
    if "CI" in os.environ:
        raise
    pytest.skip("the deepgram-sdk package is not installed", allow_module_level=True)

from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment
from deepgram.listen.v1.types import (
    ListenV1Metadata,
    ListenV1Results,
    ListenV1SpeechStarted,
    ListenV1UtteranceEnd,
)
from deepgram.speak.v1.types import SpeakV1Text
from deepgram.types import ListenV1Response, ListModelsV1Response
from websockets.exceptions import ConnectionClosedError, InvalidStatus

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # the client uses what `websockets` has deprecated

KEY = "dg-good-key"
SECOND = bytes(32_000)


running_wire, wire = served(lambda: DeepgramWire(keys=[KEY]))


def clients(wire: DeepgramWire, key: str) -> Iterator[Any]:
    socket = "ws" + wire.url.removeprefix("http")
    environment = DeepgramClientEnvironment(base=wire.url, production=socket, agent=socket, agent_rest=wire.url)
    with httpx.Client() as http:  # else it leaves its connections to the garbage collector
        yield deepgram.DeepgramClient(api_key=key, environment=environment, httpx_client=http)


client, stranger = callers(clients, KEY)


def strictly(model: pydantic.BaseModel, but: tuple[str, ...] = ()) -> None:
    """Nothing is missing, of another type, or there without the client's types knowing it; it is silent about that."""
    type(model).model_validate(model.model_dump(by_alias=True, exclude_unset=True), strict=False)
    for name, value in model:
        if isinstance(value, pydantic.BaseModel):
            strictly(value, but)
        for one in value if isinstance(value, list) else ():
            if isinstance(one, pydantic.BaseModel):
                strictly(one, but)
        assert name in type(model).model_fields or name in but


def test_a_stream_is_heard(wire: DeepgramWire, client: Any) -> None:
    wire.hear("Hello there, how are you?")
    asked = {"model": "nova-3", "encoding": "linear16", "sample_rate": 16_000}
    flags = {"interim_results": True, "smart_format": True, "vad_events": True, "utterance_end_ms": 1000}
    with client.listen.v1.connect(**asked, **flags) as socket:
        socket.send_media(SECOND)
        socket.send_keep_alive()
        socket.send_finalize()
        socket.send_media(SECOND)
        socket.send_close_stream()
        messages = list(socket)
    assert [type(message) for message in messages] == [
        *(ListenV1SpeechStarted, ListenV1Results, ListenV1Results, ListenV1UtteranceEnd),
        *(ListenV1Results, ListenV1Results, ListenV1Metadata),
    ]
    for message in messages:
        strictly(message, ("models", "model_info"))  # which the API sends, too
    finals = [message for message in messages if isinstance(message, ListenV1Results) and message.is_final]
    assert [final.channel.alternatives[0].transcript for final in finals] == ["Hello there, how", "are you?"]
    assert [final.from_finalize for final in finals] == [True, False]
    assert [(final.start, final.duration) for final in finals] == [(0, 1), (1, 1)]
    assert finals[0].channel.alternatives[0].words[1].punctuated_word == "there,"
    assert messages[-1].duration == 2
    assert wire.last("/v1/listen").ended.wait(2)
    assert wire.last("/v1/listen").outcome == "served"


def test_a_recording_is_heard(wire: DeepgramWire, client: Any) -> None:
    wire.hear("Hello there.")
    wav = wav_header(16_000, 1, len(SECOND)) + SECOND
    answer = client.listen.v1.media.transcribe_file(request=wav, model="nova-3", smart_format=True)
    assert isinstance(answer, ListenV1Response)
    strictly(answer, ("punctuated_word",))  # which the API sends, too
    assert answer.metadata.duration == 1
    best = answer.results.channels[0].alternatives[0]
    assert (best.transcript, best.words[1].start) == ("Hello there.", 0.3)


def test_texts_are_spoken(wire: DeepgramWire, client: Any) -> None:
    asked = {"model": "aura-2-thalia-en", "encoding": "linear16", "sample_rate": 24_000}
    with client.speak.v1.connect(**asked) as socket:
        socket.send_text(SpeakV1Text(text="Never "))
        socket.send_clear()
        socket.send_text(SpeakV1Text(text="Hello "))
        socket.send_text(SpeakV1Text(text="there."))
        socket.send_flush()
        messages = [socket.recv() for _ in range(11)]
        socket.send_close()
        assert list(socket) == []
    texts = [message.type for message in messages if not isinstance(message, bytes)]
    assert texts == ["Metadata", "Cleared", "Flushed"]
    for message in messages:
        if not isinstance(message, bytes):
            strictly(message)
    spoken = b"".join(message for message in messages if isinstance(message, bytes))
    assert spoken == tone("Hello there.", "aura-2-thalia-en", 24_000)


@pytest.mark.parametrize(
    ("encoding", "container", "begins"),
    [("linear16", "wav", b"RIFF"), ("linear16", "none", b"\0\0"), ("mp3", None, b""), ("opus", "ogg", b"OggS")],
)
def test_a_text_is_spoken(wire: DeepgramWire, encoding: str, container: str | None, begins: bytes, client: Any) -> None:
    more = {"container": container} if container else {}
    answer = client.speak.v1.audio.generate(text="Hello", model="aura-2-thalia-en", encoding=encoding, **more)
    assert b"".join(answer).startswith(begins)


def test_models(wire: DeepgramWire, client: Any) -> None:
    models = client.manage.v1.models.list()
    assert isinstance(models, ListModelsV1Response)
    strictly(models)
    assert "nova-3" in [model.canonical_name for model in models.stt]


def test_what_is_refused(wire: DeepgramWire, client: Any, stranger: Any) -> None:
    with pytest.raises(ApiError) as caught:
        stranger.manage.v1.models.list()
    assert (caught.value.status_code, caught.value.body["err_code"]) == (401, "INVALID_AUTH")
    with pytest.raises(InvalidStatus, match="401"):  # newer than the one that the client knows and makes an ApiError of
        stranger.listen.v1.connect(model="nova-3").__enter__()
    with pytest.raises(ApiError) as caught:
        list(client.speak.v1.audio.generate(text="Hello", model="nobody"))
    assert caught.value.status_code == 400
    wire.fail("/v1/models", Refuse(402))
    with pytest.raises(ApiError) as caught:
        client.manage.v1.models.list()
    assert caught.value.body["err_code"] == "ASR_PAYMENT_REQUIRED"


def test_who_says_nothing_is_closed() -> None:
    with DeepgramWire(patience=0.05) as wire:
        client = next(clients(wire, KEY))
        with client.listen.v1.connect(model="nova-3", encoding="linear16", sample_rate=16_000) as socket:
            with pytest.raises(ConnectionClosedError, match="NET-0001"):
                socket.recv()
