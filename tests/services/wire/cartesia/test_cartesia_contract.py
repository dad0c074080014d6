"""The official Cartesia client, unmodified, takes the wire server for Cartesia: contexts, recognition, voices."""

import base64
import os
from collections.abc import Iterator
from typing import Any

import pydantic
import pytest
from troupe.services.wire import Refuse
from troupe.services.wire.cartesia import CartesiaWire
from troupe.services.wire.tone import tone
from wires import callers, served

try:
    import cartesia
    import httpx
except ModuleNotFoundError:
    if "CI" in os.environ:
        raise
    pytest.skip("the cartesia package is not installed", allow_module_level=True)

from cartesia.types import Voice
from cartesia.types.stt.stt_manual_finalize_transcript_response import STTManualFinalizeTranscriptResponse
from cartesia.types.websocket_response import Chunk, Done, Error, FlushDone, Timestamps

# the client uses what `websockets` has deprecated
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

KEY = "ca-good-key"
KATIE = "f786b574-daa5-4673-aa0c-cbe3e8534c02"
RAW: Any = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24_000}
SECOND = bytes(32_000)


running_wire, wire = served(lambda: CartesiaWire(keys=[KEY]))


def clients(wire: CartesiaWire, key: str) -> Iterator[Any]:
    with httpx.Client() as http:
        yield cartesia.Cartesia(
            api_key=key,
            base_url=wire.url,
            websocket_base_url="ws" + wire.url.removeprefix("http"),
            http_client=http,
            max_retries=0,
        )


client, stranger = callers(clients, KEY)


def strictly(model: pydantic.BaseModel) -> None:
    """All is there, and nothing that the client does not know; it is silent about that."""
    type(model).model_validate(model.model_dump(by_alias=True))
    assert not model.model_extra
    for _, value in model:
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, pydantic.BaseModel):
                strictly(one)


def test_contexts_are_spoken_with_times(client: Any) -> None:
    asked = {"model_id": "sonic-3", "voice": {"id": KATIE}, "output_format": RAW, "add_timestamps": True}
    with client.tts.websocket_connect() as socket:
        socket.send({**asked, "context_id": "a", "transcript": "Hello ", "continue": True})
        socket.send({**asked, "context_id": "a", "transcript": "there.", "continue": True, "flush": True})
        socket.send({**asked, "context_id": "a", "transcript": "", "continue": False})
        socket.send({**asked, "context_id": "b", "transcript": "Fine."})
        messages = []
        while sum(isinstance(message, Done) for message in messages) < 2:
            messages.append(socket.recv())
    for message in messages:
        strictly(message)
    assert {type(message) for message in messages} == {Chunk, Timestamps, FlushDone, Done}
    for context, text in (("a", "Hello there."), ("b", "Fine.")):
        of = [message for message in messages if message.context_id == context]
        words = [word for message in of if isinstance(message, Timestamps) for word in message.word_timestamps.words]
        assert words == text.split()
        starts = [time for message in of if isinstance(message, Timestamps) for time in message.word_timestamps.start]
        assert starts == sorted(starts)
        audio = b"".join(base64.b64decode(message.data) for message in of if isinstance(message, Chunk))
        assert len(audio) == len(tone(text, KATIE, 24_000))


def test_what_is_wrong_with_a_context_is_said_in_it(client: Any) -> None:
    with client.tts.websocket_connect() as socket:
        socket.send(
            {"model_id": "sonic-3", "voice": {"id": "x"}, "output_format": RAW, "context_id": "a", "transcript": "Hi"}
        )
        message = socket.recv()
    assert isinstance(message, Error)
    strictly(message)
    assert (message.error_code, message.status_code, message.context_id) == ("voice_not_found", 404, "a")


@pytest.mark.parametrize(("container", "begins"), [("raw", b"\0\0"), ("wav", b"RIFF"), ("mp3", b"")])
def test_a_text_is_spoken(client: Any, container: str, begins: bytes) -> None:
    form = {**RAW, "container": container} if container != "mp3" else {"container": "mp3", "sample_rate": 44_100}
    answer = client.tts.generate(
        model_id="sonic-3", transcript="Hello", voice={"id": KATIE}, output_format={**form, "bit_rate": 128_000}
    )
    assert b"".join(answer.iter_bytes()).startswith(begins)


def test_a_stream_is_heard(wire: CartesiaWire, client: Any) -> None:
    wire.hear("Hello there, how are you?")
    with client.stt.manual_finalize.websocket(
        model="ink-2", encoding="pcm_s16le", sample_rate=16_000, language="en"
    ) as socket:
        socket.send_raw(SECOND)
        socket.send("finalize")
        socket.send_raw(SECOND)
        socket.send("close")
        messages = []
        while not messages or messages[-1].type != "done":
            messages.append(socket.recv())
    assert [message.type for message in messages] == [
        *("transcript", "transcript", "flush_done", "transcript", "transcript", "done")  # each first as a guess
    ]
    for message in messages:
        strictly(message)
    finals = [one for one in messages if isinstance(one, STTManualFinalizeTranscriptResponse) and one.is_final]
    assert "".join(final.text for final in finals) == "Hello there, how are you? "


def test_voices(client: Any) -> None:
    voices = list(client.voices.list(limit=2))
    assert len(voices) == 3  # in two pages
    for voice in voices:
        assert isinstance(voice, Voice)
        strictly(voice)


def test_what_is_refused(wire: CartesiaWire, client: Any, stranger: Any) -> None:
    with pytest.raises(cartesia.AuthenticationError) as caught:
        stranger.voices.list()
    assert caught.value.body["error_code"] == "unauthorized"  # type: ignore[index]
    wire.fail("/voices", Refuse(429))
    wire.fail("/voices/", Refuse(429))
    with pytest.raises(cartesia.RateLimitError):
        client.voices.list()
