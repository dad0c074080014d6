"""Where the time of a turn went."""

from pathlib import Path

import pytest
from anyio import create_task_group
from conversations import Caller, Script, conversation
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime import response_events as response
from troupe.actors.realtime.responses import ResponseOptions
from troupe.actors.voice.breakdown import Turn, turns
from troupe.actors.voice.tape import read_tape
from troupe.runtime.testing import run


def broken_down(tmp_path: Path, script: Script, act, **services) -> list[Turn]:
    async def live() -> None:
        async with conversation(script, record=tmp_path, **services) as caller:
            await act(caller)

    run(live)
    (file,) = tmp_path.iterdir()
    return turns(read_tape(file))


async def two_answers(caller: Caller) -> None:
    for _ in range(2):
        async with create_task_group() as tasks:
            tasks.start_soon(caller.say_something)
            await caller.until(response.ResponseDone)
        await caller.wait(3)


async def one_answer(caller: Caller) -> None:
    async with create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        await caller.until(response.ResponseDone)


def test_each_step_is_counted_from_the_end_of_speech(tmp_path: Path) -> None:
    first, second = broken_down(tmp_path, Script(transcribing=0.25, thinking=0.5), two_answers)
    for turn in (first, second):
        steps = [turn.transcript, turn.first_token, turn.first_audio, turn.heard]
        assert steps == pytest.approx([0.25, 0.75, 0.76, 0.76], abs=0.02)
        assert (turn.audio, turn.status) == (pytest.approx(1.5), "completed")
        assert turn.done is not None
        assert turn.heard is not None
        assert turn.done > turn.heard
    assert second.asked > first.asked + 3


def test_an_answer_that_was_begun_on_a_guess_has_its_first_token_before_the_end(tmp_path: Path) -> None:
    (turn,) = broken_down(tmp_path, Script(partials={0.4: "hello there"}), one_answer, speculate=True)
    assert turn.first_token == pytest.approx(-0.1)
    assert turn.heard == pytest.approx(0, abs=0.02)


def test_what_does_not_come_is_none(tmp_path: Path) -> None:
    (turn,) = broken_down(tmp_path, Script(fail="llm", transcribing=0.25), one_answer)
    assert turn.transcript == pytest.approx(0.25, abs=0.02)
    assert (turn.first_token, turn.first_audio, turn.heard) == (None, None, None)
    assert turn.status == "failed"


def test_a_client_that_asks_in_writing_waits_from_then_on(tmp_path: Path) -> None:
    async def ask(caller: Caller) -> None:
        await caller.wait(1)
        await caller.send(client.ResponseCreate(response=ResponseOptions(output_modalities=("text",))))
        await caller.until(response.ResponseDone)

    (turn,) = broken_down(tmp_path, Script(thinking=0.5), ask)
    assert (turn.asked, turn.heard) == (pytest.approx(1), pytest.approx(0.5))
    assert (turn.transcript, turn.first_audio, turn.audio) == (None, None, 0)
