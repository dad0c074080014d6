"""Providers fail in the middle of conversations, callers hear every word once; and if they did not, it would show."""

from datetime import UTC, datetime

import numpy as np
import pytest
from troupe.runtime.testing import run
from troupe.services.bench.chaos import KILL, STRIKES, Chaos, Moment, in_this_loop, judged
from troupe.services.bench.chaos_caller import RATE, Turn, voiced
from troupe.services.bench.chaos_providers import FIRST, answer_to, words_of
from troupe.services.bench.chaos_report import report, rows
from troupe.services.wire.syllables import hear, sing

SAID = ["balapa", "fakape", "gimapa", "doniro"]
ANSWER = words_of(answer_to(" ".join(SAID)))


def judge(heard: list[str], *, understood: str = "Balapa fakape gimapa doniro.", late: float = 0.0) -> Moment:
    """Judge a turn of which the caller has heard these words; ``-`` after one is where it breaks off."""
    turn = Turn(0, SAID, 0.0, 1.0, understood=understood, stopped=2.0, status="completed")
    now = 2.5 + late
    for text in heard:
        sound = sing(f"{text.removesuffix('-')} ", RATE)
        sound = sound[: len(sound) // 2] if text.endswith("-") else sound
        turn.hears(sound.tobytes(), now)
        now += len(sound) / RATE
    return judged(Moment("tts", "reset", "mouth-a", 1.0, 0, 0), turn, usual=0.5)


def test_a_turn_with_every_word_once_is_whole() -> None:
    moment = judge(ANSWER)
    assert moment.whole
    assert (moment.gap, moment.stumbles) == (0, 0)


def test_what_is_lost_doubled_or_broken_is_found_in_the_audio() -> None:
    assert judge([*ANSWER[:4], *ANSWER[5:]]).lost == [ANSWER[4]]
    assert judge([*ANSWER[:4], ANSWER[3], *ANSWER[4:]]).repeated == [ANSWER[3]]
    assert judge([*ANSWER[:4], f"{ANSWER[4]}-", *ANSWER[4:]]).stumbles == 1
    assert judge([*ANSWER[:4], f"{ANSWER[4]}-", *ANSWER[4:]]).whole
    assert judge([*ANSWER, "gunutu"]).others == ["gunutu"]
    for understood, lost, repeated in (
        ("Balapa fakape doniro.", ["gimapa"], []),
        ("Balapa balapa fakape gimapa doniro.", [], ["balapa"]),
    ):
        answer = words_of(answer_to(understood.lower().replace(".", "")))  # to what was understood
        moment = judge(answer, understood=understood)
        assert (moment.lost, moment.repeated, moment.others) == (lost, repeated, [])
    assert judge([], understood="").lost == [*SAID, *ANSWER]


def test_silence_before_and_within_the_answer_is_a_gap() -> None:
    assert judge(ANSWER, late=0.7).gap == pytest.approx(0.7)
    assert judge(ANSWER, late=0.7).excess == pytest.approx(0.7 - FIRST["tts"])
    turn = Turn(0, SAID, 0.0, 1.0)
    for now in (1.0, 1.5, 3.5):  # each piece lasts a second
        turn.hears(bytes(2 * RATE), now)
    assert turn.silent == pytest.approx(0.5)


def test_what_a_caller_says_is_heard_over_its_voice() -> None:
    sound = voiced(SAID)
    assert [each.text for each in hear(sound.tobytes(), RATE)] == SAID
    assert np.abs(sound).max() > 5000


@pytest.fixture(scope="module")
def survived() -> Chaos:
    chaos = Chaos(5, 3, 7, (*STRIKES, KILL))
    run(chaos.run, in_this_loop)
    return chaos


def test_no_word_is_lost_or_doubled_whatever_befalls_the_providers(survived: Chaos) -> None:
    outcome = survived.outcome
    assert len(outcome.moments) >= 5
    assert not outcome.lost
    assert [moment for moment in (*outcome.moments, *outcome.usual) if not moment.whole] == []
    assert len({(moment.part, moment.kind) for moment in outcome.moments}) > 2


def test_the_report_has_every_moment_and_a_verdict_for_each_goal(survived: Chaos) -> None:
    found = report(survived.outcome, datetime.now(UTC), {"seed": "7"})
    (step,) = found.runs[0].steps
    assert sum(len(gaps.values) for gaps in step.distributions.values()) == len(survived.outcome.moments)
    verdicts = {row.what: row.met for row in rows(survived.outcome)}
    assert verdicts["words lost"] is True
    survived.outcome.moments[0].lost.append("balapa")
    assert {row.what: row.met for row in rows(survived.outcome)}["words lost"] is False


def test_more_callers_than_can_be_told_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="from 1 to 16"):
        Chaos(1, 17, 1, ())


def test_a_run_without_a_moment_meets_no_goal() -> None:
    with pytest.raises(ValueError, match="moments: at least 1"):
        Chaos(0, 1, 1, ())
