"""Speech as it is spoken, over a WebSocket, with OpenAI's client."""

import time
from base64 import b64encode
from typing import Any

import pytest
from sdk import unknown_members
from shipped import resampled, served
from troupe.services.shipped.serving.refusals import EngineFailed
from troupe.services.shipped.whisper.app import application
from troupe.services.shipped.whisper.settings import Settings

pytestmark = pytest.mark.filterwarnings(
    "ignore:connect.. must be used as a context manager:DeprecationWarning"
)  # theirs

TRANSCRIPTION = {"extra_query": {"intent": "transcription"}}


def send(connection: Any, pcm: bytes) -> None:
    connection.input_audio_buffer.append(audio=b64encode(pcm).decode())


def test_words_come_before_the_turn_ends(client: Any, recording: bytes) -> None:
    pcm = resampled(recording, 16_000).tobytes()
    with client.realtime.connect(**TRANSCRIPTION) as connection:
        assert connection.recv().type == "session.created"
        form = {"type": "audio/pcm", "rate": 16_000}
        connection.session.update(
            session={"type": "transcription", "audio": {"input": {"format": form, "turn_detection": None}}}
        )
        assert connection.recv().session.audio.input.format.rate == 16_000
        events: list[Any] = []
        deadline = time.monotonic() + 45
        send(connection, pcm)
        while not events and time.monotonic() < deadline:  # silence, until the words before it are agreed on
            send(connection, bytes(16_000))
            events += received(connection, 0.1)
        connection.input_audio_buffer.commit()
        while not events or not events[-1].type.endswith(".completed"):
            events.append(connection.recv())
    assert not list(unknown_members(events))
    names = [event.type.removeprefix("conversation.item.") for event in events]
    assert names[0] == "input_audio_transcription.delta"
    first = names.index("input_audio_buffer.committed")
    assert names[first : first + 3] == ["input_audio_buffer.committed", "added", "done"]
    deltas = [event for event in events if event.type.endswith(".delta")]
    completed = events[-1]
    assert completed.transcript == "".join(delta.delta for delta in deltas) == "one two three four five"
    assert {event.item_id for event in (*deltas, completed, events[first])} == {completed.item_id}


def received(connection: Any, seconds: float) -> list[Any]:
    """What comes within some seconds."""
    try:
        return [connection.parse_event(connection._connection.recv(timeout=seconds))]
    except TimeoutError:
        return []


def test_mistakes_leave_the_connection_open(client: Any) -> None:
    with client.realtime.connect(**TRANSCRIPTION) as connection:
        connection.recv()
        connection.response.create()
        error = connection.recv()
        assert (error.type, error.error.param) == ("error", "type")
        connection.input_audio_buffer.clear()
        assert connection.recv().type == "input_audio_buffer.cleared"


def test_no_more_connections_than_may_be_and_failures_are_told() -> None:
    import openai

    class Broken:
        model = "broken"

        def transcribe(self, audio: object, task: object) -> Any:
            raise EngineFailed("no memory")

    with served(application(Broken(), Settings(sockets=1))) as where:
        with openai.OpenAI(base_url=f"http://{where}/v1", api_key="none") as client:
            with client.realtime.connect(**TRANSCRIPTION) as connection:
                connection.recv()
                with client.realtime.connect(**TRANSCRIPTION) as other, pytest.raises(Exception, match="as may be"):
                    other.recv()
                send(connection, bytes(48_000))
                connection.input_audio_buffer.commit()
                while (event := connection.recv()).type in {
                    "input_audio_buffer.committed",
                    "conversation.item.added",
                    "conversation.item.done",
                }:
                    pass
                assert event.type.endswith("transcription.failed")
                assert event.error.code == "engine_failed"
