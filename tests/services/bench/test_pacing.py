import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.services.bench.pacing import HONEST, INTERVAL, SHORTEST_WAIT, Pace, spoiled


def test_frames_of_sessions_are_evenly_apart() -> None:
    pace = Pace(4, start=100.0)
    assert list(pace.due(99.9)) == []
    assert pace.wait(99.9) == pytest.approx(0.1)
    assert [session for session, _ in pace.due(100.0125)] == [0, 1, 2]
    assert pace.wait(100.0125) == pytest.approx(0.0025)
    assert [(session, round(at, 6)) for session, at in pace.due(100.0275)] == [
        (3, 100.015),
        (0, 100.02),
        (1, 100.025),
    ]


def test_a_wait_is_never_too_short_to_be_worth_it() -> None:
    pace = Pace(1000, start=0.0)
    list(pace.due(0.0))
    assert pace.wait(0.0) == SHORTEST_WAIT


def test_processes_are_between_one_another() -> None:
    first, second = Pace(2, start=0.0), Pace(2, start=0.0, share=0.5)
    due = sorted(at for pace in (first, second) for _, at in pace.due(INTERVAL * 0.999))
    assert [round(at / INTERVAL, 6) for at in due] == [0.0, 0.25, 0.5, 0.75]


@settings(max_examples=30)
@given(
    sessions=st.integers(1, 50),
    start=st.floats(0, 1e6),
    waits=st.lists(st.floats(0, 0.3), min_size=1, max_size=20),
)
def test_however_late_one_looks_each_session_sends_fifty_frames_a_second(
    sessions: int, start: float, waits: list[float]
) -> None:
    pace, now, sent = Pace(sessions, start), start, [0] * sessions
    for wait in waits:
        now += wait
        for session, at in pace.due(now):
            assert at <= now
            sent[session] += 1
    assert max(sent) - min(sent) <= 1
    assert sent[0] == pytest.approx((now - start) / INTERVAL, abs=1.001)


@pytest.mark.parametrize(("late", "is_spoiled"), [(0.0, False), (HONEST, False), (HONEST + 0.001, True), (2.0, True)])
def test_who_was_late_does_not_publish(late: float, is_spoiled: bool) -> None:
    assert bool(spoiled(late)) == is_spoiled
    if is_spoiled:
        assert f"{1000 * late:.0f} ms late" in spoiled(late)
