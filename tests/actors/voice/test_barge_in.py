"""Sounds while the assistant speaks: those that interrupt it, and those after which it goes on as if nothing was."""

from itertools import pairwise

import numpy as np
import pytest
from anyio import create_task_group, current_time, sleep
from conversations import SECONDS_PER_WORD, Caller, Script, conversation
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime import response_events as response
from troupe.actors.realtime import server_events as server
from troupe.actors.realtime.session_config import Audio, AudioInput, RealtimeSession, ServerVad
from troupe.actors.voice.interruption import Interruption

pytestmark = pytest.mark.virtual

ANSWER = "One two three four five six seven eight nine ten."
VAD = ServerVad(silence_duration_ms=300)
SESSION = RealtimeSession(model="test", audio=Audio(input=AudioInput(turn_detection=VAD)))
RULES = Interruption(speech=0.5, backchannel=1.5, undecided=0.5)


async def begin(caller: Caller) -> None:
    """Ask, and wait until the answer is being heard."""
    async with create_task_group() as tasks:
        tasks.start_soon(caller.say_something)
        await caller.until(response.ResponseOutputAudioDelta)
    await sleep(0.1)


def sent_seconds(caller: Caller) -> float:
    return sum(len(event.delta) for event in caller.all(response.ResponseOutputAudioDelta)) / 48_000


async def sound(caller: Caller, seconds: float) -> None:
    await caller.speak(seconds)
    await caller.speak(0.6, loud=False)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("mhm", 0.3), ("Yeah, right.", 0.9), ("", 0.2), ("", 0.4)],
    ids=["mhm", "yeah", "click", "cough"],
)
async def test_listening_noises_do_not_interrupt_and_nothing_is_lost_or_said_twice(said: str, seconds: float) -> None:
    script = Script(answer=[ANSWER])
    async with conversation(script, SESSION, interruption=RULES, lead=0.2) as caller:
        await begin(caller)
        since = len(caller.events)
        script.transcript, script.partials = said, {0.4: said} if said else {}
        async with create_task_group() as tasks:
            tasks.start_soon(sound, caller, seconds)
            done = await caller.until(response.ResponseDone)
            tasks.cancel_scope.cancel()
        await sleep(2)
        after = set(caller.names(since))
    assert done.response.status == "completed"
    assert done.response.output[0].content[0].transcript == ANSWER
    assert sent_seconds(caller) == pytest.approx(10 * SECONDS_PER_WORD)
    assert not {name for name in after if name.startswith("InputAudioBuffer")}  # the client never hears of it
    assert len(script.requests) == 1
    assert caller.tally.backchannels == 1
    assert caller.tally.interruptions == 0


async def test_the_assistant_holds_its_breath_at_the_first_sound_and_goes_on_at_the_next_sample() -> None:
    script = Script(answer=[ANSWER])
    async with conversation(script, SESSION, interruption=RULES, lead=0.2) as caller:
        await begin(caller)
        script.transcript, script.transcribing = "mhm", 0.3
        times: list[float] = []
        async with create_task_group() as tasks:
            tasks.start_soon(sound, caller, 0.3)
            start = current_time()
            while not caller.all(response.ResponseDone):
                await caller.until((response.ResponseOutputAudioDelta, response.ResponseDone))
                times.append(current_time() - start)
            tasks.cancel_scope.cancel()
    paused = max(later - sooner for sooner, later in pairwise(times))
    assert not [time for time in times if 0.1 < time < 0.3 + 0.3 + 0.3]  # from onset to the end of the transcript
    assert paused == pytest.approx(0.3 + 0.3 + 0.3, abs=0.35)


INTERRUPTIONS = {
    "long enough": (Script(transcript="so what about this"), 1.5, 0.5),
    "words": (Script(transcript="stop", partials={0.5: "stop"}), 1.0, 0.27),  # 0.3 s of it are from before
    "more than a backchannel": (Script(transcript="yeah but no", partials={0.5: "yeah", 0.9: "yeah but"}), 1.5, 0.67),
    "for too long": (Script(transcript="yeah yeah yeah", partials={0.5: "yeah"}), 2.0, 1.5),
    "a short word": (Script(transcript="no"), 0.25, 0.25 + 0.3),
    "not understood": (Script(fail="stt"), 0.25, 0.25 + 0.3),
    "not understood in time": (Script(stall="stt"), 0.25, 0.25 + 0.3 + 0.5),
}


@pytest.mark.parametrize("case", INTERRUPTIONS)
async def test_whoever_wants_the_floor_gets_it(case: str) -> None:
    second, seconds, within = INTERRUPTIONS[case]
    script = Script(answer=[ANSWER])
    async with conversation(script, SESSION, interruption=RULES, lead=0.2) as caller:
        await begin(caller)
        script.transcript, script.partials, script.fail, script.stall = (
            second.transcript,
            second.partials,
            second.fail,
            second.stall,
        )
        async with create_task_group() as tasks:
            tasks.start_soon(sound, caller, seconds)
            onset = current_time()
            started = await caller.until(server.InputAudioBufferSpeechStarted)
            told = current_time() - onset
            since = len(caller.events)
            done = await caller.until(response.ResponseDone)
            stopped = await caller.until(server.InputAudioBufferSpeechStopped)
            committed = await caller.until(server.InputAudioBufferCommitted)
            tasks.cancel_scope.cancel()
        assert "ResponseOutputAudioDelta" not in caller.names(since)
    assert told == pytest.approx(within, abs=0.07)
    assert done.response.status_details.reason == "turn_detected"
    assert started.item_id == stopped.item_id == committed.item_id
    assert stopped.audio_end_ms - started.audio_start_ms == pytest.approx(1000 * (seconds + 0.3 + 0.3), abs=70)
    assert caller.tally.interruptions == 1
    assert caller.tally.backchannels == 0


async def test_an_interruption_is_answered_with_what_was_heard_of_the_first_answer() -> None:
    script = Script(answer=[ANSWER])
    async with conversation(script, SESSION, interruption=RULES, lead=0.2) as caller:
        await begin(caller)
        script.transcript, script.answer = "no", ["Sorry."]
        async with create_task_group() as tasks:
            tasks.start_soon(sound, caller, 0.25)
            await caller.until(response.ResponseDone)
            await caller.until(response.ResponseDone)
            tasks.cancel_scope.cancel()
    roles = [(turn.role, turn.text) for turn in script.requests[-1].turns]
    assert roles[0] == ("user", "hello there")
    assert roles[2] == ("user", "no")
    assert roles[1][0] == "assistant"
    assert ANSWER.startswith(roles[1][1])
    assert roles[1][1].startswith("One two")
    assert len(roles[1][1].split()) <= 4  # by then it had been silent for half a second


async def test_somebody_who_makes_two_sounds_in_a_row_interrupts() -> None:
    script = Script(answer=[ANSWER])
    async with conversation(script, SESSION, interruption=RULES, lead=0.2) as caller:
        await begin(caller)
        script.transcript, script.transcribing = "mhm", 0.4
        async with create_task_group() as tasks:
            tasks.start_soon(_two_sounds, caller)
            done = await caller.until(response.ResponseDone)
            tasks.cancel_scope.cancel()
    assert done.response.status == "cancelled"
    assert len(caller.all(server.InputAudioBufferSpeechStarted)) >= 2


async def _two_sounds(caller: Caller) -> None:
    await caller.speak(0.2)
    await caller.speak(0.4, loud=False)
    await caller.speak(0.4)
    await caller.speak(1, loud=False)


async def test_the_first_sound_interrupts_where_that_is_wanted() -> None:
    async with conversation(Script(answer=[ANSWER]), SESSION, interruption=Interruption(speech=0)) as caller:
        await begin(caller)
        async with create_task_group() as tasks:
            onset = current_time()
            tasks.start_soon(sound, caller, 0.3)
            await caller.until(server.InputAudioBufferSpeechStarted)
            assert current_time() - onset == pytest.approx(0.064, abs=0.05)
            done = await caller.until(response.ResponseDone)
            assert done.response.status == "cancelled"
            tasks.cancel_scope.cancel()


async def test_where_speech_does_not_interrupt_turns_are_answered_one_after_the_other() -> None:
    script = Script(answer=[ANSWER])
    patient = RealtimeSession(
        model="test",
        audio=Audio(input=AudioInput(turn_detection=ServerVad(silence_duration_ms=300, interrupt_response=False))),
    )
    async with conversation(script, patient, interruption=RULES) as caller:
        await begin(caller)
        script.transcript = "and then"
        async with create_task_group() as tasks:
            tasks.start_soon(sound, caller, 0.6)
            await caller.until(server.InputAudioBufferSpeechStarted)
            await caller.until(server.InputAudioBufferCommitted)
            assert not caller.all(response.ResponseDone)
            first = await caller.until(response.ResponseDone)
            second = await caller.until(response.ResponseDone)
            tasks.cancel_scope.cancel()
    assert first.response.status == second.response.status == "completed"
    assert sent_seconds(caller) == pytest.approx(20 * SECONDS_PER_WORD)
    assert [turn.text for turn in script.requests[1].turns if turn.role == "user"] == ["hello there", "and then"]


async def test_clearing_the_buffer_lets_the_assistant_go_on() -> None:
    async with conversation(Script(answer=[ANSWER]), SESSION, interruption=RULES) as caller:
        await begin(caller)
        await caller.speak(0.2)
        await caller.send(client.InputAudioBufferClear())
        done = await caller.until(response.ResponseDone)
        assert done.response.status == "completed"
        assert not caller.all(server.InputAudioBufferSpeechStarted)[1:]


async def test_the_samples_are_those_of_the_synthesizer_in_their_order() -> None:
    """A ramp instead of a tone: what is paused goes on where it was."""
    script = Script(answer=[ANSWER])
    async with conversation(script, SESSION, interruption=RULES, lead=0.2) as caller:
        await begin(caller)
        script.transcript = "mhm"
        async with create_task_group() as tasks:
            for _ in range(2):
                await sound(caller, 0.2)
            await caller.until(response.ResponseDone)
            tasks.cancel_scope.cancel()
    audio = np.frombuffer(b"".join(e.delta for e in caller.all(response.ResponseOutputAudioDelta)), np.int16)
    assert len(audio) == 10 * SECONDS_PER_WORD * 24_000
    assert caller.tally.backchannels == 2
