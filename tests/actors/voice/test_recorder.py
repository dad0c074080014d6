"""Recording costs nobody a session, and stays within its bounds."""

import stat
from pathlib import Path
from typing import Any

import pytest
from anyio import create_task_group, current_time
from conversations import Script, conversation
from troupe.actors.realtime import response_events as response
from troupe.actors.realtime.names import Dialect
from troupe.actors.realtime.session_config import RealtimeSession
from troupe.actors.voice import recorder, replay, tape
from troupe.actors.voice.services import Services
from troupe.runtime import Duplex
from troupe.runtime.testing import run

NOBODY: Any = None
SETTINGS = {
    name: getattr(Services(recogniser=NOBODY, model=NOBODY, synthesizer=NOBODY, activity=NOBODY), name)
    for name in tape.SETTINGS
}
SESSION = RealtimeSession(model="test")


async def one_turn(folder: Path | None) -> list[str]:
    async with conversation(Script(), record=folder) as caller, create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        await caller.until(response.ResponseDone)
        return caller.names()


def recorded(folder: Path) -> Path:
    run(one_turn, folder)
    (file,) = folder.iterdir()
    return file


def test_a_recording_is_there_when_the_session_has_ended_and_is_its_owners_alone(tmp_path: Path) -> None:
    file = recorded(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.suffix == ".tape"
    assert "sess_" in file.name
    found = tape.read_tape(file)
    assert found.torn == 0
    kinds = {type(record) for record in found.records}
    assert kinds >= {tape.Heard, tape.Judged, tape.Told, tape.Asked, tape.Sent, tape.Got, tape.Over}


def test_a_session_is_what_it_would_be_without_recording(tmp_path: Path) -> None:
    assert run(one_turn, tmp_path) == run(one_turn, None)


def test_a_disk_that_takes_nothing_costs_the_recording_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(one_turn, tmp_path / "nowhere") == run(one_turn, None)
    assert "No such file or directory" in caplog.text

    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)
    assert run(one_turn, tmp_path) == run(one_turn, None)
    assert "No space left on device" in caplog.text


@pytest.mark.parametrize("kind", [recorder._TapedCall, replay._PlayedCall])
def test_nothing_that_can_be_done_with_a_call_goes_past_the_recording(kind: type) -> None:
    used = {name for name in dir(Duplex) if not name.startswith("_")} | {"__anext__"}
    assert [name for name in used if getattr(kind, name) is getattr(Duplex, name)] == []


@pytest.mark.parametrize(("most", "unwritten"), [(3000, 10**6), (10**6, 3000)])
def test_a_recording_ends_at_its_limit_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, unwritten: int
) -> None:
    """That of the file, and that of what waits for a slow disk."""
    monkeypatch.setattr(recorder, "UNWRITTEN", unwritten)
    written: list[bytes] = []

    async def note() -> None:
        recording = recorder.Recorder(written.append, current_time, most)
        recording.note(tape.Began, version=tape.VERSION, session=SESSION, dialect=Dialect.GA, **SETTINGS)
        for _ in range(300):
            recording.note(tape.Judged, 0.5)
        await recording.flush()

    run(note)
    file = tmp_path / "session.tape"
    file.write_bytes(b"".join(written))
    found = tape.read_tape(file)
    assert 2900 < file.stat().st_size < 3100
    assert [type(record) for record in found.records[-2:]] == [tape.Judged, tape.Full]
