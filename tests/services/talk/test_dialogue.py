"""What is done about each event of the server."""

import base64
import json
from typing import Any

import pytest
from troupe.services.talk.dialogue import (
    RATE,
    Dialogue,
    Latency,
    LineEnds,
    Play,
    Said,
    Silence,
    Step,
    Trouble,
    TurnEnds,
)

ANSWER = {"response_id": "r1", "item_id": "i1", "output_index": 0, "content_index": 0}


def take(dialogue: Dialogue, *events: tuple[float, dict[str, Any]]) -> list[Step]:
    return [step for now, event in events for step in dialogue.receive(json.dumps(event), now)]


def created(response: str = "r1") -> dict[str, Any]:
    return {"type": "response.created", "response": {"id": response}}


def done(status: str = "completed", response: str = "r1", **more: Any) -> dict[str, Any]:
    return {"type": "response.done", "response": {"id": response, "status": status, **more}}


def words(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "response.output_audio_transcript.delta", **ANSWER, "delta": text, **more}


def audio(pcm: bytes = bytes(960), **more: Any) -> dict[str, Any]:
    return {"type": "response.output_audio.delta", **ANSWER, "delta": base64.b64encode(pcm).decode(), **more}


def heard(text: str, *, final: bool = False) -> dict[str, Any]:
    kind = "conversation.item.input_audio_transcription."
    if final:
        return {"type": f"{kind}completed", "item_id": "u1", "transcript": text}
    return {"type": f"{kind}delta", "item_id": "u1", "delta": text}


def test_a_spoken_turn_is_shown_played_and_timed() -> None:
    steps = take(
        Dialogue(spoken=True),
        (0.0, {"type": "input_audio_buffer.speech_started"}),
        (0.5, heard("what ")),
        (1.0, {"type": "input_audio_buffer.speech_stopped"}),
        (1.1, heard("what time", final=True)),
        (1.1, created()),
        (1.3, words("It is ")),
        (1.4, audio(b"\1\0" * 10)),
        (1.5, words("noon.")),
        (2.0, done()),
    )
    assert steps == [
        Silence(),
        Said("you", "what "),
        Said("you", "time"),
        LineEnds(),
        Said("troupe", "It is "),
        Play(b"\1\0" * 10),
        Said("troupe", "noon."),
        LineEnds(),
        Latency(transcript=pytest.approx(0.1), token=pytest.approx(0.3), audio=pytest.approx(0.4)),
        TurnEnds("completed"),
    ]


def test_it_is_busy_from_a_question_to_the_end_of_its_answer() -> None:
    dialogue, seen = Dialogue(spoken=True), list[bool]()
    for event in ({"type": "input_audio_buffer.speech_stopped"}, created(), done()):
        take(dialogue, (0.0, event))
        seen.append(dialogue.busy)
    assert seen == [True, True, False]


def test_a_transcript_that_turned_out_otherwise_gets_a_line_of_its_own() -> None:
    steps = take(Dialogue(spoken=True), (0, heard("what dime")), (1, heard("what time", final=True)))
    assert steps == [Said("you", "what dime"), LineEnds(), Said("you", "what time"), LineEnds()]


def test_an_interruption_silences_tells_what_was_heard_and_drops_what_still_comes() -> None:
    dialogue = Dialogue(spoken=True)
    steps = take(
        dialogue,
        (0, created()),
        (0, words("A long story")),
        (0, audio()),
        (1, {"type": "input_audio_buffer.speech_started"}),
        (1, audio()),
        (1, words(" that goes on")),
        (1, done("cancelled")),
    )
    assert steps == [
        Said("troupe", "A long story"),
        Play(bytes(960)),
        LineEnds(cut=True),
        Silence(),
        TurnEnds("cancelled"),
    ]
    (truncate,) = map(json.loads, dialogue.silenced(RATE // 2))
    assert truncate == {
        "type": "conversation.item.truncate",
        "item_id": "i1",
        "content_index": 0,
        "audio_end_ms": 500,
    }
    assert dialogue.silenced(0) == []


def test_a_typed_line_is_an_item_and_a_request_for_an_answer() -> None:
    dialogue = Dialogue(spoken=False)
    item, respond = map(json.loads, dialogue.type("hello", 5.0))
    assert item["item"]["content"] == [{"type": "input_text", "text": "hello"}]
    assert respond == {"type": "response.create"}
    written = {"type": "response.output_text.delta", **ANSWER, "delta": "Hi."}
    steps = take(dialogue, (5.2, created()), (5.3, written), (5.4, done()))
    assert steps[-2] == Latency(transcript=None, token=pytest.approx(0.3), audio=None)


def test_what_the_server_does_not_accept_or_cannot_answer_is_told() -> None:
    failed = done("failed", status_details={"error": {"message": "The model is away."}})
    steps = take(
        Dialogue(spoken=True), (0, {"type": "error", "error": {"message": "No."}}), (0, created()), (0, failed)
    )
    assert steps == [Trouble("No."), Trouble("The model is away."), TurnEnds("failed")]


def test_the_session_is_set_up_as_wished() -> None:
    session = json.loads(Dialogue(spoken=True).opening(instructions="Be brief.", language="de", voice="alloy"))[
        "session"
    ]
    assert session["instructions"] == "Be brief."
    assert session["output_modalities"] == ["audio"]
    assert session["audio"]["input"]["transcription"]["language"] == "de"
    assert session["audio"]["output"] == {"voice": "alloy"}
    bare = json.loads(Dialogue(spoken=False).opening())["session"]
    assert bare["output_modalities"] == ["text"]
    assert "instructions" not in bare
