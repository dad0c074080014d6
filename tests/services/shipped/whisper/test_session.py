"""Conversations without a socket and without an engine: hypotheses are what the test says they are."""

import json
from base64 import b64encode
from typing import Any

import pytest
from troupe.services.shipped.whisper.engine import RATE, HeardWord, Segment
from troupe.services.shipped.whisper.session import Session
from troupe.services.shipped.whisper.settings import Settings

SECOND = b64encode(bytes(2 * 24_000)).decode()


def opened(**settings: Any) -> Session:
    return Session("tiny", Settings(**settings))


def said(to: Session, kind: str, /, **members: Any) -> list[dict[str, Any]]:
    return to.receive(json.dumps({"type": kind, "event_id": "mine", **members}))


def speak(session: Session, seconds: int) -> None:
    for _ in range(seconds):
        assert said(session, "input_audio_buffer.append", audio=SECOND) == []


def heard(text: str, *, pace: float = 0.5) -> list[Segment]:
    words = tuple(
        HeardWord(f" {word}", pace * number, pace * number + pace) for number, word in enumerate(text.split())
    )
    return [Segment(text=f" {text}", start=0.0, end=pace * len(words), words=words)] if words else []


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].rpartition("input_audio_transcription.")[2] for event in events]


def test_a_turn_is_heard_while_it_is_spoken_and_once_more_when_it_is_committed() -> None:
    session = opened()
    assert session.begin()["session"]["type"] == "transcription"
    assert session.job(idle=True) is None
    speak(session, 1)
    assert session.job(idle=False) is None  # others go first
    first = session.job(idle=True)
    assert first is not None
    assert not first.final
    assert session.job(idle=True) is None  # nothing is new
    assert session.done(first, heard("to be or")) == []
    speak(session, 1)
    second = session.job(idle=True)
    assert second is not None
    assert len(second.audio) > 1.9 * RATE
    (delta,) = session.done(second, heard("to be of not"))
    assert (delta["delta"], delta["item_id"]) == ("to be", "item_000001")
    committed, added, done = said(session, "input_audio_buffer.commit")
    assert committed["item_id"] == added["item"]["id"] == done["item"]["id"] == "item_000001"
    last = session.job(idle=False)
    assert last is not None
    assert last.final
    assert len(last.audio) == pytest.approx(2 * RATE, abs=2)
    delta, completed = session.done(last, heard("to be or not to be"))
    assert delta["delta"] == " or not to be"
    assert completed["transcript"] == "to be or not to be"
    assert completed["usage"] == {"type": "duration", "seconds": 2.0}
    ids = [event["event_id"] for event in (committed, added, done, delta, completed)]
    assert ids == sorted(set(ids))


def test_turns_are_answered_in_their_order() -> None:
    session = opened()
    for _ in range(2):
        speak(session, 1)
        said(session, "input_audio_buffer.commit")
    (late,) = (said(session, "input_audio_buffer.append", audio=SECOND), said(session, "input_audio_buffer.commit"))[1:]
    assert late[0]["previous_item_id"] == "item_000002"
    for number in (1, 2, 3):
        job = session.job(idle=False)
        assert job is not None
        assert session.done(job, heard("yes"))[-1]["item_id"] == f"item_00000{number}"


def test_what_is_cleared_is_never_heard_of() -> None:
    session = opened()
    speak(session, 2)
    job = session.job(idle=True)
    assert job is not None
    assert kinds(said(session, "input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    assert session.done(job, heard("secret")) == []
    assert session.job(idle=True) is None
    assert said(session, "input_audio_buffer.commit")[0]["error"]["code"] == "input_audio_buffer_commit_empty"


def test_a_failure_is_told_for_a_turn_and_overlooked_for_a_glance() -> None:
    session = opened()
    speak(session, 1)
    glance = session.job(idle=True)
    assert glance is not None
    assert session.failed(glance) == []
    said(session, "input_audio_buffer.commit")
    job = session.job(idle=True)
    assert job is not None
    assert kinds(session.failed(job)) == ["failed"]
    assert session.job(idle=True) is None


@pytest.mark.parametrize(("text", "spoken"), [("", 0), ("and so on and on", 1)], ids=["silence", "speech"])
def test_a_long_turn_takes_no_more_memory_than_a_short_one(text: str, spoken: int) -> None:
    session = opened()
    longest, rest = 0, ""
    for _ in range(120):
        speak(session, 1)
        job = session.job(idle=True)
        assert job is not None
        longest = max(longest, len(job.audio))
        rest += "".join(event["delta"] for event in session.done(job, heard(text)))
    assert longest < 25 * RATE
    assert (rest != "") == bool(spoken)


def test_speech_that_is_heard_differently_each_time_is_settled_at_last() -> None:
    session = opened()
    news: list[dict[str, Any]] = []
    for number in range(40):
        speak(session, 1)
        job = session.job(idle=True)
        assert job is not None
        assert len(job.audio) <= 30 * RATE
        news += session.done(job, heard(f"noise{number} everywhere", pace=14.0))
    assert news
    assert news[0]["delta"] == "noise29 everywhere"
    assert "noise29 everywhere" in str(job.task.prompt)


def test_configuration() -> None:
    session = opened()
    transcription = {"model": "whisper-1", "language": "de", "prompt": "Troupe"}
    given = {"format": {"type": "audio/pcm", "rate": 16_000}, "transcription": transcription, "turn_detection": None}
    update = {"type": "transcription", "audio": {"input": given}, "include": []}
    (updated,) = said(session, "session.update", session=update)
    now = updated["session"]["audio"]["input"]
    assert now["format"] == {"type": "audio/pcm", "rate": 16_000}
    assert now["transcription"] == {"model": "tiny", "language": "de", "prompt": "Troupe"}
    assert now["turn_detection"] is None
    said(session, "input_audio_buffer.append", audio=b64encode(bytes(2 * 16_000)).decode())
    said(session, "input_audio_buffer.commit")
    job = session.job(idle=True)
    assert job is not None
    assert len(job.audio) == pytest.approx(RATE, abs=2)
    assert (job.task.language, job.task.prompt) == ("de", "Troupe")


INPUT = "session.audio.input"


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        (b"\x00", "invalid_event", None),
        ("{", "invalid_json", None),
        ("[]", "invalid_value", None),
        ({"type": "response.create"}, "invalid_value", "type"),
        ({"type": "input_audio_buffer.append", "audio": "no!"}, "invalid_value", "audio"),
        ({"type": "input_audio_buffer.append", "audio": 7}, "invalid_value", "audio"),
        ({"type": "input_audio_buffer.append", "audio": SECOND * 3}, "input_audio_buffer_full", None),
        ({"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty", None),
        ({"type": "session.update"}, "invalid_parameter", "session.type"),
        ({"type": "session.update", "session": {"type": "realtime"}}, "invalid_parameter", "session.type"),
        ({"turn_detection": {"type": "server_vad"}}, "invalid_value", f"{INPUT}.turn_detection"),
        ({"format": {"type": "audio/pcmu"}}, "invalid_value", f"{INPUT}.format.type"),
        ({"format": {"type": "audio/pcm", "rate": 4_000}}, "invalid_value", f"{INPUT}.format.rate"),
        ({"transcription": {"language": "klingon"}}, "invalid_value", f"{INPUT}.transcription.language"),
    ],
)
def test_mistakes_are_told_and_change_nothing(message: Any, code: str, param: str | None) -> None:
    session = opened(longest_turn=2.0)
    before = session.begin()["session"]
    if isinstance(message, dict):
        wrong = message if "type" in message else {"type": "session.update", "session": {"audio": {"input": message}}}
        message = json.dumps({"event_id": "mine", **wrong})
    (event,) = session.receive(message)
    assert event["type"] == "error"
    error = event["error"]
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)
    assert session.begin()["session"] == before


def test_a_sample_may_come_in_two_halves() -> None:
    session = opened()
    for piece in (b"\x01", b"\x02\x03", b"\x04" + bytes(9_600)):
        assert said(session, "input_audio_buffer.append", audio=b64encode(piece).decode()) == []
    assert kinds(said(session, "input_audio_buffer.commit"))[0] == "input_audio_buffer.committed"
