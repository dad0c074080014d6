"""`troupe replay`, on recordings of scripted sessions."""

import json
from pathlib import Path
from typing import Any

import pytest
from anyio import create_task_group
from conversations import Script, conversation
from troupe.actors.realtime import response_events as response
from troupe.actors.realtime.names import Dialect
from troupe.actors.realtime.session_config import RealtimeSession
from troupe.actors.speech_to_speech.converse import Converse
from troupe.actors.voice.recorder import recording as recording_of
from troupe.actors.voice.services import Services
from troupe.actors.voice.tape import RELAYED
from troupe.runtime.testing import run
from troupe.services.cli.app import main


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    async def live() -> None:
        async with conversation(Script(thinking=0.25), record=tmp_path) as caller, create_task_group() as tasks:
            tasks.start_soon(caller.say_something)
            await caller.until(response.ResponseDone)

    run(live)
    (file,) = tmp_path.iterdir()
    return file


def troupe(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["replay", *arguments])
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def test_a_replay_shows_turns_and_that_all_was_the_same(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = troupe(capsys, str(recording))
    assert status == 0
    assert out.splitlines()[1].split()[:5] == ["1", "1.24", "s", "0", "250"]
    assert "the same byte for byte." in out
    assert "One two three" not in out


def test_json_has_the_same_in_seconds(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = troupe(capsys, str(recording), "--json")
    told = json.loads(out)
    assert (status, told["exact"], told["replay"]["differences"]) == (0, True, [])
    assert told["turns"][0]["first_token"] == pytest.approx(0.25)


def test_a_torn_recording_is_replayed_and_that_is_said(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording.write_bytes(recording.read_bytes()[:-3])
    status, out, _ = troupe(capsys, str(recording))
    assert status == 0
    assert "are no whole record and were left out" in " ".join(out.split())


def test_what_is_no_recording_is_refused_in_a_sentence(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, said = troupe(capsys, str(tmp_path / "none.tape"))
    assert (status, "No such file" in said) == (1, True)
    recording.write_bytes(b"RIFF")
    status, _, said = troupe(capsys, str(recording))
    assert (status, "is no recording of a session" in said) == (1, True)


def test_a_session_that_was_relayed_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def live() -> None:
        async with recording_of(tmp_path, "sess_1", lambda: 0.0) as recorder:
            services = Services(recogniser=Any, model=Any, synthesizer=Any, activity=Any)
            recorder.began(RealtimeSession(model="troupe"), Dialect.GA, services)
            recorder.asked(RELAYED, Converse(session=RealtimeSession(model="troupe")))

    run(live)
    (file,) = tmp_path.iterdir()
    status, _, said = troupe(capsys, str(file))
    assert (status, "a model that hears and speaks by itself has held this session" in " ".join(said.split())) == (
        1,
        True,
    )
