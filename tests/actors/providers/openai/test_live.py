"""What is said to a realtime transcription session, and understood of it; without a server."""

import json
from base64 import b64decode

import pytest
from troupe.actors.contracts import Transcribe
from troupe.actors.errors import BrokenStream, ProviderError
from troupe.actors.providers.openai.wire.live import LiveHearing

NAME = "conversation.item.input_audio_transcription"


def hearing(rate: int = 16_000) -> LiveHearing:
    return LiveHearing("openai", Transcribe(rate=rate, language="de", prompt="Troupe"), "whisper-1")


def test_it_begins_with_how_to_listen() -> None:
    heard = json.loads(hearing().opening())["session"]["audio"]["input"]
    assert heard["transcription"] == {"model": "whisper-1", "language": "de", "prompt": "Troupe"}
    assert heard["format"] == {"type": "audio/pcm", "rate": 24_000}
    assert heard["turn_detection"] is None


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
def test_audio_is_sent_at_the_one_rate(rate: int) -> None:
    live = hearing(rate)
    sent = [live.audio(bytes(2 * rate // 10)) for _ in range(10)]
    *rest, commit = live.end()
    pcm = b"".join(b64decode(json.loads(message)["audio"]) for message in (*sent, *rest))
    assert len(pcm) == 2 * 24_000
    assert json.loads(commit) == {"type": "input_audio_buffer.commit"}


def test_deltas_add_up_and_the_last_word_counts() -> None:
    live = hearing()
    for kind, members, text in (
        ("session.updated", {"session": {}}, None),
        (f"{NAME}.delta", {"delta": "a nice"}, "a nice"),
        (f"{NAME}.delta", {"delta": " cream"}, "a nice cream"),
        (f"{NAME}.completed", {"transcript": "an ice cream"}, None),
    ):
        assert live.push(json.dumps({"type": kind, **members})) == text
    assert live.done
    assert live.result(1.0).text == "an ice cream"


def test_too_little_to_be_heard_is_nothing() -> None:
    live = hearing()
    live.push(
        json.dumps({"type": "error", "error": {"code": "input_audio_buffer_commit_empty", "message": "too small"}})
    )
    assert live.done
    assert live.result(0.01).text == ""


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"type": "error", "error": {"type": "invalid_request_error", "code": "invalid_value"}}, ProviderError),
        ({"type": f"{NAME}.failed", "error": {"type": "server_error", "message": "no memory"}}, ProviderError),
        ("nonsense", BrokenStream),
    ],
)
def test_errors_are_raised(message: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        hearing().push(message if isinstance(message, str) else json.dumps(message))
