"""What sessions count of the time that their turns take."""

import pytest
from conversations import Script, conversation
from troupe.actors.realtime import response_events as event
from troupe.actors.voice.services import Tally

pytestmark = pytest.mark.virtual


async def tally_after(script: Script) -> Tally:
    async with conversation(script) as caller:
        await caller.say_something()
        await caller.until(event.ResponseDone)
        return caller.tally


async def test_each_stage_of_a_turn_is_timed() -> None:
    tally = await tally_after(Script(transcribing=0.2, thinking=0.4))
    stages = (tally.transcript, tally.first_token, tally.first_audio, tally.answer)
    assert [stage.count for stage in stages] == [1, 1, 1, 1]
    assert tally.transcript.sum == pytest.approx(0.2, abs=0.02)
    assert tally.first_token.sum == pytest.approx(0.4, abs=0.02)
    assert tally.answer.sum == pytest.approx(0.6, abs=0.05)
    assert (tally.turns, tally.failed, tally.errors) == (1, 0, {})


@pytest.mark.parametrize("part", ["stt", "llm", "tts"])
async def test_failures_are_counted_by_their_code(part: str) -> None:
    tally = await tally_after(Script(fail=part))
    assert tally.failed == 1
    assert sum(tally.errors.values()) == 1
    assert all(code.replace("_", "").isalpha() for code in tally.errors)
