import base64
import json
import random
from itertools import islice

import numpy as np
from troupe.services.bench.frames import FrameReader
from troupe.services.bench.script import Beat, Mark, Plan, Sounds, script

RATE = 24_000
SOUNDS = Sounds([np.full(round(0.1 * RATE) + 1, value, np.int16) for value in (100, 200)])


def taken(plan: Plan, beats: int, *, seed: int = 1, until: int | None = None) -> list[Beat]:
    count = 0

    def is_talking() -> bool:
        return until is None or count < until

    found: list[Beat] = []
    for beat in islice(script(SOUNDS, plan, random.Random(seed), is_talking), beats):
        count += 1
        found.append(beat)
    return found


def pauses(beats: list[Beat]) -> list[float]:
    """Return the seconds between the end of each utterance and the beginning of the next."""
    begins = [at for at, beat in enumerate(beats) if beat.mark is Mark.BEGINS]
    ends = [at for at, beat in enumerate(beats) if beat.mark is Mark.ENDS]
    return [round((begin - end - 1) * 0.02, 2) for end, begin in zip(ends, begins[1:], strict=False)]


def test_users_listen_and_sometimes_interrupt() -> None:
    beats = taken(Plan(pause=1.0, interrupt_every=3, interrupt_after=0.4), 1000)
    assert pauses(beats)[:6] == [1.0, 1.0, 0.4, 1.0, 1.0, 0.4]
    assert set(pauses(taken(Plan(pause=1.0, interrupt_every=0), 1000))) == {1.0}


def test_an_utterance_is_sent_whole_in_frames_of_20_ms() -> None:
    utterance = SOUNDS.utterances[0]
    assert [beat.mark for beat in utterance] == [Mark.BEGINS, *[Mark.NOTHING] * 4, Mark.ENDS]
    sent = b""
    for beat in utterance:
        ((_, payload),) = FrameReader().push(beat.frame[:1] + unmasked(beat.frame))
        event = json.loads(payload)
        assert event["type"] == "input_audio_buffer.append"
        sent += base64.b64decode(event["audio"])
    samples = np.frombuffer(sent, "<i2")
    assert len(samples) == 6 * 480
    assert (samples[:2401] == 100).all()
    assert (samples[2401:] == 0).all()


def unmasked(frame: bytes) -> bytes:
    """Return what a server would have sent: no mask, which is zeros, and no flag that says there is one."""
    size = int.from_bytes(frame[2:4], "big")
    return bytes([126]) + frame[2:4] + frame[8 : 8 + size]


def test_users_begin_at_different_moments_and_each_seed_repeats() -> None:
    plan = Plan(pause=2.0)
    firsts = {
        next(at for at, beat in enumerate(taken(plan, 200, seed=seed)) if beat.mark is Mark.BEGINS)
        for seed in range(20)
    }
    assert len(firsts) > 10
    assert max(firsts) <= 100
    assert taken(plan, 500, seed=3) == taken(plan, 500, seed=3)


def test_who_is_told_to_ends_what_is_being_said_and_then_only_listens() -> None:
    beats = taken(Plan(pause=0.1, interrupt_every=0), 500, until=100)
    last = max(at for at, beat in enumerate(beats) if beat.mark is Mark.ENDS)
    assert 90 <= last <= 110
    assert sum(beat.mark is Mark.BEGINS for beat in beats) == sum(beat.mark is Mark.ENDS for beat in beats)
