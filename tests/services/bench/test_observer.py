"""What a session takes down, with a server's events at times that are written here."""

import base64
import json
from typing import Any

import pytest
from troupe.services.bench.events import PROBE, RESPOND, Setup
from troupe.services.bench.measures import Seen
from troupe.services.bench.observer import Observer
from troupe.services.bench.results import Turn
from troupe.services.bench.script import Mark

SECOND = base64.b64encode(bytes(48_000)).decode()


class Session:
    """An observer, and a server that is told what to say."""

    def __init__(self, *, answers: bool = True, asks: bool = False) -> None:
        self.seen = Seen()
        self.observer = Observer(5, self.seen, Setup(answers=answers, asks=asks))
        self.observer.connect(0.01, 0.0)
        self.says(0.1, "session.created")
        self.says(0.2, "session.updated")
        self.seen.begin(1.0)

    def says(self, now: float, kind: str, **members: Any) -> list[dict[str, Any]]:
        """Have the server say something; return what it is answered."""
        sent = self.observer.receive(json.dumps({"event_id": "e", "type": kind, **members}).encode(), now)
        return [json.loads(payload) for payload in unmasked(sent)]

    def speaks(self, begin: float, end: float) -> None:
        self.observer.sends(Mark.BEGINS, begin)
        self.observer.sends(Mark.NOTHING, (begin + end) / 2)
        self.observer.sends(Mark.ENDS, end)

    def answers(self, name: str, *, at: float, first: float, seconds: int = 1, done: float | None = None) -> None:
        self.says(at, "response.created", response={"id": name, "status": "in_progress"})
        self.says(first - 0.05, "response.output_audio_transcript.delta", response_id=name, delta="a")
        for number in range(seconds):
            self.says(first + number * 0.01, "response.output_audio.delta", **self.piece(name))
        if done is not None:
            self.says(done, "response.done", response={"id": name, "status": "completed"})

    @staticmethod
    def piece(name: str) -> dict[str, Any]:
        return {"response_id": name, "item_id": f"item of {name}", "delta": SECOND}

    def values(self) -> dict[str, list[float]]:
        return {name: [round(value, 6) for value in each.values] for name, each in self.seen.distributions().items()}


def unmasked(frames: bytes) -> list[bytes]:
    """Read a client's frames; they are masked with zeros."""
    read: list[bytes] = []
    while frames:
        size = frames[1] & 0x7F
        header = 2
        if size == 126:
            size, header = int.from_bytes(frames[2:4], "big"), 4
        start = header + 4
        assert frames[1] & 0x80
        assert frames[header:start] == bytes(4)
        read.append(frames[start : start + size])
        frames = frames[start + size :]
    return read


def test_a_turn_from_the_end_of_speech() -> None:
    session = Session()
    session.speaks(2.0, 3.0)
    session.says(2.1, "input_audio_buffer.speech_started", item_id="question")
    session.says(3.3, "input_audio_buffer.speech_stopped", item_id="question")
    session.says(3.4, "conversation.item.input_audio_transcription.completed", item_id="question", transcript="?")
    session.answers("r", at=3.35, first=3.6, done=3.7)
    session.observer.close_turn(10.0)
    assert session.values() == {
        "connect": [0.01],
        "first_event": [0.1],
        "endpoint": [0.3],
        "transcript": [0.4],
        "first_token": [0.55],
        "first_audio": [0.6],
        "answer": [0.7],
        "reaction": [0.3],
        "jitter": [0.0],
    }
    assert session.seen.distributions()["first_audio"].sessions == [5]
    assert {name: count for name, count in session.seen.counts.items() if count} == {"turns": 1, "audio_ms": 1000}
    (turn,) = session.seen.turns
    assert turn == Turn(
        session=5,
        speech=1.0,
        stopped=pytest.approx(0.3),
        transcript=pytest.approx(0.4),
        token=pytest.approx(0.55),
        audio=pytest.approx(0.6),
        done=pytest.approx(0.7),
        heard=pytest.approx(1.6),
    )


def test_the_session_is_set_up_as_it_is_to_be() -> None:
    seen = Seen()
    observer = Observer(0, seen, Setup(silence=0.3, transcription="whisper", instructions="Be brief."))
    observer.connect(0.01, 0.0)
    (update,) = unmasked(observer.receive(b'{"type": "session.created"}', 0.1))
    session = json.loads(update)["session"]
    assert session["type"] == "realtime"
    assert session["instructions"] == "Be brief."
    assert session["audio"]["input"]["transcription"] == {"model": "whisper"}
    assert session["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 300
    assert not observer.ready
    observer.receive(b'{"type": "session.updated"}', 0.2)
    assert observer.ready


def test_a_refused_setup_says_why() -> None:
    observer = Observer(0, Seen(), Setup())
    observer.connect(0.01, 0.0)
    observer.receive(b'{"type": "error", "error": {"code": "bad", "message": "No such voice."}}', 0.1)
    assert observer.refusal == "bad: No such voice."


def test_an_interruption_is_silent_at_the_event_and_truncates() -> None:
    session = Session()
    session.speaks(2.0, 3.0)
    session.answers("r", at=3.3, first=3.5, seconds=5)
    session.speaks(5.0, 6.0)
    (truncate,) = session.says(5.2, "input_audio_buffer.speech_started", item_id="second")
    assert truncate["type"] == "conversation.item.truncate"
    assert truncate["item_id"] == "item of r"
    assert truncate["audio_end_ms"] == 1700
    session.says(5.21, "response.output_audio.delta", **session.piece("r"))  # it was under way
    session.says(5.25, "conversation.item.truncated", item_id="item of r", content_index=0, audio_end_ms=1700)
    session.says(5.3, "response.done", response={"id": "r", "status": "cancelled"})
    session.observer.close_turn(9.0)
    values = session.values()
    assert values["barge_in"] == [0.2]
    assert values["overrun"] == [0.01]
    assert values["truncate"] == [0.05]
    assert session.seen.counts["interruptions"] == 1
    assert session.seen.counts["talked_over"] == 0
    assert session.seen.counts["unanswered"] == 1, "the second turn got no answer"
    assert session.seen.turns[0].interrupted


@pytest.mark.parametrize(
    ("cancelled", "barge_in", "talked_over"),
    [(None, 3.5, 1), (5.4, 0.4, 0)],
)
def test_a_server_that_does_not_tell_that_it_heard(cancelled: float | None, barge_in: float, talked_over: int) -> None:
    session = Session()
    session.speaks(2.0, 3.0)
    session.answers("r", at=3.3, first=3.5, seconds=5)  # can be heard until 8.5
    session.speaks(5.0, 6.0)
    if cancelled is not None:
        session.says(cancelled, "response.done", response={"id": "r", "status": "cancelled"})
    session.observer.close_turn(12.0)
    assert session.values()["barge_in"] == [barge_in]
    assert session.seen.counts["interruptions"] == 1
    assert session.seen.counts["talked_over"] == talked_over


def test_an_answer_before_the_end_of_speech_is_none() -> None:
    session = Session()
    session.observer.sends(Mark.BEGINS, 2.0)
    session.says(2.4, "input_audio_buffer.speech_stopped", item_id="half")
    session.answers("early", at=2.45, first=2.55)
    session.says(2.6, "input_audio_buffer.speech_started", item_id="other half")
    session.says(2.6, "response.done", response={"id": "early", "status": "cancelled"})
    session.observer.sends(Mark.ENDS, 3.0)
    session.says(3.3, "input_audio_buffer.speech_stopped", item_id="other half")
    session.answers("r", at=3.35, first=3.6)
    session.observer.close_turn(9.0)
    values = session.values()
    assert session.seen.counts["early"] == 1
    assert values["endpoint"] == [0.3]
    assert values["first_audio"] == [0.6]
    assert "barge_in" not in values


def test_silence_that_is_taken_for_speech() -> None:
    session = Session()
    session.speaks(2.0, 3.0)
    session.says(3.1, "input_audio_buffer.speech_started", item_id="something")
    assert session.seen.counts["false_starts"] == 0, "late, but right"
    session.answers("r", at=3.3, first=3.5, seconds=5)
    assert session.says(4.0, "input_audio_buffer.speech_started", item_id="nothing")
    assert session.seen.counts["false_starts"] == 1
    assert "barge_in" not in session.values()


def test_gaps_in_an_answer() -> None:
    session = Session()
    session.speaks(2.0, 3.0)
    session.answers("r", at=3.3, first=3.5)
    session.says(4.75, "response.output_audio.delta", **session.piece("r"))
    session.says(5.0, "response.done", response={"id": "r", "status": "completed"})
    values = session.values()
    assert values["gap"] == [0.25]
    assert values["jitter"] == [0.25]
    assert session.seen.counts["gaps"] == 1


def test_what_began_before_the_measurement_is_not_counted() -> None:
    session = Session()
    session.seen.begin(2.5)
    session.speaks(2.0, 3.0)
    session.answers("r", at=3.3, first=3.5, done=3.6)
    session.speaks(4.0, 5.0)
    session.answers("s", at=5.3, first=5.5, done=5.6)
    session.observer.close_turn(9.0)
    assert session.seen.counts["turns"] == 1
    assert session.values()["first_audio"] == [0.5]
    assert session.values()["connect"] == [0.01], "how sessions were opened stays"


def test_one_probe_at_a_time() -> None:
    session = Session()
    assert session.observer.probe(2.0) == PROBE
    assert session.observer.probe(2.5) == b""
    session.says(2.6, "error", error={"type": "invalid_request_error", "event_id": "probe"})
    assert session.observer.probe(3.0) == PROBE
    assert session.values()["probe"] == [0.6]
    assert session.seen.counts["errors"] == 0


@pytest.mark.parametrize(
    ("kind", "members", "code"),
    [
        ("error", {"error": {"type": "server_error", "code": "overload", "event_id": None}}, "overload"),
        ("error", {"error": {"type": "server_error"}}, "server_error"),
        ("error", {"error": {"code": "bad", "event_id": "truncate"}}, "truncate: bad"),
        (
            "response.done",
            {"response": {"id": "r", "status": "failed", "status_details": {"error": {"code": "llm"}}}},
            "response: llm",
        ),
        ("response.done", {"response": {"id": "r", "status": "failed"}}, "response: failed"),
        (
            "conversation.item.input_audio_transcription.failed",
            {"item_id": "i", "error": {"code": "stt"}},
            "transcription: stt",
        ),
        ("response.done", {"response": "what?"}, "unreadable"),
    ],
)
def test_errors_are_counted_by_their_code(kind: str, members: dict[str, Any], code: str) -> None:
    session = Session()
    session.speaks(2.0, 3.0)
    session.says(3.3, "response.created", response={"id": "r", "status": "in_progress"})
    session.says(3.5, kind, **members)
    assert session.seen.errors == {code: 1}
    assert session.seen.counts["errors"] == 1


def test_a_turn_that_failed_is_not_unanswered_as_well() -> None:
    session = Session()
    session.speaks(2.0, 3.0)
    session.says(3.3, "response.created", response={"id": "r", "status": "in_progress"})
    assert session.observer.waits(3.4, 5.0)
    session.says(3.5, "response.done", response={"id": "r", "status": "failed"})
    assert not session.observer.waits(3.6, 5.0)
    session.observer.close_turn(9.0)
    assert session.seen.counts["unanswered"] == 0


def test_a_server_that_answers_all_the_time_is_asked_to() -> None:
    session = Session(answers=False, asks=True)
    assert session.observer.receive(b'{"type": "session.updated"}', 1.5) == RESPOND
    session.observer.sends(Mark.BEGINS, 2.0)
    session.answers("r", at=2.1, first=2.2)
    assert session.says(2.3, "input_audio_buffer.speech_started", item_id="i") == []
    session.says(3.7, "response.output_audio.delta", **session.piece("r"))
    session.observer.sends(Mark.ENDS, 3.0)
    assert session.observer.receive(b'{"type": "response.done", "response": {"id": "r"}}', 3.1) == RESPOND
    session.observer.close_turn(5.0)
    assert session.seen.counts["turns"] == 0
    assert session.seen.counts["false_starts"] == 0
    assert session.values()["gap"] == [0.5], "it plays on while the user speaks"


@pytest.mark.parametrize(("now", "ended", "waits"), [(2.5, False, True), (3.5, True, True), (9.5, True, False)])
def test_a_turn_is_waited_for_as_long_as_its_user_would(now: float, ended: bool, waits: bool) -> None:
    session = Session()
    assert not session.observer.waits(1.0, 6.0)
    session.observer.sends(Mark.BEGINS, 2.0)
    if ended:
        session.observer.sends(Mark.ENDS, 3.0)
    assert session.observer.waits(now, 6.0) == waits
